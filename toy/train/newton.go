package train

import (
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/registry"
)

// Newton holds the settings of Newton's method, theta -= lr H^-1 g. A quadratic loss, such as IPO's of a policy whose logits are linear in
// its parameters, is at its minimum after one step of lr 1.
type Newton struct {
	LR float64 `yaml:"lr" range:"(0,1e6]" doc:"part of the full step"`
}

func (p *Newton) Optimizer(n int) Optimizer {
	o := &newton{Newton: *p, hess: mat.NewSymDense(max(n, 1), nil), factor: mat.NewSymDense(max(n, 1), nil)}
	for i := range n { // the identity before any is taken in
		o.hess.SetSym(i, i, 1)
	}
	return o
}

type newton struct {
	Newton
	hess   *mat.SymDense // of the batch's loss, which the Trainer sets before Step
	factor *mat.SymDense
}

// Step shifts a Hessian that is not positive definite until it is. Parameters stay where none that is finite does.
func (n *newton) Step(params, grad []float64, factor float64) {
	for shift := 0.0; shift < 1e300; shift = max(10*shift, 1e-14*mat.Trace(n.hess), 1e-300) {
		n.factor.CopySym(n.hess)
		for i := range params {
			n.factor.SetSym(i, i, n.hess.At(i, i)+shift)
		}
		if root, ok := lapack64.Potrf(n.factor.RawSymmetric()); ok {
			lapack64.Potrs(root, blas64.General{Rows: len(grad), Cols: 1, Stride: 1, Data: grad})
			floats.AddScaled(params, -n.LR*factor, grad)
			return
		}
	}
}

func (n *newton) State() [][]float64 { return nil }

var newtonKind = registry.Kind[OptimizerParams]{
	Name:    "newton",
	Summary: "Newton's method, of losses with second derivatives and policies that are affine in their parameters",
	Source:  "Nocedal and Wright 2006, chapter 3",
	New:     func() OptimizerParams { return &Newton{LR: 1} },
}

// Curves says whether a loss of a policy has the second derivatives that Newton's method needs.
func Curves(pol policy.Policy, obj *objective.Objective) bool {
	_, affine := pol.(policy.Affine)
	return affine && obj.Uncurved() == nil && obj.Sampled == nil
}

// curvature is what a Problem keeps for Hessians.
type curvature struct {
	*objective.Curvature
	most     int          // comparisons on which it can be
	jacobian []*mat.Dense // by prompt
	offset   []int        // of the prompt's parameters
	at       objective.Prompt
}

func (p *Problem) newCurvature(most int) *curvature {
	pol := p.Policy.(policy.Affine)
	k := pol.Responses()
	c := &curvature{Curvature: p.Objective.Curvature(k, most), most: most, jacobian: make([]*mat.Dense, pol.Prompts()), offset: make([]int, pol.Prompts())}
	for _, b := range pol.Blocks() {
		for _, prompt := range b.Prompts {
			if c.offset[prompt], c.jacobian[prompt] = b.Offset, pol.Jacobian(prompt); c.jacobian[prompt] == nil {
				c.jacobian[prompt] = mat.NewDense(k, k, nil)
				for i := range k {
					c.jacobian[prompt].Set(i, i, 1)
				}
			}
		}
	}
	return c
}

// addHess adds scale times the Hessian of the loss on a minibatch by the parameters, without the penalty's.
func (p *Problem) addHess(m *Minibatch, scale float64, hess *mat.SymDense) {
	if p.curvature == nil || p.curvature.most < m.Pairs() {
		p.curvature = p.newCurvature(m.Pairs())
	}
	p.forward(m)
	c, from := p.curvature, 0
	for i, prompt := range m.Prompts {
		at, to := &c.at, from
		*at = objective.Prompt{Dist: p.reference[prompt], Logits: p.logits, DistWeight: m.PromptWeight[i], Chosen: at.Chosen[:0], Rejected: at.Rejected[:0]}
		for ; to < m.Pairs() && m.of[to] == prompt; to++ {
			at.Chosen, at.Rejected = append(at.Chosen, m.response(m.chosen[to])), append(at.Rejected, m.response(m.rejected[to]))
		}
		at.Weight, at.Gap, at.Dispersion = m.Weight[from:to], m.Gap[from:to], m.Dispersion[from:to]
		if m.ChosenWeight != nil {
			at.ChosenWeight, at.RejectedWeight = m.ChosenWeight[from:to], m.RejectedWeight[from:to]
		}
		from = to
		p.Policy.Logits(prompt, p.logits)
		logspace.Softmax(at.LogPi, at.Pi, p.logits)
		c.Loss(at)
		for j, v := range c.Hess { // adds J^T Hess J
			for r, x := range c.jacobian[prompt].RawRowView(j / len(p.logits)) {
				for s, y := range c.jacobian[prompt].RawRowView(j % len(p.logits))[r:] {
					row, column := c.offset[prompt]+r, c.offset[prompt]+r+s
					hess.SetSym(row, column, hess.At(row, column)+scale*v*x*y)
				}
			}
		}
	}
}

// Hessian returns the Hessian on the batch of the last Gradient.
func (c *comparisons) Hessian() *mat.SymDense {
	if c.hess == nil {
		c.hess = mat.NewSymDense(len(c.grad), nil)
	}
	c.hess.Zero()
	if c.grouped == nil {
		c.problem.addHess(c.batch, 1, c.hess)
	} else {
		for g, m := range c.grouped.now {
			if m != nil {
				c.problem.addHess(m, c.grouped.factor[g], c.hess)
			}
		}
	}
	for i := range c.grad {
		c.hess.SetSym(i, i, c.hess.At(i, i)+2*c.problem.L2)
	}
	return c.hess
}
