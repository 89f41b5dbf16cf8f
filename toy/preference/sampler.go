package preference

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Sampler says which two responses of a prompt are compared: a distribution over ordered pairs, equal ones included.
type Sampler interface {
	// Parts returns the distribution as a mixture of pairs that are drawn independently.
	Parts(s *Scores) []Part
	// Reads says whether the distribution depends on a score, by the word of Responses.Of.
	Reads(score string) bool
}

// Scores are what samplers may prefer the K responses of a prompt by.
type Scores struct {
	Policy    []float64 // logits of the policy as it stands
	Reference []float64 // log pi_ref, from which training starts
	Reward    []float64 // what labels follow (nats)
}

// Part is a summand of a sampler: with probability Share the first response is of First and the second of Second, K
// probabilities each.
type Part struct {
	Share         float64
	First, Second []float64
}

// Words of Responses.Of.
const (
	ofUniform = "uniform"
	ofPolicy  = "policy"
	ofRef     = "pi_ref"
	ofReward  = "reward"
)

// Responses is a distribution over a prompt's responses, softmax(times * score).
type Responses struct {
	Of    string  `yaml:"of" oneof:"uniform,policy,pi_ref,reward" doc:"the score: 0, log pi of the policy as it stands, log pi_ref, or the reward that labels follow"`
	Times float64 `yaml:"times" range:"[-1e6,1e6]" doc:"what the score is multiplied by: 1 is the policy itself, below 0 the worst are drawn most"`
}

func (r *Responses) logits(s *Scores) []float64 {
	score := map[string][]float64{ofPolicy: s.Policy, ofRef: s.Reference, ofReward: s.Reward}[r.Of]
	logits := make([]float64, len(s.Policy))
	for i := range score { // of uniform there is none
		logits[i] = r.Times * max(-1e300, min(1e300, score[i]))
	}
	return logits
}

// softmax returns the probabilities of logits times a sign.
func softmax(logits []float64, sign float64) []float64 {
	p := floats.ScaleTo(make([]float64, len(logits)), sign, logits)
	if top := floats.Max(p); math.Abs(top) > 1e6 { // beside which the logarithm of a sum would be lost
		floats.AddConst(-top, p)
	}
	logspace.LogSoftmax(p, p)
	logspace.Exp(p, p)
	return p
}

// Independent draws the two responses independently; both from the policy is what online training has by default.
type Independent struct {
	First  Responses `yaml:"first" doc:"the distribution of the first response"`
	Second Responses `yaml:"second" doc:"the distribution of the second response"`
}

func (p *Independent) Parts(s *Scores) []Part {
	return []Part{{1, softmax(p.First.logits(s), 1), softmax(p.Second.logits(s), 1)}}
}

func (p *Independent) Reads(score string) bool { return p.First.Of == score || p.Second.Of == score }

// Joint draws a pair (i, j) with probability proportional to 1/(sigmoid(x) sigmoid(-x)) = 2 + e^x + e^-x, x = times * (score_i -
// score_j), which asks most for the pairs whose label is least in doubt (arXiv 2409.19605, DPO-Mix-R of the reward and
// DPO-Mix-P of the policy).
type Joint struct {
	Responses `yaml:",inline"`
}

// Parts returns the summands: uniform pairs, and the softmax of the score with that of its negative, in both orders.
func (p *Joint) Parts(s *Scores) []Part {
	logits := p.logits(s)
	k := len(logits)
	up, down, even := softmax(logits, 1), softmax(logits, -1), softmax(make([]float64, k), 1)
	negative := make([]float64, k)
	floats.SubTo(negative, negative, logits)
	apart := logspace.LogSumExp(logits) + logspace.LogSumExp(negative) // logarithm of the sum of e^x over all pairs
	shares := softmax([]float64{math.Ln2 + 2*math.Log(float64(k)) - apart, 0, 0}, 1)
	return []Part{{shares[0], even, even}, {shares[1], up, down}, {shares[2], down, up}}
}

func (p *Joint) Reads(score string) bool { return p.Of == score }

// Mixture draws from one of several samplers, chosen anew for every pair.
type Mixture struct {
	Of []Shared `yaml:"of" required:"true" doc:"the samplers"`
}

// Shared is a sampler with its share of a mixture.
type Shared struct {
	Share   float64 `yaml:"share" required:"true" range:"[0,1]" doc:"the probability that a pair is drawn by this sampler; shares sum to 1"`
	Sampler Sampler `yaml:"sampler" required:"true" doc:"the sampler"`
}

func (p *Mixture) Parts(s *Scores) (all []Part) {
	for _, one := range p.Of {
		for _, part := range one.Sampler.Parts(s) {
			part.Share *= one.Share
			all = append(all, part)
		}
	}
	return all
}

func (p *Mixture) Reads(score string) bool {
	for _, one := range p.Of {
		if one.Sampler.Reads(score) {
			return true
		}
	}
	return false
}

// Check refuses shares that do not sum to 1.
func (p *Mixture) Check() []registry.Problem {
	sum := 0.0
	for _, one := range p.Of {
		sum += one.Share
	}
	if math.Abs(sum-1) > sumTolerance {
		return []registry.Problem{{Key: "of", Wrong: fmt.Sprintf("has shares that sum to %g", sum), Allowed: "shares that sum to 1"}}
	}
	return nil
}

// Samplers lists every sampler of online preferences, sorted by name.
func Samplers() registry.Table[Sampler] {
	return registry.Table[Sampler]{
		{Name: "independent", Summary: "two independent responses, each of the softmax of a score: of the policy, of pi_ref, of the reward, or uniform",
			Source: "Guo et al. 2024, arXiv 2402.04792", New: func() Sampler { return &Independent{Responses{ofPolicy, 1}, Responses{ofPolicy, 1}} }},
		{Name: "joint", Summary: "pairs in proportion to 1/(sigmoid(x) sigmoid(-x)), x the difference of their scores",
			Source: "arXiv 2409.19605", New: func() Sampler { return &Joint{Responses{ofReward, 1}} }},
		{Name: "mixture", Summary: "one of several samplers for every pair", Source: "arXiv 2409.19605", New: func() Sampler { return &Mixture{} }},
	}
}
