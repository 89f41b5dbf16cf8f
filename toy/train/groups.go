package train

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// GroupParams are the parameters of one kind of weights over groups of comparisons. A step then goes down a weighted sum of the
// groups' mean losses, whatever the loss.
type GroupParams interface {
	// Weights returns fresh weights, given how many comparisons each group has.
	Weights(count []float64) GroupWeights
}

// GroupWeights are the weights in training.
type GroupWeights interface {
	// Weigh takes in the groups' mean losses on a batch, of which they have the given shares, and writes by what the gradient of each
	// is multiplied. A group that the batch has nothing of has share and loss 0.
	Weigh(loss, share, factor []float64)
	// Now returns the live weights.
	Now() []float64
}

// GroupKinds lists every kind of weights over groups, sorted by name.
func GroupKinds() registry.Table[GroupParams] {
	return registry.Table[GroupParams]{
		{Name: "importance", Summary: "fixed weights of comparisons in inverse proportion to their group's size, summing to 1 over groups",
			Source: "Ramesh et al. 2024, arXiv 2405.20304, IS-DPO", New: func() GroupParams { return &Importance{} }},
		{Name: "proportional", Summary: "each group by its share of the comparisons: the steps of no weights, measured by group",
			Source: "this project", New: func() GroupParams { return &Proportional{} }},
		{Name: "robust", Summary: "weights that grow exponentially with the groups' losses, for the worst group",
			Source: "Ramesh et al. 2024, arXiv 2405.20304, algorithm 1; Sagawa et al. 2019, arXiv 1911.08731", New: func() GroupParams { return &Robust{Rate: 0.1, Mix: 1} }},
	}
}

// fixed are weights that stay.
type fixed struct {
	weights []float64
	by      func(g int, share float64) float64 // the factor
}

func (f *fixed) Weigh(_, share, factor []float64) {
	for g, s := range share {
		factor[g] = f.by(g, s)
	}
}

func (f *fixed) Now() []float64 { return f.weights }

func shares(count []float64) []float64 {
	all := make([]float64, len(count))
	floats.AddScaled(all, 1/floats.Sum(count), count)
	return all
}

// Proportional is no weights.
type Proportional struct{}

func (*Proportional) Weights(count []float64) GroupWeights {
	return &fixed{shares(count), func(_ int, share float64) float64 { return share }}
}

// Importance weighs each comparison by w_g, in inverse proportion to the size of its group; the w_g sum to 1 over groups. A group's
// mean loss then counts w_g times its share: all groups the same, and in all the less the less even they are.
type Importance struct{}

func (*Importance) Weights(count []float64) GroupWeights {
	inverse := make([]float64, len(count))
	for g, n := range count {
		if n > 0 {
			inverse[g] = 1 / n
		}
	}
	w := shares(inverse)
	return &fixed{w, func(g int, share float64) float64 { return w[g] * share }}
}

// Robust holds the settings of weights q that play against the policy: before every step q_g is multiplied by
// exp(rate mix loss_g) and normalized, and the gradient of group g's mean loss counts (1 - mix)/G + mix q_g.
type Robust struct {
	Rate float64 `yaml:"rate" range:"[0,1e6]" doc:"of the weights' growth with a group's loss"`
	Mix  float64 `yaml:"mix" range:"[0,1]" doc:"weight of q beside even weights; 1 is q alone"`
	Each bool    `yaml:"each" doc:"q weighs single comparisons instead of their groups' means, and grows with these over the groups' sizes once more, as in the published closed form of IPO"`
}

func (p *Robust) Weights(count []float64) GroupWeights {
	r := &robust{Robust: *p, count: count, log: make([]float64, len(count)), q: make([]float64, len(count))}
	logspace.Softmax(r.log, r.q, r.log)
	return r
}

type robust struct {
	Robust
	count, log, q []float64
}

// Weigh moves q first.
func (r *robust) Weigh(loss, share, factor []float64) {
	for g, l := range loss {
		if r.Each {
			l /= r.count[g]
		}
		r.log[g] += r.Rate * r.Mix * l
	}
	logspace.Softmax(r.log, r.q, r.log)
	for g, q := range r.q {
		if factor[g] = (1-r.Mix)/float64(len(r.q)) + r.Mix*q; r.Each {
			factor[g] *= share[g]
		}
	}
}

func (r *robust) Now() []float64 { return r.q }

// grouped is what a Task of comparisons keeps of groups.
type grouped struct {
	names               []string
	of                  []int // of each comparison
	weights             GroupWeights
	whole               []*Minibatch   // all comparisons of each group
	fixed               [][]*Minibatch // of an epoch's batches, by group, where all epochs are the same; nil without comparisons
	shuffled, now       []*Minibatch   // memory of others, and those of the last batch
	items               [][]int
	loss, share, factor []float64
	grad                []float64
}

// load takes in the comparisons that are trained on. Weights that are there stay.
func (s *grouped) load(c *comparisons, params GroupParams) {
	data := c.resolver.data
	s.names, s.of = data.Groups(c.problem.env)
	n := len(s.names)
	count := make([]float64, n)
	s.items = make([][]int, n)
	for i, g := range s.of {
		count[g]++
		s.items[g] = append(s.items[g], i)
	}
	s.whole, s.shuffled, s.fixed = make([]*Minibatch, n), make([]*Minibatch, n), nil
	for g := range n {
		s.whole[g], s.shuffled[g] = &Minibatch{}, &Minibatch{}
		c.resolver.resolve(s.items[g], s.whole[g])
	}
	s.now = make([]*Minibatch, n)
	s.loss, s.share, s.factor, s.grad = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, len(c.grad))
	if s.weights == nil {
		s.weights = params.Weights(count)
	}
}

// resolve takes a batch apart.
func (s *grouped) resolve(c *comparisons, b Batch) {
	clear(s.share)
	for g := range s.items {
		s.items[g] = s.items[g][:0]
	}
	total := 0.0
	for _, i := range b.Items {
		w := c.resolver.data.WeightOf(i)
		s.share[s.of[i]] += w
		s.items[s.of[i]] = append(s.items[s.of[i]], i)
		total += w
	}
	floats.Scale(1/total, s.share)
	known := b.Number >= 0 && b.Number < len(s.fixed)
	if known {
		copy(s.now, s.fixed[b.Number])
		return
	}
	for g, items := range s.items {
		s.now[g] = nil
		if len(items) > 0 {
			if s.now[g] = s.shuffled[g]; b.Number >= 0 {
				s.now[g] = &Minibatch{}
			}
			c.resolver.resolve(items, s.now[g])
		}
	}
	if b.Number >= 0 {
		s.fixed = append(s.fixed, append([]*Minibatch(nil), s.now...))
	}
}

// addGrad weighs the groups by their losses on a batch and adds the gradient of the weighted sum.
func (s *grouped) addGrad(c *comparisons, b Batch) {
	s.resolve(c, b)
	for g, m := range s.now {
		if s.loss[g] = 0; m != nil {
			c.problem.forward(m)
			s.loss[g] = c.problem.Objective.Loss(&m.Batch)
		}
	}
	s.weights.Weigh(s.loss, s.share, s.factor)
	for g, m := range s.now {
		if m != nil && s.factor[g] != 0 {
			clear(s.grad)
			c.problem.addGrad(m, s.grad)
			floats.AddScaled(c.grad, s.factor[g], s.grad)
		}
	}
}

// losses returns the groups' mean losses over all their comparisons, at the policy as it is.
func (s *grouped) losses(p *Problem) []float64 {
	all := make([]float64, len(s.whole))
	for g, m := range s.whole {
		all[g] = math.NaN()
		if m.Pairs() > 0 {
			p.forward(m)
			all[g] = p.Objective.Loss(&m.Batch)
		}
	}
	return all
}

// Groups returns the groups of the comparisons that are trained on, their mean losses and their weights, once training has begun; none
// where Params.Groups is nil.
func (l *Loop) Groups() (names []string, losses, weights []float64) {
	if l.grouped == nil {
		return nil, nil, nil
	}
	return l.grouped.names, l.grouped.losses(l.Problem), l.grouped.weights.Now()
}
