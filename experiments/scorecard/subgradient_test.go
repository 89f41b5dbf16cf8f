package scorecard

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// The shortest vector of hulls whose answer is plain geometry.
func TestCorralShortest(t *testing.T) {
	for _, c := range []struct {
		name    string
		vectors [][]float64
		want    float64
	}{
		{"one vector", [][]float64{{3, 4}}, 5},
		{"0 inside a triangle", [][]float64{{1, 0}, {-1, 1}, {-1, -1}}, 0},
		{"the side of a segment", [][]float64{{1, 1}, {1, -1}}, 1},
		{"a corner", [][]float64{{1, 1}, {2, 1}, {1, 3}}, math.Sqrt2},
		{"equal vectors", [][]float64{{0, 2}, {0, 2}, {0, 2}}, 2},
		{"the face of a simplex", [][]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {2, 2, 2}}, 1 / math.Sqrt(3)},
	} {
		if got := newCorral(c.vectors).shorten(0); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: the shortest vector has norm %v, want %v", c.name, got, c.want)
		}
	}
}

// At the shortest vector of a hull no member lies nearer to the origin along it (Wolfe's criterion, which is necessary and
// sufficient), and it stays a mixture of the members.
func TestCorralOptimality(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "dimensions")
		vectors := make([][]float64, rapid.IntRange(1, 12).Draw(t, "vectors"))
		for i := range vectors {
			vectors[i] = rapid.SliceOfN(rapid.Float64Range(-3, 3), n, n).Draw(t, "vector")
		}
		c := newCorral(vectors)
		norm := c.shorten(1e-7)
		if sum := floats.Sum(c.weights); math.Abs(sum-1) > 1e-9 || floats.Min(c.weights) < 0 {
			t.Fatalf("weights %v are no mixture", c.weights)
		}
		if norm <= 1e-7 {
			return
		}
		for _, v := range vectors {
			if along := floats.Dot(c.at, v); along < norm*norm-1e-5*max(1, norm) {
				t.Fatalf("norm %v, but a member reaches only %v along it", norm, along/norm)
			}
		}
	})
}

// A search that ends on a kink has converged there though no gradient is small, and one away from the minimum is not.
func TestQuasiNewtonRestsAtKink(t *testing.T) {
	x := []float64{-1.2, 1}
	if norm := quasiNewton(&valley{kinked: true}, x, 1e-6, 1e-3); !(norm <= 1e-6) {
		t.Errorf("at the end %v the hull of gradients keeps a norm of %v", x, norm)
	}
	q := &bfgs{f: &valley{kinked: true}, x: []float64{0, 0.5}, grad: make([]float64, 2), next: make([]float64, 2), seen: newTrace(2), near: 1e-3, tolerance: 1e-6}
	q.value = q.f.loss(q.x)
	q.f.slope(q.grad)
	if norm := q.norm(); !(norm > 1) {
		t.Errorf("away from the kink the norm is %v, that of the gradient is %v", norm, floats.Norm(q.grad, 2))
	}
}

// The scorecard of a loss with kinks is what takes longest: a search of a kinked valley.
func BenchmarkQuasiNewtonKinked(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		quasiNewton(&valley{kinked: true}, []float64{-1.2, 1}, 1e-8, 1e-6)
	}
}
