// Package kernel holds the inner loops of the language model: matrix products, softmax, normalization and their
// gradients, over float32 or float64. Matrices are row-major slices with a leading dimension, the distance between the
// starts of two rows. No function has state, starts a goroutine or allocates.
//
// A result depends on its arguments only, never on the shape of the blocks it is computed in: every element of a product
// is one chain of additions over k, in order.
package kernel

import (
	"fmt"
	"unsafe"
)

// Float is a type of weights and activations: float32 in use, float64 for tests of accuracy.
type Float interface{ float32 | float64 }

// checkMatrix panics unless s holds a matrix of rows x cols with the leading dimension ld. Like an index out of range,
// a wrong shape is a bug in the caller.
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

// fast says whether T is float32 and the processor has assembly for it.
func fast[T Float]() bool {
	_, is := any(T(0)).(float32)
	return is && active != portable
}

// as32 converts slices, which are of float32.
func as32[T Float](x []T) []float32 {
	y, _ := any(x).([]float32)
	return y
}

// first points to the first element of a slice of float32, if there is one.
func first[T Float](x []T) *float32 { return unsafe.SliceData(as32(x)) }

// variant is a set of instructions that float32 kernels are written for.
type variant int

// Each variant needs a newer processor than the one before. AVX2 and AVX-512 give the same bytes; the portable code, which
// also serves float64, differs from them by rounding.
const (
	portable variant = iota
	withAVX2
	withAVX512
)

// active is the variant in use, which the assembly reads. Only tests change it.
var active = newest()

// Rounding names how float32 results are rounded on this processor: "fma" where a product and a sum are rounded once, which
// every variant in assembly does alike, and "portable".
func Rounding() string {
	if active == portable {
		return "portable"
	}
	return "fma"
}
