package objective

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"windtunnel/toy/expression"
	"windtunnel/toy/registry"
)

// Custom holds a loss of the user's own, written as formulas (see windtunnel/toy/expression for the language).
//
//	pair: softplus(-(c - r)) + 0.1*relu(ref_c - c)   # of a comparison
//	dist: lambda * kl(ref, pi)                       # of the whole policy of a prompt
//
// In pair, c and r are the log-probabilities of the chosen and the rejected response, ref_c and ref_r those under the
// reference, u = (c - ref_c) - (r - ref_r) the logratio margin, n_c and n_r token counts. Alternatively the QPO form of
// the paper (arXiv 2407.09072), psi(mu(r_w) - mu(r_l); lambda): psi in m, the margin, and mu in r = pi/pi_ref, or in
// x = log r.
type Custom struct {
	Lambda    float64            `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"what lambda stands for in the formulas"`
	Pair      string             `yaml:"pair,omitempty" doc:"loss of a comparison, in c, r, ref_c, ref_r, u, n_c, n_r, lambda and the constants"`
	Dist      string             `yaml:"dist,omitempty" doc:"term on a prompt's distributions pi, ref and star: kl, js, tv, hellinger, chi2, alpha, entropy, cross_entropy, reward"`
	Psi       string             `yaml:"psi,omitempty" doc:"QPO form: the outer function, in the margin m"`
	Mu        string             `yaml:"mu,omitempty" doc:"QPO form: the increasing link, in the ratio r or x = log r; default x"`
	Constants map[string]float64 `yaml:"constants,omitempty" doc:"names for numbers, to be used in the formulas and swept"`
}

// scalars returns the names and values that every formula may use.
func (p *Custom) scalars() (names []string, values []float64) {
	names, values = []string{"lambda"}, []float64{p.Lambda}
	for _, name := range slices.Sorted(maps.Keys(p.Constants)) {
		names, values = append(names, name), append(values, p.Constants[name])
	}
	return names, values
}

var (
	pairColumns = []string{"c", "r", "ref_c", "ref_r", "n_c", "n_r"}
	margin      = expression.Definition{Name: "u", Body: "(c - ref_c) - (r - ref_r)"}
	ratio       = expression.Definition{Name: "r", Body: "exp(x)"}
)

// parsed is a Custom whose formulas have been read; what is not given is nil.
type parsed struct {
	pair, psi, mu *expression.Expression
	dist          *expression.Distributional
	values        []float64
}

// parse reads the formulas. Each mistake is reported under its key.
func (p *Custom) parse() (parsed, []registry.Problem) {
	names, values := p.scalars()
	out := parsed{values: values}
	var problems []registry.Problem
	read := func(key, source string, into func() error) {
		if source == "" {
			return
		}
		if err := into(); err != nil {
			problems = append(problems, formulaProblem(key, err))
		}
	}
	formula := func(dst **expression.Expression, source string, columns []string, definitions ...expression.Definition) func() error {
		return func() (err error) {
			*dst, err = expression.Parse(source, expression.Scope{Columns: columns, Scalars: names, Definitions: definitions})
			return err
		}
	}
	read("pair", p.Pair, formula(&out.pair, p.Pair, pairColumns, margin))
	read("psi", p.Psi, formula(&out.psi, p.Psi, []string{"m"}))
	read("mu", p.Mu, formula(&out.mu, p.Mu, []string{"x"}, ratio))
	read("dist", p.Dist, func() (err error) {
		out.dist, err = expression.ParseDistributional(p.Dist, names)
		return err
	})
	return out, problems
}

// formulaProblem puts a mistake in a formula into the words of the configuration's errors.
func formulaProblem(key string, err error) registry.Problem {
	var mistake *expression.Error
	if !errors.As(err, &mistake) {
		return registry.Problem{Key: key, Wrong: err.Error()}
	}
	problem := registry.Problem{Key: key, Wrong: fmt.Sprintf("at character %d: %s", mistake.Column, mistake.Wrong), Allowed: mistake.Allowed}
	if mistake.Near != "" {
		problem.Allowed += fmt.Sprintf("; did you mean %q?", mistake.Near)
	}
	return problem
}

// Check reads the formulas and the names of constants.
func (p *Custom) Check() []registry.Problem {
	var problems []registry.Problem
	for _, name := range slices.Sorted(maps.Keys(p.Constants)) {
		taken := slices.Contains([]string{"lambda", "u", "m", "x", "pi", "ref", "star"}, name) || slices.Contains(pairColumns, name)
		if taken || !expression.ValidName(name) {
			problems = append(problems, registry.Problem{Key: "constants." + name, Wrong: fmt.Sprintf("%q cannot name a constant", name),
				Allowed: "letters, digits and _, and no name that means something already"})
		}
	}
	switch {
	case len(problems) > 0:
		return problems
	case p.Pair == "" && p.Dist == "" && p.Psi == "":
		return []registry.Problem{{Key: "pair", Wrong: "there is no formula", Allowed: "pair, dist, both, or psi"}}
	case p.Pair != "" && p.Psi != "":
		return []registry.Problem{{Key: "psi", Wrong: "is given beside pair", Allowed: "one of the two"}}
	case p.Mu != "" && p.Psi == "":
		return []registry.Problem{{Key: "mu", Wrong: "is given without psi", Allowed: "psi with it"}}
	}
	_, problems = p.parse()
	return problems
}

// Objective compiles the formulas. It panics on formulas that Check refuses.
func (p *Custom) Objective() *Objective {
	f, problems := p.parse()
	if problems != nil {
		panic(fmt.Sprintf("objective: custom loss: %s: %s", problems[0].Key, problems[0].Wrong))
	}
	o := &Objective{}
	if f.pair != nil {
		o.And(1, OnPairs(newFormula(f.pair, f.values)))
	}
	if f.psi != nil {
		m := &Margin{Lambda: 1, Factor: 1, Outer: newFunctionOf(f.psi, "m", f.values)}
		if f.mu != nil {
			m.Link = newFunctionOf(f.mu, "x", f.values)
		}
		o.And(1, OnPairs(m))
	}
	if f.dist != nil {
		o.And(1, OnDist(&distFormula{program: f.dist.Compile(), scalars: f.values}))
	}
	return o
}

var customKind = registry.Kind[Params]{
	Name:    "custom",
	Summary: "a loss of your own, as a formula of comparisons (pair), of distributions (dist), or in the QPO form (psi, mu)",
	Source:  "this project; QPO: Hu, He, Wipf 2024, arXiv 2407.09072",
	New:     func() Params { return &Custom{Lambda: defaultLambda} },
}
