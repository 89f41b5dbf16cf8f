package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// names are the variants'.
var names = [...]string{"portable", "AVX2", "AVX-512"}

// use makes v the variant in use until restore is called.
func use(v variant) (restore func()) {
	before := active
	active = v
	return func() { active = before }
}

// eachVariant runs a test with every variant that this processor has.
func eachVariant(t *testing.T, name string, test func(t *testing.T)) {
	for v := portable; v <= newest(); v++ {
		t.Run(name+"/"+names[v], func(t *testing.T) {
			defer use(v)()
			test(t)
		})
	}
}

// call is one call of a kernel with drawn arguments: it returns what the call wrote, and what surrounds it.
type call func(rng *rand.Rand, sizes [3]int, ld int, add bool) [][]float32

func callProduct(f form) call {
	return func(rng *rand.Rand, s [3]int, ld int, add bool) [][]float32 {
		m, n, k := s[0], s[1], s[2]
		rowsA, colsA, rowsB, colsB := m, k, k, n
		if f.name == "TN" {
			rowsA, colsA = k, m
		}
		if f.name == "NT" {
			rowsB, colsB = n, k
		}
		a, b := randomMatrix[float32](rng, rowsA, colsA, colsA+ld), randomMatrix[float32](rng, rowsB, colsB, colsB+ld)
		c := randomMatrix[float32](rng, m, n, n+ld)
		multiply(f, m, n, k, a, b, c, add)
		return [][]float32{c.around, a.around, b.around}
	}
}

// callRows is a kernel over rows: it gets count vectors of rows*n elements.
func callRows(count int, do func(x [][]float32, rows, n int)) call {
	return func(rng *rand.Rand, s [3]int, ld int, add bool) [][]float32 {
		rows, n := 1+s[0]%5, max(1, s[1])
		x, around := make([][]float32, count), make([][]float32, count)
		for i := range x {
			m := randomMatrix[float32](rng, 1, rows*n, rows*n)
			x[i], around[i] = m.data, m.around
		}
		do(x, rows, n)
		return around
	}
}

func kernels() map[string]call {
	calls := map[string]call{
		"MatVec": func(rng *rand.Rand, s [3]int, ld int, add bool) [][]float32 {
			a := randomMatrix[float32](rng, s[0], s[1], s[1]+ld)
			x, y := randomMatrix[float32](rng, 1, s[1], s[1]), randomMatrix[float32](rng, 1, s[0], s[0])
			MatVec(s[0], s[1], a.data, a.ld, x.data, y.data)
			return [][]float32{y.around}
		},
		"AddTo":       callRows(2, func(x [][]float32, rows, n int) { AddTo(x[0], x[1]) }),
		"Softmax":     callRows(1, func(x [][]float32, rows, n int) { Softmax(x[0]) }),
		"SoftmaxGrad": callRows(2, func(x [][]float32, rows, n int) { SoftmaxGrad(x[0], x[1]) }),
		"LogSumExp":   callRows(1, func(x [][]float32, rows, n int) { x[0][0] = float32(1e6 * LogSumExp(x[0])) }),
		"SiLUMul":     callRows(3, func(x [][]float32, rows, n int) { SiLUMul(x[0], x[1], x[2]) }),
		"SiLUMulGrad": callRows(5, func(x [][]float32, rows, n int) { SiLUMulGrad(x[0], x[1], x[2], x[3], x[4]) }),
		"RMSNormRows": callRows(4, func(x [][]float32, rows, n int) { RMSNormRows(x[0], x[1], x[2][:n], x[3][:rows], 1e-5) }),
		"RMSNormGrad": callRows(6, func(x [][]float32, rows, n int) {
			RMSNormGrad(x[0], x[1][:n], x[2], x[3], x[4][:n], x[5][:rows])
		}),
		"RMSNormGrad frozen": callRows(5, func(x [][]float32, rows, n int) {
			RMSNormGrad(x[0], nil, x[1], x[2], x[3][:n], x[4][:rows])
		}),
	}
	for _, f := range forms {
		calls["Mul"+f.name] = callProduct(f)
	}
	return calls
}

// TestVariantsAgree calls each kernel with the same arguments in every variant: AVX2 and AVX-512 must give the same bytes,
// the portable code the same but for rounding, and nothing around the arguments may change.
func TestVariantsAgree(t *testing.T) {
	if newest() == portable {
		t.Skip("this processor has the portable code only")
	}
	for name, do := range kernels() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				sizes := [3]int{size("m").Draw(t, "m"), size("n").Draw(t, "n"), size("k").Draw(t, "k")}
				ld, add, seed := rapid.SampledFrom([]int{0, 0, 1, 7}).Draw(t, "ld"), rapid.Bool().Draw(t, "add"), rapid.Uint64().Draw(t, "seed")
				var results [][][]float32
				for v := portable; v <= newest(); v++ {
					restore := use(v)
					results = append(results, do(rand.New(rand.NewPCG(seed, 3)), sizes, ld, add))
					restore()
				}
				for i := range results[0] {
					checkClose(t, results[portable][i], results[withAVX2][i])
					for _, newer := range results[withAVX2+1:] {
						checkSame(t, results[withAVX2][i], newer[i])
					}
				}
			})
		})
	}
}

func checkSame(t *rapid.T, want, got []float32) {
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("element %d is %x with AVX-512, %x with AVX2", i, got[i], want[i])
		}
	}
}

// checkClose allows what the longest chain of additions here can round.
func checkClose(t *rapid.T, want, got []float32) {
	for i := range want {
		if !(math.Abs(float64(want[i]-got[i])) <= 1e-3*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("element %d is %v with AVX2, %v in portable code", i, got[i], want[i])
		}
		if want[i] == guard && got[i] != guard {
			t.Fatalf("element %d outside the arguments is now %v", i, got[i])
		}
	}
}

// TestExp compares e to the power of x with math.Exp, in units in the last place, all over the range, where kernels give it away: the
// sum of exp(0) and exp(x) is in float64, a softmax of 0 and a low x is exp(x), and silu(-x) is -x/(1 + exp(x)).
func TestExp(t *testing.T) {
	eachVariant(t, "float32", func(t *testing.T) {
		worst := 0.0
		check := func(x float32, got, want, most float64) {
			size := float32(math.Abs(want))
			ulp := float64(math.Nextafter32(size, float32(math.Inf(1))) - size)
			off := math.Abs(got-want) / ulp
			if worst = max(worst, off); !(off <= most) {
				t.Fatalf("of exp(%v): %v is %.2f ulp from %v", x, got, off, want)
			}
		}
		for bits := uint32(0); bits < 0x7f800000; bits += 4099 {
			x := math.Float32frombits(bits)
			if x < 18 {
				_, sum := sumExp([]float32{0, -x})
				check(-x, sum-1, math.Exp(-float64(x)), 2)
			} else {
				p := []float32{0, -x}
				Softmax(p)
				check(-x, float64(p[1]), math.Exp(-float64(x)), 2)
			}
			if x > 0 && x < 80 {
				s := []float32{-x}
				SiLUMul(s, s, []float32{1})
				check(x, float64(s[0]), -float64(x)/(1+math.Exp(float64(x))), 4)
			}
		}
		t.Logf("at worst %.3f ulp", worst)
	})
}

func TestNothingAllocates(t *testing.T) {
	eachVariant(t, "float32", func(t *testing.T) {
		for name, do := range map[string]func(a, b, c []float32){
			"MulNN":       func(a, b, c []float32) { MulNN(8, 8, 8, a, 8, b, 8, c, 8, false) },
			"MulNT":       func(a, b, c []float32) { MulNT(8, 8, 8, a, 8, b, 8, c, 8, false) },
			"MatVec":      func(a, b, c []float32) { MatVec(8, 8, a, 8, b[:8], c[:8]) },
			"Softmax":     func(a, b, c []float32) { Softmax(a) },
			"LogSumExp":   func(a, b, c []float32) { LogSumExp(a) },
			"SiLUMul":     func(a, b, c []float32) { SiLUMul(a, b, c) },
			"RMSNorm":     func(a, b, c []float32) { RMSNormRows(a, b, c, make([]float32, 1), 1e-5) },
			"RMSNormGrad": func(a, b, c []float32) { RMSNormGrad(a, b, c, c, c, c[:1]) },
			"AddTo":       func(a, b, c []float32) { AddTo(a, b) },
		} {
			a, b, c := make([]float32, 64), make([]float32, 64), make([]float32, 64)
			if n := testing.AllocsPerRun(10, func() { do(a, b, c) }); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
	})
}
