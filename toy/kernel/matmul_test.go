package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// form is one of the three products, with the shapes in which it stores its factors.
type form struct {
	name           string
	transA, transB blas.Transpose
}

var forms = []form{
	{"NN", blas.NoTrans, blas.NoTrans},
	{"NT", blas.NoTrans, blas.Trans},
	{"TN", blas.Trans, blas.NoTrans},
}

func multiply[T Float](f form, m, n, k int, a, b, c matrix[T], add bool) {
	mul := MulNN[T]
	switch f.name {
	case "NT":
		mul = MulNT[T]
	case "TN":
		mul = MulTN[T]
	}
	mul(m, n, k, a.data, a.ld, b.data, b.ld, c.data, c.ld, add)
}

// matrix is a slice inside a larger one whose other elements must stay as they are.
type matrix[T Float] struct {
	rows, cols, ld int
	data           []T
	around         []T
}

const guard = 7777

// randomMatrix has standard normal elements between rows of guards: elements outside the matrix are guard.
func randomMatrix[T Float](rng *rand.Rand, rows, cols, ld int) matrix[T] {
	const margin = 40
	need := 0
	if rows > 0 && cols > 0 {
		need = (rows-1)*ld + cols
	}
	around := make([]T, margin+need+margin)
	for i := range around {
		around[i] = guard
	}
	m := matrix[T]{rows, cols, ld, around[margin : margin+need : margin+need], around}
	for i := range rows {
		for j := range cols {
			m.data[i*ld+j] = T(rng.NormFloat64())
		}
	}
	return m
}

func (m matrix[T]) at(i, j int) T { return m.data[i*m.ld+j] }

func (m matrix[T]) float64s() blas64.General {
	g := blas64.General{Rows: m.rows, Cols: m.cols, Stride: max(1, m.cols), Data: make([]float64, m.rows*m.cols+1)}
	for i := range m.rows {
		for j := range m.cols {
			g.Data[i*m.cols+j] = float64(m.at(i, j))
		}
	}
	return g
}

// checkGuards fails if anything outside the matrix was written.
func (m matrix[T]) checkGuards(t interface{ Fatalf(string, ...any) }) {
	inside := map[int]bool{}
	for i := range m.rows {
		for j := range m.cols {
			inside[(len(m.around)-len(m.data))/2+i*m.ld+j] = true
		}
	}
	for i, v := range m.around {
		if v != guard && !inside[i] {
			t.Fatalf("element %d outside the %d x %d matrix (leading dimension %d) is now %v", i, m.rows, m.cols, m.ld, v)
		}
	}
}

// size draws the sizes that go wrong: none, one, those around a block, and the language model's.
func size(name string) *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, 70), rapid.SampledFrom([]int{8, 16, 32, 33, 64, 172, 300}))
}

// epsilon is the rounding unit of T.
func epsilon[T Float]() float64 {
	if _, single := any(T(0)).(float32); single {
		return 0x1p-24
	}
	return 0x1p-53
}

func testProduct[T Float](t *testing.T, f form) {
	rapid.Check(t, func(t *rapid.T) {
		m, n, k := size("m").Draw(t, "m"), size("n").Draw(t, "n"), size("k").Draw(t, "k")
		add := rapid.Bool().Draw(t, "add")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		draw := func(rows, cols int, trans blas.Transpose, name string) matrix[T] {
			if trans == blas.Trans {
				rows, cols = cols, rows
			}
			return randomMatrix[T](rng, rows, cols, cols+rapid.SampledFrom([]int{0, 0, 1, 5}).Draw(t, name))
		}
		a, b, c := draw(m, k, f.transA, "lda"), draw(k, n, f.transB, "ldb"), draw(m, n, blas.NoTrans, "ldc")
		want := product(f, a, b, c, add)
		multiply(f, m, n, k, a, b, c, add)
		for i := range m {
			for j := range n {
				// The bound of a chain of k additions and products of size about 1 (Higham 2002, section 3.1).
				bound := 8 * float64(k+2) * epsilon[T]()
				if got := float64(c.at(i, j)); !(math.Abs(got-want.Data[i*want.Stride+j]) <= bound*10) {
					t.Fatalf("element %d, %d is %v, gonum's float64 gives %v", i, j, got, want.Data[i*want.Stride+j])
				}
			}
		}
		for _, x := range []matrix[T]{a, b, c} {
			x.checkGuards(t)
		}
	})
}

// product is the same by gonum in float64.
func product[T Float](f form, a, b, c matrix[T], add bool) blas64.General {
	out := c.float64s()
	beta := 0.0
	if add {
		beta = 1
	}
	left, right := a.float64s(), b.float64s()
	if len(left.Data) > 1 && len(right.Data) > 1 {
		blas64.Gemm(f.transA, f.transB, 1, left, right, beta, out)
	} else if !add { // gonum wants no factor without elements
		clear(out.Data)
	}
	return out
}

func TestProducts(t *testing.T) {
	for _, f := range forms {
		eachVariant(t, f.name, func(t *testing.T) { testProduct[float32](t, f) })
		t.Run(f.name+"/float64", func(t *testing.T) { testProduct[float64](t, f) })
	}
}

func testMatVec[T Float](t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, k := size("m").Draw(t, "m"), size("k").Draw(t, "k")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a := randomMatrix[T](rng, m, k, k+rapid.IntRange(0, 3).Draw(t, "lda"))
		x, y := randomMatrix[T](rng, 1, k, k), randomMatrix[T](rng, 1, m, m)
		MatVec(m, k, a.data, a.ld, x.data, y.data)
		for i := range m {
			var want float64
			for l := range k {
				want += float64(a.at(i, l)) * float64(x.at(0, l))
			}
			if got := float64(y.at(0, i)); !(math.Abs(got-want) <= 80*float64(k+2)*epsilon[T]()) {
				t.Fatalf("element %d is %v, in float64 %v", i, got, want)
			}
		}
		y.checkGuards(t)
	})
}

func TestMatVec(t *testing.T) {
	eachVariant(t, "float32", testMatVec[float32])
	t.Run("float64", testMatVec[float64])
}

func TestTranspose(t *testing.T) { eachVariant(t, "float32", testTranspose) }

func testTranspose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := size("m").Draw(t, "m"), size("n").Draw(t, "n")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a, b := randomMatrix[float32](rng, m, n, n+rapid.IntRange(0, 3).Draw(t, "lda")), randomMatrix[float32](rng, n, m, m+rapid.IntRange(0, 3).Draw(t, "ldb"))
		Transpose(m, n, a.data, a.ld, b.data, b.ld)
		for i := range m {
			for j := range n {
				if a.at(i, j) != b.at(j, i) {
					t.Fatalf("element %d, %d is %v, was %v", j, i, b.at(j, i), a.at(i, j))
				}
			}
		}
		b.checkGuards(t)
	})
}

func TestWrongShapesPanic(t *testing.T) {
	s := make([]float32, 6)
	for name, call := range map[string]func(){
		"A too short":       func() { MulNN(3, 2, 3, s, 3, s, 2, s, 2, false) },
		"B too short":       func() { MulNT(2, 3, 3, s, 3, s, 3, s, 3, false) },
		"C too short":       func() { MulTN(3, 3, 1, s, 3, s, 3, s, 3, false) },
		"leading dimension": func() { MulNN(2, 2, 2, s, 1, s, 2, s, 2, false) },
		"negative":          func() { MulNN(-1, 2, 2, s, 2, s, 2, s, 2, false) },
		"x":                 func() { MatVec(2, 3, s, 3, s, s[:2]) },
		"AddTo":             func() { AddTo(s, s[1:]) },
		"RMSNorm":           func() { normRow(s, s, s[1:], 0) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := recover(); r == nil {
					t.Error("no panic")
				} else if _, ours := r.(string); !ours {
					t.Error("panic of another kind:", r)
				}
			}()
			call()
		})
	}
}

func ExampleMulNT() {
	x := []float32{1, 2, 3, 4, 5, 6} // two tokens of three features
	w := []float32{1, 0, 0, 1, 1, 1} // two outputs, stored out x in
	y := make([]float32, 4)
	MulNT(2, 2, 3, x, 3, w, 3, y, 2, false)
	fmt.Println(y)
	// Output: [1 6 4 15]
}
