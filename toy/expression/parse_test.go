package expression

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	functions := oneOf(slices.Sorted(slices.Values(callable())))
	tests := []struct{ source, want string }{
		{"", `column 1: the end is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"c +", `column 4: the end is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"c r", `column 3: "r" is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"(c", `column 3: the end is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"exp(c, r)", `column 1: exp has 2 arguments; want exp(x)`},
		{"1 + clamp(c, 0)", `column 5: clamp has 2 arguments; want clamp(x, low, high), with slope 1 at both bounds`},
		{"min()", `column 1: min has 0 arguments; want min(x, y, ...), with the slope of the first where several are smallest; min(x) over the batch, where the smallest share it`},
		{"c - lamda", `column 5: lamda is not a variable here; want one of c, lambda, r, ref_c, tau, u; did you mean "lambda"?`},
		{"zebra", `column 1: zebra is not a variable here; want one of c, lambda, r, ref_c, tau, u`},
		{"softpuls(c)", `column 1: softpuls is not a function; want ` + functions + `; did you mean "softplus"?`},
		{"c(1)", `column 1: c is a variable, not a function; want an operator between it and "("`},
		{"exp", `column 1: exp is a function; want exp(...)`},
		{"exp(c", `column 6: the end is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"2*kl(ref, pi)", `column 3: kl compares whole distributions; want it in a distribution expression`},
		{"c > r", `column 3: ">" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"c % r", `column 3: "%" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"c ? r : 1", `column 3: "?" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"c in r", `column 3: "in" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"c[0]", `column 2: "[" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"[c, r]", `column 1: "[" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{`"c"`, `column 1: "\"" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"c // r", `column 3: "/" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"c # r", `column 3: "#" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"é + c", `column 1: é is not a variable here; want one of c, lambda, r, ref_c, tau, u`},
		{"c + 1e999", `column 5: 1e999 is too large; want a number below 1.8e308, written with an exponent`},
		{"99999999999999999999", `column 1: 99999999999999999999 is too large; want a number below 1.8e308, written with an exponent`},
		{"1.2.3", `column 4: ".3" is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"2c", `column 1: 2c is not a number; want a number such as 1, 0.5 or 1e-3`},
		{"*c", `column 1: "*" is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{"exp'(c)", `column 4: "'" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"torch.std(c)", `column 7: torch.std divides by n-1; want std(x), which divides by n, or torch.std(x, correction=0)`},
		{"u.std(unbiased=True)", `column 3: torch.std divides by n-1; want std(x), which divides by n, or torch.std(x, correction=0)`},
		{"torch.clamp(c, low=0)", `column 7: clamp has no argument called low; want clamp(x, low, high), with slope 1 at both bounds`},
		{"clamp(c, 0, min=1)", `column 1: clamp has no argument called min; want clamp(x, low, high), with slope 1 at both bounds`},
		{"torch.logsumexp(c)", `column 7: logsumexp is not a function; want ` + functions + `; did you mean "log1mexp"?`},
		{"np.exp(c)", `column 1: np is not a variable here; want one of c, lambda, r, ref_c, tau, u`},
		{"u.detach", `column 3: detach is a function; want detach(...)`},
		{"u.mean(dim=0)", `column 3: mean has no argument called dim; want mean(x), the mean over the batch by the comparisons' weights`},
		{"self.gamma", `column 6: gamma is not a variable here; want one of c, lambda, r, ref_c, tau, u`},
		{"ema(c)", `column 1: ema has 1 argument; want ema(x, decay) or ema(x, decay, start), the moving average of mean(x) over training steps, with slope 0: decay times the last plus (1 - decay) times the present, from start, or from the first`},
		{"let x = c; x", `column 10: ";" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"softplus'(c)", `column 9: "'" is no part of a formula; want numbers, names, + - * / ^, parentheses and commas`},
		{"sum(c)", `column 1: sum is not a function; want ` + functions + ``},
		{strings.Repeat("(", 3000), `column 3001: the end is out of place; want a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)`},
		{strings.Repeat("c+", 3000), `column 4001: the expression is too long; want at most 4000 characters`},
	}
	for _, tt := range tests {
		_, err := Parse(tt.source, inBatch)
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("%q: error %v", tt.source, err)
		} else if mistake.Error() != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.source, mistake, tt.want)
		}
	}
	if _, err := Parse("mean(c)", scope); err == nil || err.Error() != "column 1: mean is of a batch, which this formula does not see; want it in a formula of comparisons (pair)" {
		t.Errorf("a mean where there is no batch gives %v", err)
	}
}

func TestDistributionMistakes(t *testing.T) {
	tests := []struct{ source, want string }{
		{"kl(ref)", "column 1: kl has 1 arguments; want kl(a, b), which is sum a log(a/b)"},
		{"kl(ref, pie)", `column 9: "pie" is not a distribution; want kl(a, b), which is sum a log(a/b) of pi, ref, star; did you mean "pi"?`},
		{"kl(ref, 2)", `column 9: "2" is not a distribution; want kl(a, b), which is sum a log(a/b) of pi, ref, star`},
		{"1 + pi", "column 5: pi is a distribution, not a number; want it as an argument of one of alpha, chi2, cross_entropy, entropy, hellinger, js, kl, reward, tv"},
		{"alpha(pi, ref, kl(pi, ref))", "column 16: kl depends on the policy; want an order made of numbers and constants"},
		{"lambda*kl(ref, pi)*c", "column 20: c is not a variable here; want lambda"},
	}
	for _, tt := range tests {
		if _, err := ParseDistributional(tt.source, []string{"lambda"}); err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.source, err, tt.want)
		}
	}
	_, err := ParseDistributional("entropi(pi)", nil)
	var mistake *Error
	if !errors.As(err, &mistake) || mistake.Near != "entropy" {
		t.Errorf("a misspelt functional gave %v", err)
	}
	if _, err := ParseDistributional("1", []string{"pi"}); err == nil {
		t.Error("a scalar could be named pi")
	}
}

func TestScopeMistakes(t *testing.T) {
	for _, s := range []Scope{
		{Columns: []string{"c", "c"}},
		{Columns: []string{"c"}, Scalars: []string{"c"}},
		{Scalars: []string{"exp"}},
		{Scalars: []string{"let"}},
		{Scalars: []string{"torch"}},
		{Scalars: []string{"detach"}},
		{Scalars: []string{"2x"}},
		{Scalars: []string{""}},
		{Scalars: []string{"a-b"}},
		{Columns: []string{"c"}, Definitions: []Definition{{"u", "c - r"}}},
		{Columns: []string{"c"}, Definitions: []Definition{{"u", "v"}, {"v", "c"}}},
	} {
		if _, err := Parse("1", s); err == nil {
			t.Errorf("the scope %+v was accepted", s)
		}
	}
}

// Precedences and the canonical form of each.
func TestCanonicalForms(t *testing.T) {
	tests := []struct{ source, want string }{
		{"c-r*ref_c^2", "c - r * ref_c ^ 2"},
		{"-c^2", "-c ^ 2"},
		{"(-c)^2", "(-c) ^ 2"},
		{"2^3^c", "2 ^ 3 ^ c"},
		{"(2^3)^c", "(2 ^ 3) ^ c"},
		{"2^-c", "2 ^ -c"},
		{"c-(r-tau)", "c - (r - tau)"},
		{"(c-r)-tau", "c - r - tau"},
		{"c/(r*tau)", "c / (r * tau)"},
		{"c/r*tau", "c / r * tau"},
		{"-(c*r)", "-(c * r)"},
		{"-c*r", "-c * r"},
		{"--c", "--c"},
		{"c*-r", "c * -r"},
		{"((c))", "c"},
		{"+c**2", "c ^ 2"},
		{"torch.nn.functional.logsigmoid(-c.detach())", "logsigmoid(-stopgrad(c))"},
		{"c.pow(2).clamp(min=0, max=1)", "min(max(c ^ 2, 0), 1)"},
		{"torch.std(c, correction=0) - r.std(unbiased=False)", "std(c) - std(r)"},
		{"torch.maximum(c, r) * self.lambda", "max(c, r) * lambda"},
		{"torch.relu(1. - 2 * c)", "relu(1 - 2 * c)"},
		{"1.50e-3 + .5", "0.0015 + 0.5"},
		{"max( c,r ,1 )", "max(c, r, 1)"},
		{"softplus(-(c - r)) + 0.1*relu(ref_c - c)", "softplus(-(c - r)) + 0.1 * relu(ref_c - c)"},
	}
	for _, tt := range tests {
		if got := mustParseBatch(t, tt.source).String(); got != tt.want {
			t.Errorf("%s prints as %s, want %s", tt.source, got, tt.want)
		}
	}
}

func TestOperators(t *testing.T) {
	point, scalars := [3]float64{2, 3, 5}, []float64{7, 0.5}
	tests := []struct {
		source string
		want   float64
	}{
		{"c - r - 1", -2}, {"c - (r - 1)", 0}, {"12/c/r", 2}, {"c^r^2", 512}, {"(c^r)^2", 64}, {"-c^2", -4}, {"2^-c", 0.25},
		{"c + r*ref_c", 17}, {"c*-r", -6}, {"--c", 2}, {"clamp(c, 3, 4)", 3}, {"clamp(ref_c, 3, 4)", 4}, {"clamp(r, 2, 4)", 3},
		{"max(c, r, ref_c)", 5}, {"min(c, r, ref_c)", 2}, {"relu(c - r)", 0}, {"u", -6}, {"lambda*tau", 3.5}, {"abs(c - r)", 1},
		{"square(r)", 9}, {"r^4", 81}, {"r^0", 1}, {"sqrt(c + 2)", 2}, {"stopgrad(r)", 3},
	}
	for _, tt := range tests {
		if got, _, _ := at(mustParse(t, tt.source), point, scalars); got != tt.want {
			t.Errorf("%s is %v, want %v", tt.source, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	e := mustParse(t, "lambda*u + exp(r) - tau*0")
	if got := e.Columns(); !slices.Equal(got, []string{"c", "r", "ref_c"}) {
		t.Errorf("columns are %v", got)
	}
	if got := mustParse(t, "lambda*r").Columns(); !slices.Equal(got, []string{"r"}) {
		t.Errorf("columns are %v", got)
	}
}

func TestShiftInvariant(t *testing.T) {
	tests := []struct {
		source string
		want   bool
	}{
		{"softplus(-(c - r))", true}, {"u", true}, {"square(u)*exp(c - r) + tau", true}, {"c - r + relu(ref_c - c)", false},
		{"max(c, r) - min(c, r)", true}, {"(2*c - 2*r)/3", true}, {"2*c - r", false}, {"stopgrad(c) - stopgrad(r)", true},
		{"c - stopgrad(r)", false}, {"stopgrad(c)*(c - r)", false}, {"exp(c)/exp(r)", false}, {"-c + r", true}, {"1", true},
		{"max(stopgrad(c), r) - r", false}, {"ref_c", true},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.source).ShiftInvariant([]string{"c", "r"}); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.source, got, tt.want)
		}
	}
}

// Whatever is written, parsing ends in an expression that prints, reads back and evaluates, or in a mistake inside the
// source.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"softplus(-(c - r)) + 0.1*relu(ref_c - c)", "lambda*kl(ref, pi) + square(tv(pi, star))", "((", "1e-", "c^-r^2", "2**c",
		"min(c,r,u,1)", "clamp(c,0,1)", "alpha(pi, ref, lambda)", "é", "stopgrad(u)/log1mexp(-c)", ".", "1/0", "kl(", "(-1)^tau",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := Parse(source, scope)
		fuzzMistake(t, source, err)
		if err == nil {
			at(e, [3]float64{-1, 0, 1}, []float64{0.5, 2})
			if again := mustParse(t, e.String()); again.String() != e.String() {
				t.Fatalf("%s reads back as %s", e, again)
			}
		}
		d, err := ParseDistributional(source, scope.Scalars)
		fuzzMistake(t, source, err)
		if err != nil {
			return
		}
		again, err := ParseDistributional(d.String(), scope.Scalars)
		if err != nil || again.String() != d.String() {
			t.Fatalf("%s reads back as %v, %v", d, again, err)
		}
		p, at := d.Compile(), distributions([]float64{0, -1, 2}, []float64{0, 0, 0}, []float64{1, 0, -1})
		p.Value(at, []float64{0.5, 2})
		p.Grad(at, []float64{0.5, 2}, make([]float64, 3))
		p.Hess(at, []float64{0.5, 2}, make([]float64, 9))
	})
}

func fuzzMistake(t *testing.T, source string, err error) {
	var mistake *Error
	if err == nil {
		return
	}
	if !errors.As(err, &mistake) || mistake.Column < 1 || mistake.Column > len(source)+1 || mistake.Wrong == "" {
		t.Fatalf("%q: %v", source, err)
	}
}
