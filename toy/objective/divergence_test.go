package objective

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"

	"windtunnel/toy/internal/gradcheck"
)

var links = map[string]Invertible{
	"forward KL": forwardKL, "Jensen-Shannon": jensenShannon, "alpha -1": alphaDivergence(-1),
	"alpha 0": alphaDivergence(0), "alpha 0.5": alphaDivergence(0.5), "alpha 2": alphaDivergence(2), "alpha 3": alphaDivergence(3),
	"chi-squared": chiSquared, "Box-Cox": boxCox(0.25), "Box-Cox -0.5": boxCox(-0.5),
}

// of applies one of a link's methods to one number.
func of(method func(x, dst []float64), x float64) float64 {
	out := []float64{math.NaN()}
	method([]float64{x}, out)
	return out[0]
}

func TestLinks(t *testing.T) {
	for name, link := range links {
		low, high := link.Range()
		last := math.Inf(-1)
		for _, x := range []float64{-25, -10, -3, -1, -0.1, 0, 1e-9, 0.1, 1, 3, 10, 25} {
			value, slope := of(link.Value, x), of(link.Slope, x)
			if value <= low || value >= high {
				t.Errorf("%s at %v: %v is outside (%v, %v)", name, x, value, low, high)
			}
			if value <= last || slope <= 0 {
				t.Errorf("%s at %v: value %v after %v, slope %v; want increasing", name, x, value, last, slope)
			}
			last = value
			// Where a link levels out, its value has lost digits of x.
			if back := link.Inverse(value); !scalar.EqualWithinAbsOrRel(back, x, 1e-13, 1e-13+0x1p-50*math.Abs(value)/slope) {
				t.Errorf("%s: Inverse(Value(%v)) = %v", name, x, back)
			}
			want := gradcheck.Derivative(func(x float64) float64 { return of(link.Value, x) }, x)
			if !gradcheck.Close(slope, want, math.Abs(value)) {
				t.Errorf("%s at %v: slope %v, want %v", name, x, slope, want)
			}
			want = gradcheck.Derivative(func(x float64) float64 { return of(link.Slope, x) }, x)
			if got := of(link.Curve, x); !gradcheck.Close(got, want, slope) {
				t.Errorf("%s at %v: second derivative %v, want %v", name, x, got, want)
			}
		}
	}
}

// TestLinksByDefinition compares with f'(r) for the f of each divergence, up to its constant (arXiv 2309.16240, table 1).
func TestLinksByDefinition(t *testing.T) {
	generators := map[string]func(r float64) float64{
		"forward KL":     func(r float64) float64 { return -math.Log(r) },
		"Jensen-Shannon": func(r float64) float64 { return r*math.Log(r) - (r+1)*math.Log((r+1)/2) },
		"alpha 0.5":      func(r float64) float64 { return (math.Pow(r, 0.5) - 0.5*r - 0.5) / (0.5 * (0.5 - 1)) },
		"alpha 2":        func(r float64) float64 { return (r*r - 2*r + 1) / (2 * (2 - 1)) },
	}
	for name, f := range generators {
		// t(r) - t(1) = f'(r) - f'(1).
		for _, r := range []float64{0.1, 0.5, 2, 7} {
			want := gradcheck.Derivative(f, r) - gradcheck.Derivative(f, 1)
			if got := of(links[name].Value, math.Log(r)) - of(links[name].Value, 0); math.Abs(got-want) > 1e-7 {
				t.Errorf("%s at ratio %v: %v, want %v", name, r, got, want)
			}
		}
	}
}

func TestLinkExtremes(t *testing.T) {
	for name, link := range links {
		for _, x := range []float64{-1e300, -1e4, -700, 700, 1e4, 1e300} {
			value, slope, curve := of(link.Value, x), of(link.Slope, x), of(link.Curve, x)
			if math.IsNaN(value) || math.IsNaN(slope) || slope < 0 || math.IsNaN(curve) {
				t.Errorf("%s at %v: %v, slope %v, curve %v", name, x, value, slope, curve)
			}
		}
		low, high := link.Range()
		for _, end := range []float64{low, high} {
			if x := link.Inverse(end); !math.IsInf(x, 0) {
				t.Errorf("%s: Inverse(%v) = %v, want an infinity", name, end, x)
			}
		}
	}
}

// TestSpellings: long and short names are one divergence; reverse KL is DPO.
func TestSpellings(t *testing.T) {
	for long, short := range map[string]string{"js_divergence": "js", "reverse_kl": "rkl", "forward_kl": "fkl", "alpha_divergence": "alpha"} {
		in := [4]float64{-2, -1, -0.5, -3}
		a := (&FDPO{Lambda: 2, Divergence: long, Alpha: 0.3}).Objective().pair[0].Term.Loss(single(in))
		b := (&FDPO{Lambda: 2, Divergence: short, Alpha: 0.3}).Objective().pair[0].Term.Loss(single(in))
		dpo := (&DPO{Lambda: 2}).Objective().pair[0].Term.Loss(single(in))
		if a != b || (a == dpo) != (long == "reverse_kl") {
			t.Errorf("%s %v, %s %v, dpo %v", long, a, short, b, dpo)
		}
	}
}

func TestFDPOCheck(t *testing.T) {
	for _, tt := range []struct {
		params FDPO
		wrong  string
	}{
		{FDPO{Divergence: "alpha", Alpha: 1}, "the alpha divergence of order 1 is undefined"},
		{FDPO{Divergence: "alpha_divergence", Alpha: 1}, "the alpha divergence of order 1 is undefined"},
		{FDPO{Divergence: "alpha", Alpha: 0.99}, ""},
		{FDPO{Divergence: "js", Alpha: 1}, ""},
	} {
		problems := tt.params.Check()
		switch {
		case tt.wrong == "" && problems != nil:
			t.Errorf("%+v: %v", tt.params, problems)
		case tt.wrong != "" && (len(problems) != 1 || problems[0].Wrong != tt.wrong || problems[0].Key != "alpha"):
			t.Errorf("%+v: %v, want %q", tt.params, problems, tt.wrong)
		}
	}
}

// TestLogOdds: the odds of a probability, and back.
func TestLogOdds(t *testing.T) {
	for _, p := range []float64{1e-100, 0.1, 0.5, 0.9, 1 - 1e-9} {
		x := math.Log(p)
		value := of(logOdds.Value, x)
		if want := math.Log(p / (1 - p)); !scalar.EqualWithinAbsOrRel(value, want, 1e-12, 1e-7) {
			t.Errorf("odds of %v: %v, want %v", p, value, want)
		}
		if back := logOdds.Inverse(value); !scalar.EqualWithinAbsOrRel(back, x, 1e-15, 1e-13) {
			t.Errorf("Inverse(%v) = %v, want %v", value, back, x)
		}
		if slope, want := of(logOdds.Slope, x), 1/(1-p); !scalar.EqualWithinRel(slope, want, 1e-7) {
			t.Errorf("slope at %v: %v, want %v", p, slope, want)
		}
		if curve, want := of(logOdds.Curve, x), p/(1-p)/(1-p); !scalar.EqualWithinRel(curve, want, 1e-6) {
			t.Errorf("second derivative at %v: %v, want %v", p, curve, want)
		}
	}
}
