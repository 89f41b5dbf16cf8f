package objective

// TDPO1 holds the parameters of token-level DPO without a stop-gradient (Zeng et al., arXiv 2404.11999): the margin
// also has how much farther the policy has gone from the reference along the chosen response than along the rejected one,
//
//	-log sigmoid(lambda (u - (KL_l - KL_w))),  KL_y = sum over the tokens of y of KL(pi_ref to pi) of the token given those before it
//
// u being the difference of log-ratios. In a bandit a response is one token and both divergences are the prompt's: it is DPO.
type TDPO1 struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
}

// Objective returns the loss.
func (p *TDPO1) Objective() *Objective { return OnPairs(&cancelling{newTokenwise(p.Lambda, 1)}) }

// TDPO2 holds the parameters of token-level DPO (Zeng et al., arXiv 2404.11999): the difference of the divergences of
// TDPO1 counts alpha times, and that along the chosen response is held back from differentiation,
//
//	-log sigmoid(lambda (u - alpha (KL_l - stopgrad(KL_w))))
//
// In a bandit the divergences are equal, and the loss is drawn to pi_ref as strongly as comparisons are misjudged.
type TDPO2 struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha  float64 `yaml:"alpha" range:"[0,1e100]" doc:"weight of the difference of the two responses' divergences by token"`
}

// Objective returns the loss.
func (p *TDPO2) Objective() *Objective {
	t := &stopped{newTokenwise(p.Lambda, p.Alpha)}
	t.pull = map[*float64]float64{}
	return OnPairs(t).And(1, OnDist(pull{t}))
}

// tokenwise is a margin loss on log-probabilities with alpha times the divergences added: the chosen response's with its own,
// the rejected one's with its own.
type tokenwise struct {
	margin Margin
	alpha  float64
	pull   map[*float64]float64 // nil where nothing is held; else by a prompt's LogPi, the derivative by its divergence in the last Grad
	at     []float64            // of each comparison, the chosen response's divergence where it is held at a value
	batch  Batch                // with the divergences
	grad   Grad
}

func newTokenwise(lambda, alpha float64) tokenwise {
	return tokenwise{margin: Margin{Lambda: lambda, Factor: 1, Outer: Logistic{}}, alpha: alpha}
}

// DifferenceOnly says so of the term itself, divergences aside.
func (*tokenwise) DifferenceOnly() bool { return true }

func (t *tokenwise) Loss(b *Batch) float64 { return t.margin.Loss(t.with(b)) }

// Grad adds scale times the gradient to g, where it asks for them that by the divergences.
func (t *tokenwise) Grad(b *Batch, scale float64, g *Grad) {
	own := t.grad.cleared(len(b.Chosen))
	t.margin.Grad(t.with(b), 1, own)
	clear(t.pull)
	for i, d := range own.Chosen {
		g.Chosen[i] += scale * d
		g.Rejected[i] += scale * own.Rejected[i]
		switch {
		case b.ChosenKL != nil && t.pull == nil:
			g.ChosenKL[i] += scale * t.alpha * d
			fallthrough
		case b.ChosenKL != nil:
			g.RejectedKL[i] += scale * t.alpha * own.Rejected[i]
		case t.pull != nil && len(b.On) > 0:
			t.pull[&b.Dists[b.On[i]].LogPi[0]] += t.alpha * own.Rejected[i]
		}
	}
	if len(t.pull) > 0 {
		for j, x := range b.Prompts {
			t.pull[&b.Dists[x].LogPi[0]] /= b.PromptWeight[j]
		}
	}
}

// divergences returns those along the responses of a comparison.
func (t *tokenwise) divergences(b *Batch, i int) (chosen, rejected float64) {
	if b.ChosenKL != nil {
		chosen, rejected = b.ChosenKL[i], b.RejectedKL[i]
	} else if len(b.On) > 0 {
		chosen = klRefPi{}.Loss(&b.Dists[b.On[i]])
		rejected = chosen
	}
	if t.at != nil {
		chosen = t.at[i]
	}
	return chosen, rejected
}

// with returns the batch with the divergences added.
func (t *tokenwise) with(b *Batch) *Batch {
	if b.ChosenKL == nil && t.at == nil {
		return b
	}
	chosen, rejected := sized(t.batch.Chosen, len(b.Chosen)), sized(t.batch.Rejected, len(b.Chosen))
	t.batch = *b
	t.batch.Chosen, t.batch.Rejected = chosen, rejected
	for i := range chosen {
		kc, kr := t.divergences(b, i)
		chosen[i], rejected[i] = b.Chosen[i]+t.alpha*kc, b.Rejected[i]+t.alpha*kr
	}
	return &t.batch
}

// cancelling is a tokenwise loss that holds nothing: in a bandit it is the margin loss.
type cancelling struct{ tokenwise }

var _, _ = Structured(new(cancelling)), Curved(new(cancelling))

func (t *cancelling) Structure() (Structure, bool) { return t.margin.Structure() }

// Derivatives returns the loss and adds scale times its derivatives, the second with divergences held.
func (t *cancelling) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	t.Grad(b, scale, g)
	return t.margin.Derivatives(t.with(b), scale, t.grad.cleared(len(b.Chosen)), h)
}

// stopped is a tokenwise loss that holds the divergence along the chosen response back from differentiation.
type stopped struct{ tokenwise }

var _, _ = Structured(new(stopped)), Detached(new(stopped))

func (*stopped) Structure() (Structure, bool) { return Structure{Held: true}, false }

// Freeze returns the loss with the divergences along chosen responses held at their values.
func (t *stopped) Freeze(b *Batch) PairTerm {
	c := &stopped{tokenwise{margin: t.margin, alpha: t.alpha, pull: t.pull, at: make([]float64, len(b.Chosen))}}
	for i := range c.at {
		c.at[i], _ = t.divergences(b, i)
	}
	return c
}

// pull is the part of the gradient that is due to the divergences of a bandit, where these do not cancel since one is held.
type pull struct{ of *stopped }

// Loss returns 0: in value the divergences cancel.
func (pull) Loss(*Dist) float64 { return 0 }

func (p pull) Grad(d *Dist, scale float64, g []float64) {
	klRefPi{}.Grad(d, scale*p.of.pull[&d.LogPi[0]], g)
}

// Hess adds nothing: divergences are linear in log pi.
func (pull) Hess(*Dist, float64, []float64) {}

// OnTokens says whether all that an objective reads of whole distributions is what terms take from divergences by token, if a batch
// has these.
func (o *Objective) OnTokens() bool {
	for _, t := range o.dist {
		if _, ok := t.Term.(pull); !ok {
			return false
		}
	}
	return true
}
