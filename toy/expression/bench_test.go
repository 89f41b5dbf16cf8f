package expression_test

import (
	"fmt"
	"math"
	"testing"

	"windtunnel/toy/expression"
)

// sizes are the batches of the paper's experiments and a large one.
var sizes = []int{6, 20, 1000}

// The same loss and gradient, compiled and written out by hand.
func BenchmarkLogistic(b *testing.B) {
	e, err := expression.Parse("softplus(-(lambda*u))", expression.Scope{Columns: []string{"u"}, Scalars: []string{"lambda"}})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range sizes {
		u, loss, slope := margins(n), make([]float64, n), make([]float64, n)
		cols, scalars, dcols := [][]float64{u}, []float64{0.1}, [][]float64{slope}
		p := e.Compile("u")
		run := func(name string, step func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
			})
		}
		run("grad/compiled", func() { p.Grad(cols, scalars, dcols) })
		run("grad/by-hand", func() { logisticSlope(u, 0.1, slope) })
		run("value/compiled", func() { p.Value(cols, scalars, loss) })
		run("value/by-hand", func() { logisticLoss(u, 0.1, loss) })
	}
}

// margins are log-ratio margins of both signs in no order that a branch predictor could learn.
func margins(n int) []float64 {
	u := make([]float64, n)
	for i := range u {
		u[i] = 20 * math.Sin(float64(i*i)+1)
	}
	return u
}

func logisticSlope(u []float64, lambda float64, slope []float64) {
	slope = slope[:len(u)]
	for i, v := range u {
		slope[i] = -lambda / (1 + math.Exp(lambda*v))
	}
}

func logisticLoss(u []float64, lambda float64, loss []float64) {
	loss = loss[:len(u)]
	for i, v := range u {
		z := lambda * v
		loss[i] = max(-z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
	}
}

// The paper's unsupervised term over a prompt's responses, compiled and written out by hand.
func BenchmarkKLRefPi(b *testing.B) {
	formula, err := expression.ParseDistributional("lambda*kl(ref, pi)", []string{"lambda"})
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range []int{3, 1000} {
		uniform := make([]float64, k)
		for i := range uniform {
			uniform[i] = 1 / float64(k)
		}
		d := &expression.Distributions{LogPi: logs(uniform), Pi: uniform, LogRef: logs(uniform), Ref: uniform}
		p, scalars, slope := formula.Compile(), []float64{0.1}, make([]float64, k)
		b.Run(fmt.Sprintf("grad/compiled/%d", k), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Grad(d, scalars, slope)
			}
		})
		b.Run(fmt.Sprintf("grad/by-hand/%d", k), func(b *testing.B) {
			for b.Loop() {
				for i, ref := range d.Ref {
					slope[i] = -0.1 * ref
				}
			}
		})
	}
}
