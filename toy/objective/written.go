package objective

import (
	"math"
	"reflect"
)

// Losses that are one formula of the kind custom each, read in the code published with a paper: what was run is what is meant. Their
// parameters, by the keys of configs, are the formulas' constants.

// written returns the loss of a formula of comparisons.
func written(p Params, pair string) *Objective {
	c := &Custom{Pair: pair, Constants: map[string]float64{}}
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		switch x := v.Field(i); {
		case key == "lambda":
			c.Lambda = x.Float()
		case x.Kind() == reflect.Int:
			c.Constants[key] = float64(x.Int())
		case x.Kind() == reflect.Float64:
			c.Constants[key] = x.Float()
		}
	}
	return c.Objective()
}

// SimPER holds the parameters of a loss without any: the difference of inverse perplexities.
type SimPER struct{}

// Objective returns the loss.
func (p *SimPER) Objective() *Objective { return written(p, "exp(rbar) - exp(cbar)") }

// RePO holds the parameters of SimPO with a hinge in place of the logistic loss, at any scale the same.
type RePO struct {
	Gamma float64 `yaml:"gamma" alias:"gamma_beta_ratio" range:"[-1e6,1e6]" doc:"margin asked for, in nats a token"`
}

// Objective returns the loss.
func (p *RePO) Objective() *Objective { return written(p, "relu(gamma - (cbar - rbar))") }

// DPOShift holds the parameters of DPO with the rejected response's log-ratio times a factor, fixed or going in a straight line
// from one end to the other in so many steps.
type DPOShift struct {
	Lambda   float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Strategy string  `yaml:"dpo_lambda_strategy" oneof:"fixed,increase_linear,decrease_linear" doc:"how the factor goes with training"`
	Factor   float64 `yaml:"dpo_lambda" range:"[0,1e6]" doc:"factor of the rejected response's log-ratio where it is fixed; 1 is DPO"`
	Min      float64 `yaml:"dpo_lambda_min" range:"[0,1e6]" doc:"least factor where it moves"`
	Max      float64 `yaml:"dpo_lambda_max" range:"[0,1e6]" doc:"largest factor where it moves"`
	Steps    int     `yaml:"steps" range:"[1,1e9]" doc:"training steps in which the factor goes from one end to the other, to stay there"`
}

// Objective returns the loss.
func (p *DPOShift) Objective() *Objective {
	factor := "dpo_lambda"
	switch oneOf("dpo_lambda_strategy", p.Strategy, "fixed", "increase_linear", "decrease_linear") {
	case "fixed":
		if p.Factor == 1 {
			return (&DPO{Lambda: p.Lambda}).Objective()
		}
	case "increase_linear":
		factor = "(dpo_lambda_min + (dpo_lambda_max - dpo_lambda_min)*min(1, step()/steps))"
	case "decrease_linear":
		factor = "(dpo_lambda_max + (dpo_lambda_min - dpo_lambda_max)*min(1, step()/steps))"
	}
	return written(p, "-logsigmoid(beta*((c - "+factor+"*r) - (ref_c - "+factor+"*ref_r)))")
}

// Cauchy holds the parameters of DPO where the noise of comparisons is Cauchy's: -log(atan(lambda u)/pi + 1/2). It is written by
// hand, since the sum cancels where the margin is far below 0.
type Cauchy struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
}

// Objective returns the loss.
func (p *Cauchy) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: cauchy})
}

// cauchy is minus the logarithm of the share P below z, atan2(1, -z)/pi. With h = sqrt(1 + z^2) its slope is -q, q = 1/(pi h^2 P).
var cauchy = Pointwise{shape: Shape{Low: Rises, High: Falls, Monotone: true}, At: func(z float64) (value, slope, curve float64) {
	z = bounded(z)
	below, h := math.Atan2(1, -z), math.Hypot(1, z)
	if value = -math.Log(below / math.Pi); z > 0 {
		value = -math.Log1p(-math.Atan2(1, z) / math.Pi)
	}
	q := 1 / h / (h * below)
	return value, -q, q * (2*(z/h)/h + q)
}}

// RainbowPO holds the parameters of DPO with margins per token, scaled by MallowsPO's dispersion, between those of the reference
// and a fixed one. The divergences of the published code, which it overwrites, are left out.
type RainbowPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"scale of the margin"`
	Alpha  float64 `yaml:"alpha" range:"[0,1]" doc:"share of the reference's margin in what is taken off"`
	Home   float64 `yaml:"h" range:"[-1e6,1e6]" doc:"the fixed margin, in nats a token, of which 1-alpha is taken off"`
	Scale  float64 `yaml:"scale" alias:"dispersion_mean" range:"(0,1e6]" doc:"of the dispersion"`
}

// Objective returns the loss.
func (p *RainbowPO) Objective() *Objective {
	return written(p, "-logsigmoid(beta*scale*dispersion*((cbar - rbar) - alpha*(ref_cbar - ref_rbar) - (1 - alpha)*h))")
}

// MallowsIPO holds the parameters of IPO with margins scaled by each prompt's dispersion index, see [Mallows]; or of the square of
// what is short of the target alone, times lambda squared.
type MallowsIPO struct {
	Lambda   float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, IPO's tau"`
	Function string  `yaml:"function" oneof:"square,truncated-square" doc:"(s u - 1/(2 lambda))^2, or max(0, 1/2 - lambda s u)^2"`
	Scale    float64 `yaml:"scale" alias:"dispersion_mean" range:"(0,1e6]" doc:"of the dispersion s, the paper's phi*"`
}

// Objective returns the loss. An empty Function is the square.
func (p *MallowsIPO) Objective() *Objective {
	if oneOf("function", p.Function, "square", "truncated-square") == "truncated-square" {
		return OnPairs(&dispersed{lambda: 2 * p.Lambda * p.Scale, factor: 0.25, outer: gpoFunction("truncated-square")})
	}
	return OnPairs(&dispersed{lambda: p.Scale, factor: 1, outer: Square{1 / (2 * p.Lambda)}})
}

// RPONeMo holds the parameters of reward-aware preference optimization: the preference that the policy's margin stands for is brought
// to the one that given rewards stand for. It is no relative of TRL's rpo.
type RPONeMo struct {
	Lambda float64 `yaml:"lambda" alias:"beta,ref_policy_kl_penalty" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Eta    float64 `yaml:"eta" alias:"gt_reward_scale" range:"[0,1e6]" doc:"scale of the given rewards"`
	Metric string  `yaml:"metric" oneof:"backward,forward,squared" doc:"KL of the rewards' preference to the policy's, of the policy's to the rewards', or the squared difference of margins"`
}

// Objective returns the loss. An empty Metric is backward.
func (p *RPONeMo) Objective() *Objective {
	switch oneOf("metric", p.Metric, "backward", "forward", "squared") {
	case "backward":
		return written(p, "sigmoid(eta*gap)*(logsigmoid(eta*gap) - logsigmoid(beta*u)) + sigmoid(-eta*gap)*(logsigmoid(-eta*gap) - logsigmoid(-beta*u))")
	case "forward":
		return written(p, "sigmoid(beta*u)*(logsigmoid(beta*u) - logsigmoid(eta*gap)) + sigmoid(-beta*u)*(logsigmoid(-beta*u) - logsigmoid(-eta*gap))")
	}
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: Square{}, Offset: gapOffset{alpha: p.Eta}})
}

// REBEL holds the parameters of regression to relative rewards, (u - eta gap)^2, with the policy that drew the responses for the
// reference. The published code divides u by eta instead, which is this over eta squared.
type REBEL struct {
	Eta float64 `yaml:"eta" range:"(0,1e6]" doc:"scale of the given rewards"`
}

// Objective returns the loss.
func (p *REBEL) Objective() *Objective {
	return OnPairs(&Margin{Lambda: 1, Factor: 1, Outer: Square{}, Offset: gapOffset{alpha: p.Eta}})
}

// DrDPO holds the parameters of distributionally robust DPO: -b log mean exp(-loss/b) over the batch, which weighs pairs of high loss,
// whose labels may be wrong, less. Where b is at most 1 it has no minimizer over comparisons whose majorities form an order: with s = sigmoid of
// a pair's scaled margin, p s^(1/b) + (1-p) (1-s)^(1/b) is convex in s and so greatest at the end that the majority wants.
type DrDPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Prime  float64 `yaml:"beta_prime" alias:"mode_weight" range:"[1e-6,1e12]" doc:"the paper's beta'; large is DPO"`
}

// Objective returns the loss.
func (p *DrDPO) Objective() *Objective {
	return written(p, "-beta_prime*logmeanexp(logsigmoid(beta*u)/beta_prime)")
}

// AlphaDPO holds the parameters of SimPO whose margin asked for moves with the standardized log-ratio margin, held back; mean and
// deviation are moving averages that start at 0. Where the policy is its reference all margins are 0, and so is their deviation:
// here it is at least 1e-6, where the published code divides by rounding. Its deviation is over n-1, ours over n.
type AlphaDPO struct {
	Lambda   float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"scale of the margin, SimPO's beta"`
	Gamma    float64 `yaml:"gamma" alias:"gamma_beta_ratio" range:"[-1e6,1e6]" doc:"margin asked for, in nats a token"`
	Alpha    float64 `yaml:"alpha" range:"[-1e6,1e6]" doc:"how much more is asked for a standard deviation; 0, the published code's default, is SimPO"`
	Momentum float64 `yaml:"momentum" range:"[0,1)" doc:"share of what was in the moving averages"`
}

// Objective returns the loss.
func (p *AlphaDPO) Objective() *Objective {
	margin := "((cbar - rbar) - (ref_cbar - ref_rbar))"
	return written(p, "-logsigmoid(beta*(cbar - rbar - stopgrad(gamma + alpha*("+margin+" - ema("+margin+", momentum, 0))/max(ema(std("+margin+"), momentum, 0), 1e-6))))")
}

// CPOSimPO holds the parameters of SimPO plus cpo_alpha times the chosen response's negative log-likelihood per token.
type CPOSimPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"scale of the margin, SimPO's beta"`
	Gamma  float64 `yaml:"gamma" alias:"simpo_gamma" range:"[-1e6,1e6]" doc:"margin asked for, in units of lambda times nats a token"`
	Alpha  float64 `yaml:"cpo_alpha" range:"[0,1e6]" doc:"weight of the chosen response's negative log-likelihood"`
}

// Objective returns the two terms.
func (p *CPOSimPO) Objective() *Objective {
	return (&SimPO{Lambda: p.Lambda, Gamma: p.Gamma}).Objective().And(p.Alpha, likelihood())
}

// FocalPO holds the parameters of DPO weighed by how likely a pair already is to be ranked rightly, -p^gamma log p with p =
// sigmoid(lambda u), or by how unlikely, -(1-p)^gamma log p, as in the focal loss of vision.
type FocalPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Gamma  float64 `yaml:"gamma" range:"[0,100]" doc:"power of the weight; 0 is DPO"`
	Toward string  `yaml:"toward" oneof:"right,wrong" doc:"which pairs weigh more: those that are ranked rightly or wrongly"`
}

// Objective returns the loss. An empty Toward is right.
func (p *FocalPO) Objective() *Objective {
	if oneOf("toward", p.Toward, "right", "wrong") == "wrong" {
		return written(p, "-exp(gamma*logsigmoid(-beta*u))*logsigmoid(beta*u)")
	}
	return written(p, "-exp(gamma*logsigmoid(beta*u))*logsigmoid(beta*u)")
}

// SFT holds the parameters of supervised fine-tuning on chosen responses: the mean over pairs of -log pi(y_w)/n_w, or as in
// TRL's loss_type sft the mean over all tokens of the batch's chosen responses. In a sum it is TRL's rpo_alpha, or MPO's third term.
type SFT struct {
	Mean string `yaml:"mean" oneof:"sequence,token" doc:"over pairs, of the mean over each response's tokens; or over all tokens of the batch"`
}

// Objective returns the term. An empty Mean is sequence.
func (p *SFT) Objective() *Objective {
	if oneOf("mean", p.Mean, "sequence", "token") == "token" {
		return written(p, "-c/mean(n_c)")
	}
	return likelihood()
}
