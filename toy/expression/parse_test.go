package expression

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	const names = "one of c, lambda, r, ref_c, tau, u"
	functions := oneOf(sorted(callable()))
	tests := []struct {
		source, want string
		offset       int
	}{
		{"", `column 1: the end is out of place; want a number, a variable, a function, "-" or "("`, 0},
		{"c +", `column 4: the end is out of place; want a number, a variable, a function, "-" or "("`, 3},
		{"c r", `column 3: "r" is out of place; want an operator or the end`, 2},
		{"(c", `column 3: the end is out of place; want an operator or ")"`, 2},
		{"exp(c, r)", "column 1: exp has 2 arguments; want exp(x)", 0},
		{"1 + clamp(c, 0)", "column 5: clamp has 2 arguments; want clamp(x, low, high), with slope 1 at both bounds", 4},
		{"min(c)", "column 1: min has 1 arguments; want min(x, y, ...), with the slope of the first where several are smallest", 0},
		{"c - lamda", `column 5: lamda is not a variable here; want ` + names + `; did you mean "lambda"?`, 4},
		{"zebra", "column 1: zebra is not a variable here; want " + names, 0},
		{"softpuls(c)", "column 1: softpuls is not a function; want " + functions + `; did you mean "softplus"?`, 0},
		{"c(1)", `column 1: c is a variable, not a function; want an operator between it and "("`, 0},
		{"exp", "column 1: exp is a function; want exp(...)", 0},
		{"exp(c", `column 6: the end is out of place; want an operator, "," or ")"`, 5},
		{"2*kl(ref, pi)", "column 3: kl compares whole distributions; want it in a distribution expression", 2},
		{"c**2", `column 2: "**" is not an operator; did you mean "^"?`, 1},
		{"c > r", `column 3: '>' is no part of an expression; want numbers, names, + - * / ^, parentheses and commas`, 2},
		{"é + c", `column 1: 'é' is no part of an expression; want numbers, names, + - * / ^, parentheses and commas`, 0},
		{"c + 1e999", "column 5: 1e999 is too large; want a number below 1.8e308", 4},
		{"1.2.3", "column 1: 1.2.3 is not a number; want a number such as 1, 0.5 or 1e-3", 0},
		{"2c", "column 1: 2c is not a number; want a number such as 1, 0.5 or 1e-3", 0},
		{"+c", `column 1: "+" is out of place; want a number, a variable, a function, "-" or "("`, 0},
		{"exp'(c)", `column 4: '\'' is no part of an expression; want numbers, names, + - * / ^, parentheses and commas`, 3},
		{strings.Repeat("(", 300), "column 201: the expression is nested too deeply; want at most 200 levels", 200},
		{strings.Repeat("c+", 3000), "column 4001: the expression is too long; want at most 4000 numbers, names and signs", 4000},
	}
	for _, tt := range tests {
		_, err := Parse(tt.source, scope)
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("%q: error %v", tt.source, err)
			continue
		}
		if mistake.Error() != tt.want || mistake.Offset != tt.offset {
			t.Errorf("%q: at %d\n got %s\nwant %s", tt.source, mistake.Offset, mistake, tt.want)
		}
	}
}

func TestDistributionMistakes(t *testing.T) {
	tests := []struct{ source, want string }{
		{"kl(ref)", `column 7: ")" is out of place; want kl(a, b), which is sum a log(a/b)`},
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
		{Scalars: []string{"kl"}},
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
		{"c-r*ref_c^2", "c - r*ref_c^2"},
		{"-c^2", "-c^2"},
		{"(-c)^2", "(-c)^2"},
		{"2^3^c", "2^3^c"},
		{"(2^3)^c", "(2^3)^c"},
		{"2^-c", "2^-c"},
		{"c-(r-tau)", "c - (r - tau)"},
		{"(c-r)-tau", "c - r - tau"},
		{"c/(r*tau)", "c/(r*tau)"},
		{"c/r*tau", "c/r*tau"},
		{"-(c*r)", "-(c*r)"},
		{"-c*r", "-c*r"},
		{"--c", "--c"},
		{"c*-r", "c*-r"},
		{"((c))", "c"},
		{"1.50e-3 + .5", "0.0015 + 0.5"},
		{"max( c,r ,1 )", "max(c, r, 1)"},
		{"softplus(-(c - r)) + 0.1*relu(ref_c - c)", "softplus(-(c - r)) + 0.1*relu(ref_c - c)"},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.source).String(); got != tt.want {
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
		if got := mustParse(t, tt.source).ShiftInvariant("c", "r"); got != tt.want {
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
	if !errors.As(err, &mistake) || mistake.Offset < 0 || mistake.Offset > len(source) || mistake.Column < 1 || mistake.Column > len(source)+1 || mistake.Wrong == "" {
		t.Fatalf("%q: %v", source, err)
	}
}
