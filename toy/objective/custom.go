package objective

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/toy/expression"
	"windtunnel/toy/registry"
)

// Custom holds a loss of the user's own, written as formulas (see windtunnel/toy/expression for the language).
//
//	pair: softplus(-(c - r)) + 0.1*relu(ref_c - c)   # of a comparison
//	dist: lambda * kl(ref, pi)                       # of the whole policy of a prompt
//
// In pair, c and r are the log-probabilities of the chosen and the rejected response, ref_c and ref_r those under the
// reference, u = (c - ref_c) - (r - ref_r) the logratio margin, n_c and n_r token counts, cbar, rbar and the like
// log-probabilities per token, gap the true reward of the chosen less that of the rejected, reward_c and reward_r the two,
// and dispersion MallowsPO's index of the prompt; TRL's names of these mean the same, and beta is lambda. Alternatively the QPO
// form of the paper (arXiv 2407.09072), psi(mu(r_w) - mu(r_l); lambda): psi in m, the margin, and mu in r = pi/pi_ref, or
// in x = log r.
type Custom struct {
	Lambda    float64            `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"what lambda stands for in the formulas"`
	Pair      string             `yaml:"pair,omitempty" doc:"loss of a comparison, in c, r, ref_c, ref_r, u, n_c, n_r, gap and more (list functions), lambda and the constants"`
	Dist      string             `yaml:"dist,omitempty" doc:"term on a prompt's distributions pi, ref and star: kl, js, tv, hellinger, chi2, alpha, entropy, cross_entropy, reward"`
	Psi       string             `yaml:"psi,omitempty" doc:"QPO form: the outer function, in the margin m"`
	Mu        string             `yaml:"mu,omitempty" doc:"QPO form: the increasing link, in the ratio r or x = log r; default x"`
	Constants map[string]float64 `yaml:"constants,omitempty" doc:"names for numbers, to be used in the formulas and swept"`
}

// scalars returns the names and values that every formula may use.
func (p *Custom) scalars() (names []string, values []float64) {
	names, values = []string{"lambda", "beta"}, []float64{p.Lambda, p.Lambda}
	for _, name := range slices.Sorted(maps.Keys(p.Constants)) {
		names, values = append(names, name), append(values, p.Constants[name])
	}
	return names, values
}

// Variable is a name that formulas of comparisons may use.
type Variable struct{ Name, Meaning string }

// pairColumn is a column of a formula of comparisons, with what it is of a batch, nil where it is not given, and what it is then.
type pairColumn struct {
	Variable
	of        func(*Batch) []float64
	otherwise float64
}

var pairColumns = []pairColumn{
	{Variable{"c", "log-probability of the chosen response, summed over its tokens"}, func(b *Batch) []float64 { return b.Chosen }, 0},
	{Variable{"r", "that of the rejected response"}, func(b *Batch) []float64 { return b.Rejected }, 0},
	{Variable{"ref_c", "that of the chosen response under the reference"}, func(b *Batch) []float64 { return b.RefChosen }, 0},
	{Variable{"ref_r", "that of the rejected response under the reference"}, func(b *Batch) []float64 { return b.RefRejected }, 0},
	{Variable{"n_c", "tokens of the chosen response; 1 in a bandit"}, func(b *Batch) []float64 { return b.ChosenTokens }, 1},
	{Variable{"n_r", "tokens of the rejected response"}, func(b *Batch) []float64 { return b.RejectedTokens }, 1},
	{Variable{"gap", "true or given reward of the chosen response less that of the rejected one"}, func(b *Batch) []float64 { return b.Gap }, 0},
	{Variable{"reward_c", "true or given reward of the chosen response; in a bandit log pi_star"}, func(b *Batch) []float64 { return b.ChosenReward }, 0},
	{Variable{"reward_r", "that of the rejected response"}, func(b *Batch) []float64 { return b.RejectedReward }, 0},
	{Variable{"dispersion", "MallowsPO's index of the prompt, -log(H/log K), H the entropy of the reference over K responses"}, func(b *Batch) []float64 { return b.Dispersion }, 1},
}

// pairDefinitions are names for expressions of these, TRL's among them.
var pairDefinitions = []expression.Definition{
	{Name: "u", Body: "(c - ref_c) - (r - ref_r)"}, {Name: "logits", Body: "u"}, {Name: "cbar", Body: "c/n_c"}, {Name: "rbar", Body: "r/n_r"},
	{Name: "ref_cbar", Body: "ref_c/n_c"}, {Name: "ref_rbar", Body: "ref_r/n_r"},
	{Name: "policy_chosen_logps", Body: "c"}, {Name: "policy_rejected_logps", Body: "r"},
	{Name: "ref_chosen_logps", Body: "ref_c"}, {Name: "ref_rejected_logps", Body: "ref_r"},
	{Name: "reference_chosen_logps", Body: "ref_c"}, {Name: "reference_rejected_logps", Body: "ref_r"},
	{Name: "chosen_logratios", Body: "c - ref_c"}, {Name: "rejected_logratios", Body: "r - ref_r"},
}

// Variables lists the names of formulas of comparisons.
func Variables() []Variable {
	var all []Variable
	for _, c := range pairColumns {
		all = append(all, c.Variable)
	}
	for _, d := range pairDefinitions {
		all = append(all, Variable{d.Name, "is " + d.Body})
	}
	return append(all, Variable{"lambda", "the loss's lambda"}, Variable{"beta", "the same"})
}

// pairScope is the scope of formulas of comparisons.
func pairScope(scalars []string) expression.Scope {
	s := expression.Scope{Scalars: scalars, Definitions: pairDefinitions, Batch: true}
	for _, c := range pairColumns {
		s.Columns = append(s.Columns, c.Name)
	}
	return s
}

// parsed is a Custom whose formulas have been read; what is not given is nil.
type parsed struct {
	pair, psi, mu *expression.Expression
	dist          *expression.Distributional
	names         []string // of scalars
	values        []float64
}

// parse reads the formulas. Each mistake is reported under its key.
func (p *Custom) parse() (parsed, []registry.Problem) {
	names, values := p.scalars()
	out := parsed{names: names, values: values}
	var problems []registry.Problem
	var err error
	for _, f := range []struct {
		key, source string
		into        **expression.Expression
		scope       expression.Scope
	}{
		{"pair", p.Pair, &out.pair, pairScope(names)},
		{"psi", p.Psi, &out.psi, expression.Scope{Columns: []string{"m"}, Scalars: names}},
		{"mu", p.Mu, &out.mu, expression.Scope{Columns: []string{"x"}, Scalars: names, Definitions: []expression.Definition{{Name: "r", Body: "exp(x)"}}}},
	} {
		if f.source != "" {
			if *f.into, err = expression.Parse(f.source, f.scope); err != nil {
				problems = append(problems, formulaProblem(f.key, err))
			}
		}
	}
	if p.Dist != "" {
		if out.dist, err = expression.ParseDistributional(p.Dist, names); err != nil {
			problems = append(problems, formulaProblem("dist", err))
		}
	}
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
		taken := slices.ContainsFunc(Variables(), func(v Variable) bool { return v.Name == name })
		if taken || slices.Contains([]string{"m", "x", "pi", "ref", "star"}, name) || !expression.ValidName(name) {
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
		o.And(1, OnPairs(newFormula(f.pair, f.values, false)))
	}
	if f.psi != nil {
		o.And(1, OnPairs(f.qpo()))
	}
	if f.dist != nil {
		o.And(1, OnDist(newDistFormula(f.dist, f.names, f.values)))
	}
	return o
}

// formula is a pair term that a formula gives.
type formula struct {
	source   *expression.Expression
	program  *expression.Program
	scalars  []float64
	frozen   []float64    // nil, or the scalars with the statistics of the batch that they are held at
	columns  [][]float64  // in the order of pairColumns
	reads    []string     // the columns that are read
	slots    []int        // their places, and those of the four log-probabilities
	shift    bool         // depends on c - r alone
	kinked   bool         // a policy at its reference may be at a kink
	filling  [][]float64  // columns of what is not given
	settled  [2][]float64 // c and r, where the policy is at its reference but for rounding the reference's
	value    []float64
	gradient [][]float64 // by c and by r
	second   [][]float64 // by cc, cr and rr
}

var _ reading = (*formula)(nil)

// newFormula returns the term; one that holds nothing back from differentiation has second derivatives, and one that holds
// statistics of the batch back alone has them with the statistics as they are at some policy. At rest, averages over steps are what is
// averaged.
func newFormula(e *expression.Expression, scalars []float64, rest bool) PairTerm {
	f := &formula{source: e, scalars: scalars, shift: e.ShiftInvariant([]string{"c", "r"}, "n_c", "n_r"), kinked: e.Kinked(), reads: e.Columns()}
	f.compile()
	for i, c := range pairColumns {
		if i < 4 || f.Reads(c.Name) {
			f.slots = append(f.slots, i)
		}
	}
	if rest {
		f.program.Rest()
	}
	switch {
	case f.program.Remembers() && !rest && f.program.Coupled():
		return remembering{f}
	case f.program.Remembers() && !rest:
		return detachedMemory{remembering{f}}
	case f.program.Coupled():
		return f
	case f.program.Moving():
		return detachedFormula{f}
	case e.Held() || f.program.Statistical():
		return f
	}
	return curvedFormula{f}
}

// compile gives the formula a program and scratch of its own.
func (f *formula) compile() {
	f.program = f.source.Compile("c", "r")
	f.columns, f.filling = make([][]float64, len(pairColumns)), make([][]float64, len(pairColumns))
	f.settled, f.value, f.gradient, f.second = [2][]float64{}, nil, make([][]float64, 2), make([][]float64, 3)
}

// DifferenceOnly says whether the formula's form shows that it depends on c - r alone.
func (f *formula) DifferenceOnly() bool { return f.shift }

func (f *formula) holds() bool { return f.source.Held() }

func (f *formula) Reads(column string) bool { return slices.Contains(f.reads, column) }

func (f *formula) Loss(b *Batch) float64 {
	f.program.Value(f.columns, f.fill(b), f.value)
	return weighed(b.Weight, f.value)
}

func (f *formula) Grad(b *Batch, scale float64, g *Grad) {
	f.program.Grad(f.columns, f.fill(b), f.gradient)
	for i, w := range b.Weight {
		g.Chosen[i] += scale * w * f.gradient[0][i]
		g.Rejected[i] += scale * w * f.gradient[1][i]
	}
}

// fill points the columns at a batch, sizes the scratch, and returns the scalars with the statistics of the batch.
func (f *formula) fill(b *Batch) []float64 {
	n := len(b.Chosen)
	f.value = sized(f.value, n)
	for _, columns := range [][][]float64{f.gradient, f.second} {
		for i := range columns {
			columns[i] = sized(columns[i], n)
		}
	}
	for _, i := range f.slots {
		column := pairColumns[i].of(b)
		if len(column) < n {
			for len(f.filling[i]) < n {
				f.filling[i] = append(f.filling[i], pairColumns[i].otherwise)
			}
			column = f.filling[i][:n]
		}
		f.columns[i] = column
	}
	if f.kinked {
		f.settle(b)
	}
	if f.frozen != nil {
		return f.frozen
	}
	return f.program.Statistics(f.columns, b.Weight, f.scalars)
}

// settle replaces log-probabilities that are the reference's but for rounding, so that the kinks of the formula are where they
// are. Raw scores are so where their margin is.
func (f *formula) settle(b *Batch) {
	chosen, rejected := append(f.settled[0][:0], b.Chosen...), append(f.settled[1][:0], b.Rejected...)
	for i, refChosen := range b.RefChosen {
		refRejected := b.RefRejected[i]
		left, right := chosen[i]-refChosen, rejected[i]-refRejected
		both := f.shift && atReference(left-right, max(math.Abs(refChosen), math.Abs(refRejected)))
		if both || atReference(left, refChosen) {
			chosen[i] = refChosen
		}
		if both || atReference(right, refRejected) {
			rejected[i] = refRejected
		}
	}
	f.settled = [2][]float64{chosen, rejected}
	f.columns[0], f.columns[1] = chosen, rejected
}

// curvedFormula is a formula with second derivatives.
type curvedFormula struct{ *formula }

var _ Curved = curvedFormula{}

func (f curvedFormula) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	f.Grad(b, scale, g)
	f.program.Hess(f.columns, f.fill(b), f.second)
	for i, w := range b.Weight {
		h.ChosenChosen[i] += scale * w * f.second[0][i]
		h.ChosenRejected[i] += scale * w * f.second[1][i]
		h.RejectedRejected[i] += scale * w * f.second[2][i]
	}
	return f.Loss(b)
}

// detachedFormula is a formula that holds statistics of the batch back.
type detachedFormula struct{ *formula }

var _ Detached = detachedFormula{}

func (f detachedFormula) Freeze(b *Batch) PairTerm {
	held := *f.formula
	held.frozen = slices.Clone(f.fill(b))
	held.compile()
	if f.source.HeldRows() {
		return &held
	}
	return curvedFormula{&held}
}

// remembering is a formula that reads earlier steps.
type remembering struct{ *formula }

var _ Advancing = remembering{}

func (f remembering) Advance(b *Batch) {
	f.fill(b)
	f.program.Advance(f.columns, b.Weight, f.scalars)
}

func (f remembering) State() []float64 { return f.program.State() }

// detachedMemory is one through whose statistics no derivatives pass.
type detachedMemory struct{ remembering }

var _ Detached = detachedMemory{}

func (f detachedMemory) Freeze(b *Batch) PairTerm { return detachedFormula{f.formula}.Freeze(b) }

func (remembering) Remembers() bool { return true }

// inBandit returns the formula where training rests.
func (f remembering) inBandit() []PairTerm {
	return []PairTerm{newFormula(f.source, f.scalars, true)}
}

// distFormula is a distribution term that a formula gives.
type distFormula struct {
	program *expression.DistributionProgram
	names   []string // of scalars
	scalars []float64
	scratch []float64
	source  *expression.Distributional
	kinked  bool // a policy at its reference may be at a kink
	settled expression.Distributions
}

func newDistFormula(d *expression.Distributional, names []string, scalars []float64) *distFormula {
	return &distFormula{program: d.Compile(), names: names, scalars: scalars, source: d, kinked: d.Kinked()}
}

func (f *distFormula) holds() bool { return f.source.Held() }

// knownFunctionals are the functionals of formulas that losses here are made of, with the number of times that they are those, up
// to a constant.
var knownFunctionals = map[string]Weighted[DistTerm]{
	"kl(ref, pi)": {1, klRefPi{}}, "cross_entropy(ref, pi)": {1, klRefPi{}}, "kl(pi, ref)": {1, klPiRef{}},
	"reward(pi)": {-1, reward{}}, "cross_entropy(pi, star)": {1, reward{}},
}

// inBandit returns the terms that the formula is a sum of, up to a constant; itself where it is no such sum.
func (f *distFormula) inBandit() []Weighted[DistTerm] {
	sum, linear := f.source.Linear(f.scalars)
	if !linear || f.source.Held() {
		return []Weighted[DistTerm]{{1, f}}
	}
	var terms []Weighted[DistTerm]
	for _, m := range sum {
		if known, is := knownFunctionals[m.Functional]; is {
			terms = append(terms, Weighted[DistTerm]{m.Factor * known.Weight, known.Term})
		} else if strings.Contains(m.Functional, "pi") {
			d, err := expression.ParseDistributional(m.Functional, f.names)
			if err != nil {
				panic("objective: a functional that does not read back: " + err.Error())
			}
			terms = append(terms, Weighted[DistTerm]{m.Factor, newDistFormula(d, f.names, f.scalars)})
		}
	}
	return terms
}

// at returns the distributions; where a formula has kinks, with probabilities that are the reference's but for rounding
// replaced by it.
func (f *distFormula) at(d *Dist) *expression.Distributions {
	logPi, pi := d.LogPi, d.Pi
	if f.kinked {
		logPi, pi = append(f.settled.LogPi[:0], logPi...), append(f.settled.Pi[:0], pi...)
	}
	f.settled = expression.Distributions{LogPi: logPi, Pi: pi, LogRef: d.LogRef, Ref: d.Ref, LogStar: d.LogStar}
	if !f.kinked {
		return &f.settled
	}
	for k, ref := range d.LogRef {
		if atReference(logPi[k]-ref, ref) {
			logPi[k], pi[k] = ref, d.Ref[k]
		}
	}
	return &f.settled
}

func (f *distFormula) Loss(d *Dist) float64 {
	return f.program.Value(f.at(d), f.scalars)
}

func (f *distFormula) Grad(d *Dist, scale float64, g []float64) {
	f.scratch = sized(f.scratch, len(g))
	f.program.Grad(f.at(d), f.scalars, f.scratch)
	for k, v := range f.scratch {
		g[k] += scale * v
	}
}

func (f *distFormula) Hess(d *Dist, scale float64, h []float64) {
	f.scratch = sized(f.scratch, len(h))
	f.program.Hess(f.at(d), f.scalars, f.scratch)
	for k, v := range f.scratch {
		h[k] += scale * v
	}
}
