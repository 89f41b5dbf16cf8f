package inference_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/inference"
)

// Student's paired comparison of both drugs: t = -4.0621 and p = 0.002833, as R's t.test(paired = TRUE) prints it.
func TestCompare(t *testing.T) {
	p := inference.Compare(drug1, drug2)
	want(t, "mean", p.Mean, -1.58, 1e-12)
	want(t, "t", p.T, -4.0621276833820366, 1e-12)
	want(t, "p", p.P, 0.0028328901973842702, 1e-10)
	want(t, "low", p.Interval.Low, -2.45988576327698238, 1e-12)
	want(t, "high", p.Interval.High, -0.70011423672301754, 1e-11)
	want(t, "d_z", p.CohenDz, -1.2845575625910546, 1e-12)
	// Hedges (1981), table of c(m): 0.9139 for 9 degrees of freedom.
	want(t, "g_z", p.HedgesGz, -1.2845575625910546*0.9139, 3e-3)
	if p.N != 10 || p.Interval.Method != "student-t 95% of the mean difference" {
		t.Errorf("%+v", p)
	}
	other := inference.Compare(maize, make([]float64, len(maize)))
	want(t, "maize t", other.T, 2.1479874613311201, 1e-12)
	want(t, "maize p", other.P, 0.049702944021800928, 1e-10)
}

func TestCompareDegenerate(t *testing.T) {
	for name, c := range map[string]struct {
		left, right  []float64
		mean, p, dz  float64
		n, missing   int
		warning, low bool
	}{
		"one pair":           {[]float64{1}, []float64{2}, -1, nan, nan, 1, 0, true, false},
		"no difference":      {[]float64{1, 2}, []float64{1, 2}, 0, 1, 0, 2, 0, false, true},
		"equal differences":  {[]float64{1, 2}, []float64{2, 3}, -1, 0, -inf, 2, 0, true, true},
		"missing":            {[]float64{1, nan, 3}, []float64{nan, 2, 4}, -1, nan, nan, 1, 2, true, false},
		"equal infinities":   {[]float64{inf, inf}, []float64{inf, inf}, 0, 1, 0, 2, 0, false, true},
		"unequal infinities": {[]float64{inf, 1}, []float64{1, 1}, inf, nan, nan, 2, 0, true, false},
	} {
		p := inference.Compare(c.left, c.right)
		want(t, name+" mean", p.Mean, c.mean, 0)
		want(t, name+" p", p.P, c.p, 0)
		want(t, name+" d_z", p.CohenDz, c.dz, 0)
		if p.N != c.n || p.Missing != c.missing || (p.Interval.Warning != "") != c.warning || p.Interval.Known() != c.low {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// Exchanging the sides turns every sign.
func TestCompareIsAntisymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Float64Range(-100, 100)
		left := rapid.SliceOfN(value, 2, 20).Draw(t, "left")
		right := rapid.SliceOfN(value, len(left), len(left)).Draw(t, "right")
		p, q := inference.Compare(left, right), inference.Compare(right, left)
		for _, pair := range [][2]float64{{p.Mean, -q.Mean}, {p.T, -q.T}, {p.P, q.P}, {p.HedgesGz, -q.HedgesGz}, {p.Interval.Low, -q.Interval.High}, {p.PWilcoxon, q.PWilcoxon}} {
			if !near(pair[0], pair[1], 1e-9) {
				t.Fatalf("%+v and %+v", p, q)
			}
		}
		// The interval excludes 0 just where p is below 5 %.
		if p.Interval.Contains(0) != (p.P >= 0.05) && math.Abs(p.P-0.05) > 1e-9 {
			t.Fatalf("%+v: interval and p value disagree", p)
		}
	})
}

func TestWilcoxon(t *testing.T) {
	big := make([]float64, 60)
	for i := range big {
		big[i] = float64(i + 1)
		if i%2 == 0 {
			big[i] = -big[i]
		}
		if i < 30 {
			big[i] += 3.5
		} else {
			big[i] += 0.25
		}
	}
	alternating := make([]float64, 51)
	for i := range alternating {
		alternating[i] = float64(i+1) * float64(1-i%2*2)
	}
	for name, c := range map[string]struct {
		x    []float64
		want float64
	}{
		"fifty":       {alternating[:50], 0.9085978224870299},                      // by counting all 2^50 choices of signs
		"fifty-one":   {alternating, math.Erfc(12.5 / math.Sqrt(2*51*52*103./24))}, // normal: rank sum 676 of 1326, variance n(n+1)(2n+1)/24
		"maize":       {maize, 0.041259765625},                                     // scipy's documentation, R's wilcox.test
		"above fifty": {big, 0.62704948301211694},                                  // R, normal with correction for continuity
		"all up":      {[]float64{1, 2, 3, 4, 5, 6}, 2. / 64},                      // both extremes of 2^6 choices of signs
		"ties":        {[]float64{1, 1, 1, -1}, 2 * 5. / 16},                       // binomial: at most one of four is negative
		"balanced":    {[]float64{1, -1}, 1},                                       // symmetric
		"zeros":       {[]float64{0, 0, 1, 2, 3, nan}, 2. / 8},                     // left out
		"nothing":     {[]float64{0, nan}, nan},
	} {
		want(t, name, inference.Wilcoxon(c.x), c.want, 1e-9)
	}
}

// R's p.adjust(p, "holm"); NA is no member of the family.
func TestHolm(t *testing.T) {
	for _, c := range []struct{ p, want []float64 }{
		{[]float64{0.01, 0.04, 0.03, 0.005, nan}, []float64{0.03, 0.06, 0.06, 0.02, nan}},
		{[]float64{0.6, 0.5, 0.02, 0.02}, []float64{1, 1, 0.08, 0.08}},
		{[]float64{0.05}, []float64{0.05}},
		{nil, nil},
	} {
		before := slices.Clone(c.p)
		got := inference.Holm(c.p)
		for i := range c.want {
			if !near(got[i], c.want[i], 1e-12) || !near(before[i], c.p[i], 0) {
				t.Errorf("Holm(%v) = %v, want %v", c.p, got, c.want)
			}
		}
	}
}

func ExampleCompare() {
	p := inference.Compare([]float64{0.31, 0.28, 0.35, 0.30}, []float64{0.42, 0.37, 0.44, 0.45})
	fmt.Printf("%.3f (%.3f to %.3f), n = %d, p = %.4f\n", p.Mean, p.Interval.Low, p.Interval.High, p.N, p.P)
	// Output: -0.110 (-0.155 to -0.065), n = 4, p = 0.0044
}
