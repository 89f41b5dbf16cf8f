package objective

// LDDPO holds the parameters of length-desensitized DPO: DPO in which the log-probability of the policy's tokens past the
// length that both responses share counts alpha times (Liu et al., arXiv 2409.06411). The reference counts in full, as
// in TRL. Responses of a bandit have no tail, which leaves DPO.
type LDDPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha  float64 `yaml:"alpha" alias:"ld_alpha" range:"[0,1]" doc:"weight of tokens past the shared length; 1 is DPO"`
}

// Objective returns the loss.
func (p *LDDPO) Objective() *Objective {
	return OnPairs(&shortened{Margin: Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}}, drop: 1 - p.Alpha})
}

// shortened is a margin loss on log-probabilities less drop times their tails.
type shortened struct {
	Margin // tails shift the margins; they do not move with a normalizer, of which a bandit has only one a response
	drop   float64
	batch  Batch // the shortened one
	grad   Grad
}

var _, _ = Curved(new(shortened)), Structured(new(shortened))

func (s *shortened) Loss(b *Batch) float64 { return s.Margin.Loss(s.shorten(b)) }

// Derivatives returns the loss and adds scale times its derivatives, tails held.
func (s *shortened) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	return s.Margin.Derivatives(s.shorten(b), scale, g, h)
}

// Grad adds scale times the gradient, tails included where g asks for them.
func (s *shortened) Grad(b *Batch, scale float64, g *Grad) {
	short := s.shorten(b)
	if g.ChosenTail == nil || b.ChosenTail == nil {
		s.Margin.Grad(short, scale, g)
		return
	}
	own := s.grad.cleared(len(b.Chosen))
	s.Margin.Grad(short, scale, own)
	for i, d := range own.Chosen {
		g.Chosen[i] += d
		g.ChosenTail[i] -= s.drop * d
		g.Rejected[i] += own.Rejected[i]
		g.RejectedTail[i] -= s.drop * own.Rejected[i]
	}
}

// shorten returns the batch without the dropped part of the tails.
func (s *shortened) shorten(b *Batch) *Batch {
	if b.ChosenTail == nil {
		return b
	}
	chosen, rejected := sized(s.batch.Chosen, len(b.Chosen)), sized(s.batch.Rejected, len(b.Chosen))
	s.batch = *b
	s.batch.Chosen, s.batch.Rejected = chosen, rejected
	for i := range chosen {
		s.batch.Chosen[i] = b.Chosen[i] - s.drop*b.ChosenTail[i]
		s.batch.Rejected[i] = b.Rejected[i] - s.drop*b.RejectedTail[i]
	}
	return &s.batch
}
