package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// shapes are the products of the 260K model for 300 tokens: m x n x k.
var shapes = map[string][][3]int{
	"NN": {{300, 64, 64}, {300, 64, 172}, {300, 64, 512}, {300, 8, 300}, {300, 300, 8}},
	"NT": {{300, 64, 64}, {300, 32, 64}, {300, 172, 64}, {300, 64, 172}, {300, 512, 64}},
	"TN": {{64, 64, 300}, {172, 64, 300}, {64, 172, 300}, {512, 64, 300}, {300, 8, 300}},
}

// BenchmarkProducts compares the variants with gonum's float32 GEMM.
func BenchmarkProducts(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, f := range forms {
		for _, s := range shapes[f.name] {
			m, n, k := s[0], s[1], s[2]
			rowsA, colsA, rowsB, colsB := m, k, k, n
			if f.name == "TN" {
				rowsA, colsA = k, m
			}
			if f.name == "NT" {
				rowsB, colsB = n, k
			}
			x, y, z := randomMatrix[float32](rng, rowsA, colsA, colsA), randomMatrix[float32](rng, rowsB, colsB, colsB), randomMatrix[float32](rng, m, n, n)
			run := func(name string, do func()) {
				b.Run(fmt.Sprintf("%s/%dx%dx%d/%s", f.name, m, n, k, name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						do()
					}
					b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
				})
			}
			run("gonum", func() { blas32.Gemm(f.transA, f.transB, 1, general(x), general(y), 0, general(z)) })
			for v := portable; v <= newest(); v++ {
				restore := use(v)
				run(names[v], func() { multiply(f, m, n, k, x, y, z, false) })
				restore()
			}
		}
	}
}

func general(m matrix[float32]) blas32.General {
	return blas32.General{Rows: m.rows, Cols: m.cols, Stride: m.ld, Data: m.data}
}

// BenchmarkRows times one token's worth of each kernel over rows, and the largest product of generation.
func BenchmarkRows(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	of := func(n int) []float32 { return randomMatrix[float32](rng, 1, n, n).data }
	head, gate, up, out := of(512*64), of(172), of(172), of(512)
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"MatVec/512x64", func() { MatVec(512, 64, head, 64, gate[:64], out) }},
		{"MatVec/64x172", func() { MatVec(64, 172, head, 172, gate, out[:64]) }},
		{"LogSumExp/512", func() { LogSumExp(head[:512]) }},
		{"Softmax/300", func() { Softmax(out[:300]) }},
		{"SiLUMul/172", func() { SiLUMul(out[:172], gate, up) }},
		{"RMSNorm/64", func() { RMSNormRows(out[:64], gate[:64], up[:64], make([]float32, 1), 1e-5) }},
	} {
		for v := portable; v <= newest(); v++ {
			restore := use(v)
			b.Run(c.name+"/"+names[v], func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.do()
				}
			})
			restore()
		}
	}
}
