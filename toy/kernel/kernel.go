// Package kernel holds the inner loops of the language model: matrix products, softmax, normalization and their
// gradients, over float32 or float64. Matrices are row-major slices with a leading dimension, the distance between the
// starts of two rows. Nothing here keeps state, starts a goroutine or allocates.
//
// A result depends on its arguments only, never on the shape of the blocks it is computed in: every element of a product
// is one chain of additions over k, in order.
package kernel

import "fmt"

// Float is a type of weights and activations: float32 in use, float64 to check it by.
type Float interface{ float32 | float64 }

// checkMatrix panics unless s holds a matrix of rows x cols with the leading dimension ld. Like an index out of range,
// a wrong shape is a mistake of the program.
func checkMatrix(name string, rows, cols, ld, have int) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("kernel: %s is %d x %d", name, rows, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if ld < cols {
		panic(fmt.Sprintf("kernel: %s has %d columns and leading dimension %d", name, cols, ld))
	}
	if need := (rows-1)*ld + cols; have < need {
		panic(fmt.Sprintf("kernel: %s needs %d elements and has %d", name, need, have))
	}
}

// checkLength panics unless a vector that goes with one of want elements is as long.
func checkLength(name string, want, have int) {
	if want != have {
		panic(fmt.Sprintf("kernel: %s has %d elements instead of %d", name, have, want))
	}
}

// singles returns x as a slice of float32, if it is one.
func singles[T Float](x []T) (y []float32, single bool) {
	y, single = any(x).([]float32)
	return y, single
}

// as32 is for the other arguments, when one of them is known to be a slice of float32.
func as32[T Float](x []T) []float32 {
	y, _ := any(x).([]float32)
	return y
}
