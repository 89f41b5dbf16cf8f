package objective

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// constants are the names that a formula of the tables uses.
type constants = map[string]float64

// at is what lambda is in the tables.
const at = 0.3

// ownFormula is a built-in loss beside its formula.
type ownFormula struct {
	name    string
	builtin Params
	custom  *Custom
}

var (
	half, fixed, bound = 0.5, 0.2, 0.4

	// ownFormulas gives built-in losses as formulas. Those in the QPO form know no token counts.
	ownFormulas = []ownFormula{
		{"alpha-dpo without memory", &AlphaDPO{Lambda: at, Gamma: 0.5, Alpha: 0.2}, &Custom{Constants: constants{"g": 0.5, "a": 0.2},
			Pair: "softplus(lambda*(g + a*stopgrad(((c-ref_c)/n_c - (r-ref_r)/n_r - mean((c-ref_c)/n_c - (r-ref_r)/n_r))/" +
				"max(1e-6, sqrt(mean(square((c-ref_c)/n_c - (r-ref_r)/n_r)) - square(mean((c-ref_c)/n_c - (r-ref_r)/n_r))))) - c/n_c + r/n_r))"}},
		{"alphapo", &AlphaPO{Lambda: at, Gamma: 0.5, Alpha: 0.25}, &Custom{
			Pair:      "softplus(g - lambda*((1 - exp(-a*c/n_c))/a - (1 - exp(-a*r/n_r))/a))",
			Constants: constants{"g": 0.5, "a": 0.25}}},
		{"apo-down", &APODown{Lambda: at}, &Custom{Pair: "sigmoid(lambda*(c-ref_c)) + 1 - sigmoid(lambda*u)"}},
		{"apo-zero", &APOZero{Lambda: at}, &Custom{Pair: "1 - sigmoid(lambda*(c-ref_c)) + sigmoid(lambda*(r-ref_r))"}},
		{"apo-zero-unpaired", &APOZeroUnpaired{Lambda: at, Desirable: 2, Undesirable: 3}, &Custom{
			Pair: "(2*sigmoid(-lambda*(c-ref_c)) + 3*sigmoid(lambda*(r-ref_r)))/2"}},
		{"bco at a fixed delta", &BCO{Lambda: at, Delta: &fixed}, &Custom{
			Pair: "(softplus(d - lambda*(c-ref_c)) + softplus(lambda*(r-ref_r) - d))/2", Constants: constants{"d": fixed}}},
		{"bco-pair", &BCOPair{Lambda: at}, &Custom{Pair: "softplus(-lambda*(c-ref_c)) + softplus(lambda*(r-ref_r))"}},
		{"beta-dpo without memory", &BetaDPO{Lambda: at, A: 0.6}, &Custom{Pair: "softplus(-lambda*u)"}},
		{"bradley-terry", &BradleyTerry{}, &Custom{Pair: "softplus(r - c)"}},
		{"cal-dpo", &CalDPO{Lambda: at, Calibration: 0.5}, &Custom{
			Pair: "softplus(-u) + (square(c - ref_c - 1/(2*lambda)) + square(r - ref_r + 1/(2*lambda)))/2"}},
		{"cauchy", &Cauchy{Lambda: at}, &Custom{Pair: "log(3.141592653589793) - log(3.141592653589793/2 + atan(lambda*u))"}},
		{"chi-po", &ChiPO{Lambda: at}, &Custom{Psi: "softplus(-lambda*m)", Mu: "r + log(r)"}},
		{"chi-po clipped", &ChiPO{Lambda: at, RMax: &bound}, &Custom{Psi: "softplus(-clamp(lambda*m, -2*b, 2*b))", Mu: "r + x",
			Constants: constants{"b": bound}}},
		{"cpo", &CPO{Lambda: at, Loss: "sigmoid", LabelSmoothing: 0.1, Alpha: 2}, &Custom{
			Pair: "-0.9*logsigmoid(lambda*(c-r)) - 0.1*logsigmoid(-lambda*(c-r)) - 2*c/n_c"}},
		{"cpo hinge", &CPO{Lambda: at, Loss: "hinge", Alpha: 1}, &Custom{Pair: "relu(1 - lambda*(c-r)) - c/n_c"}},
		{"cpo ipo", &CPO{Lambda: at, Loss: "ipo"}, &Custom{Pair: "square(c - r - 1/(2*lambda))"}},
		{"cpo-simpo", &CPOSimPO{Lambda: at, Gamma: 0.5, Alpha: 2}, &Custom{Pair: "-logsigmoid(lambda*(c/n_c - r/n_r) - 0.5) - 2*c/n_c"}},
		{"discopop", &DiscoPOP{Lambda: at, Tau: 0.5}, &Custom{
			Pair: "softplus(-lambda*u)*sigmoid(-lambda*u/tau) + exp(logsigmoid(lambda*u/tau) - lambda*u)", Constants: constants{"tau": 0.5}}},
		{"dpo", &DPO{Lambda: at}, &Custom{Pair: "softplus(-lambda*u)"}},
		{"dpo as a line of a program", &DPO{Lambda: at}, &Custom{Pair: "losses = -F.logsigmoid(self.beta * logits)"}},
		{"dpo as a last line", &DPO{Lambda: at}, &Custom{Pair: "return -F.logsigmoid(self.beta * logits)"}},
		{"dpo as qpo", &DPO{Lambda: at}, &Custom{Psi: "softplus(-lambda*m)", Mu: "log(r)"}},
		{"dpo with label smoothing", &DPO{Lambda: at, LabelSmoothing: 0.1}, &Custom{
			Pair: "-(1-e)*logsigmoid(lambda*u) - e*logsigmoid(-lambda*u)", Constants: constants{"e": 0.1}}},
		{"dpo-norm", &DPONorm{Lambda: at}, &Custom{Pair: "softplus(-lambda*((c-ref_c)/n_c - (r-ref_r)/n_r))"}},
		{"dpo-positive", &DPOPositive{Lambda: at, Penalty: 5}, &Custom{Pair: "softplus(-lambda*(u - p*relu(ref_c - c)))", Constants: constants{"p": 5}}},
		{"dpo-shift", &DPOShift{Lambda: at, Factor: 0.75}, &Custom{Pair: "softplus(-lambda*u - lambda/4*(r - ref_r))"}},
		{"dpo-shift at its start", &DPOShift{Lambda: at, Strategy: "increase_linear", Min: 0.5, Max: 1, Steps: 9}, &Custom{
			Pair: "softplus(-lambda*u - lambda/2*(r - ref_r))"}},
		{"dpo-shift from above", &DPOShift{Lambda: at, Strategy: "decrease_linear", Min: 0.5, Max: 1, Steps: 9}, &Custom{Pair: "softplus(-lambda*u)"}},
		{"dr-dpo", &DrDPO{Lambda: at, Prime: 2}, &Custom{Pair: "-2*log(mean(sqrt(torch.sigmoid(beta*u))))"}},
		{"exo", &EXO{Lambda: at, LabelSmoothing: 0.1}, &Custom{Constants: constants{"e": 0.1},
			Pair: "sigmoid(lambda*u)*(logsigmoid(lambda*u) - log(1-e)) + sigmoid(-lambda*u)*(logsigmoid(-lambda*u) - log(e))"}},
		{"expo-regression", &ExpoRegression{Lambda: at}, &Custom{
			Pair: "square(sigmoid(c - r) - (1 + lambda*sigmoid(ref_c - ref_r))/(1 + lambda))"}},
		{"f-dpo js", &FDPO{Lambda: at, Divergence: "js"}, &Custom{Psi: "-logsigmoid(lambda*m)", Mu: "logsigmoid(x)"}},
		{"f-dpo forward kl", &FDPO{Lambda: at, Divergence: "fkl"}, &Custom{Psi: "-logsigmoid(lambda*m)", Mu: "-1/r"}},
		{"f-dpo alpha", &FDPO{Lambda: at, Divergence: "alpha", Alpha: 0.5}, &Custom{Psi: "softplus(-lambda*m)", Mu: "r^(a-1)/(a-1)",
			Constants: constants{"a": 0.5}}},
		{"focal-po", &FocalPO{Lambda: at, Gamma: 2}, &Custom{Pair: "-sigmoid(lambda*u)**2*F.logsigmoid(lambda*u)"}},
		{"focal-po toward wrong", &FocalPO{Lambda: at, Gamma: 3, Toward: "wrong"}, &Custom{Pair: "sigmoid(-lambda*u)^3*softplus(-lambda*u)"}},
		{"gpo logistic", &GPO{Lambda: at, Function: "logistic"}, &Custom{Psi: "softplus(-lambda*m)"}},
		{"gpo hinge", &GPO{Lambda: at, Function: "hinge"}, &Custom{Psi: "max(0, 1 - lambda*m)"}},
		{"gpo square", &GPO{Lambda: at, Function: "square"}, &Custom{Psi: "square(lambda*m - 1)"}},
		{"gpo exponential", &GPO{Lambda: at, Function: "exponential"}, &Custom{Psi: "exp(-lambda*m)"}},
		{"gpo truncated square", &GPO{Lambda: at, Function: "truncated-square"}, &Custom{Psi: "square(relu(1 - lambda*m))"}},
		{"gpo savage", &GPO{Lambda: at, Function: "savage"}, &Custom{Psi: "square(sigmoid(-lambda*m))"}},
		{"hinge", &Hinge{Lambda: at}, &Custom{Pair: "relu(1 - lambda*u)"}},
		{"ipo", &IPO{Lambda: at}, &Custom{Pair: "square((c-ref_c)/n_c - (r-ref_r)/n_r - 1/(2*lambda))"}},
		{"ipo as qpo", &IPO{Lambda: at}, &Custom{Psi: "(m - 1/(2*lambda))^2"}},
		{"ipo of whole responses", &IPO{Lambda: at, Length: "summed"}, &Custom{Pair: "square(u - 1/(2*lambda))"}},
		{"kl-pi-ref", &KLPiRef{}, &Custom{Dist: "kl(pi, ref)"}},
		{"kl-ref-pi", &KLRefPi{Reduction: "sum"}, &Custom{Dist: "kl(ref, pi)"}},
		{"kto at a fixed KL", &KTO{Lambda: at, KL: &fixed, Desirable: 2, Undesirable: 3}, &Custom{Constants: constants{"k": fixed},
			Pair: "(2*sigmoid(lambda*(k - (c-ref_c))) + 3*sigmoid(lambda*((r-ref_r) - k)))/2"}},
		{"mallows at a fixed phi", &Mallows{Lambda: at, Phi: &half}, &Custom{Pair: "softplus(2*log(phi)*lambda*u)", Constants: constants{"phi": half}}},
		{"mallows with label smoothing", &Mallows{Lambda: at, Scale: 0.29, LabelSmoothing: 0.1}, &Custom{
			Pair: "-0.9*logsigmoid(0.29*dispersion*lambda*u) - 0.1*logsigmoid(-0.29*dispersion*lambda*u)"}},
		{"mallows-ipo", &MallowsIPO{Lambda: at, Scale: 0.29}, &Custom{Pair: "(0.29*dispersion*u - 1/(2*lambda))^2"}},
		{"mallows-ipo truncated", &MallowsIPO{Lambda: at, Function: "truncated-square", Scale: 2}, &Custom{
			Pair: "lambda^2*square(max(0, 1/(2*lambda) - 2*dispersion*u))"}},
		{"nca", &NCA{Lambda: at}, &Custom{Pair: "softplus(-lambda*(c-ref_c)) + (softplus(lambda*(c-ref_c)) + softplus(lambda*(r-ref_r)))/2"}},
		{"orpo", &ORPO{Lambda: at}, &Custom{
			Pair: "-c/n_c + lambda*softplus(r/n_r - log(1-exp(r/n_r)) - c/n_c + log(1-exp(c/n_c)))"}},
		{"r-dpo", &RDPO{Lambda: at, Alpha: 0.1}, &Custom{Pair: "softplus(-lambda*u - a*(n_c - n_r))", Constants: constants{"a": 0.1}}},
		{"rainbow-po", &RainbowPO{Lambda: at, Alpha: 0.25, Home: 0.1, Scale: 2}, &Custom{
			Pair: "softplus(-2*lambda*dispersion*((c - 0.25*ref_c)/n_c - (r - 0.25*ref_r)/n_r - 0.075))"}},
		{"rebel", &REBEL{Eta: 2}, &Custom{Pair: "square(u - 2*reward_c + 2*reward_r)"}},
		{"repo", &RePO{Gamma: 0.4}, &Custom{Pair: "max(0, 0.4 - c/n_c + r/n_r)"}},
		{"reward", &Reward{}, &Custom{Dist: "-reward(pi)"}},
		{"rlhf", &RLHF{Lambda: at}, &Custom{Dist: "lambda * kl(pi, ref) - reward(pi)"}},
		{"robust", &Robust{Lambda: at, LabelSmoothing: 0.1}, &Custom{Constants: constants{"e": 0.1},
			Pair: "((1-e)*softplus(-lambda*u) - e*softplus(lambda*u))/(1 - 2*e)"}},
		{"rpo", &RPO{Lambda: at, Alpha: 3}, &Custom{Pair: "softplus(-lambda*u) - 3*c/n_c"}},
		{"rpo-nemo", &RPONeMo{Lambda: at, Eta: 2}, &Custom{Constants: constants{"eta": 2},
			Pair: "log(1/(1+exp(-eta*gap)))/(1+exp(-eta*gap)) + log(1/(1+exp(eta*gap)))/(1+exp(eta*gap)) + softplus(-lambda*u) + lambda*u*sigmoid(-eta*gap)"}},
		{"rpo-nemo forward", &RPONeMo{Lambda: at, Eta: 2, Metric: "forward"}, &Custom{
			Pair: "softplus(2*(reward_r - reward_c)) - softplus(-lambda*u) - sigmoid(-lambda*u)*(lambda*u - 2*gap)"}},
		{"rpo-nemo squared", &RPONeMo{Lambda: at, Eta: 2, Metric: "squared"}, &Custom{Pair: "(beta*logits - 2*gap)**2"}},
		{"sft", &SFT{}, &Custom{Pair: "-c/n_c"}},
		{"sft by token", &SFT{Mean: "token"}, &Custom{Pair: "-mean(policy_chosen_logps)/mean(n_c)"}},
		{"simper", &SimPER{}, &Custom{Pair: "exp(policy_rejected_logps/n_r) - (c/n_c).exp()"}},
		{"simpo", &SimPO{Lambda: at, Gamma: 0.5}, &Custom{Pair: "softplus(g - lambda*(c/n_c - r/n_r))", Constants: constants{"g": 0.5}}},
		{"sppo", &SPPO{Lambda: at}, &Custom{Pair: "square(c - ref_c - 1/(2*lambda)) + square(r - ref_r + 1/(2*lambda))"}},
		{"sum", &Sum{Lambda: at, Terms: []Part{{Times(0.5), &DPO{Lambda: 2}}, {TimesLambda(), &KLRefPi{Reduction: "sum"}}}}, &Custom{
			Pair: "0.5*softplus(-2*u)", Dist: "lambda*kl(ref, pi)"}},
		{"typo", &TYPO{Lambda: at, KLReduction: "sum"}, &Custom{Pair: "softplus(-(c - r))", Dist: "lambda * kl(ref, pi)"}},
		{"wpo without alignment", &WPO{Lambda: at, Alignment: "none"}, &Custom{Pair: "stopgrad(exp(c/n_c + r/n_r))*softplus(-lambda*u)"}},
	}

	// noFormula gives the built-in losses that no formula can be, with the reason and, where there is one, a batch on which
	// the loss is not a sum over comparisons of what a formula can see.
	noFormula = map[string]struct {
		reason string
		proof  func(t *testing.T, o *Objective, b *Batch)
	}{
		"aot":          {"it sorts the margins of the whole batch", couples},
		"aot-unpaired": {"it sorts the log-ratios of the whole batch", couples},
		"best-of-n": {"it is no loss", func(t *testing.T, o *Objective, b *Batch) {
			if len(o.pair)+len(o.dist) > 0 {
				t.Error("it has terms")
			}
		}},
		"custom": {"it is the formula", func(*testing.T, *Objective, *Batch) {}},
		"ld-dpo": {"a formula has no variable for the tokens past the shared length", func(t *testing.T, o *Objective, b *Batch) {
			reads(t, o, b, func() { b.ChosenTail, b.RejectedTail = b.Chosen, b.Rejected })
		}},
		"nash-md-pg": {"a formula has no variable for win rates", readsWins},
		"odpo": {"a formula has no variable for the reward of a response", func(t *testing.T, o *Objective, b *Batch) {
			reads(t, o, b, func() { b.Gap = b.RefChosen })
		}},
		"tdpo1": {"a formula has no variable for divergences by token", func(t *testing.T, o *Objective, b *Batch) {
			reads(t, o, b, func() { b.ChosenKL, b.RejectedKL = b.RefChosen, b.RefRejected })
		}},
		"tdpo2": {"a formula has no variable for divergences by token", func(t *testing.T, o *Objective, b *Batch) {
			reads(t, o, b, func() { b.ChosenKL, b.RejectedKL = b.RefChosen, b.RefRejected })
		}},
		"online-ipo": {"a formula has no variable for win rates", readsWins},
		"tr-dpo": {"its reference moves from step to step; at each it is dpo", func(t *testing.T, o *Objective, b *Batch) {
			if o.Moving == nil || valueOf(o, b) != valueOf((&DPO{Lambda: defaultLambda}).Objective(), b) {
				t.Error("it is not DPO with a moving reference")
			}
		}},
		"win-rate": {"a formula has no variable for win rates", readsWins},
	}
)

// readsWins fails unless other win rates change the loss.
func readsWins(t *testing.T, o *Objective, b *Batch) {
	t.Helper()
	b.Dists, b.Prompts, b.PromptWeight = []Dist{*dist([]float64{0, 1, 3}, []float64{1, 0, 0}, []float64{0, 0, 0})}, []int{0}, []float64{1}
	before := o.Loss(b)
	b.Dists[0].Wins = []float64{0.5, 1, 0, 0, 0.5, 1, 1, 0, 0.5}
	if o.Loss(b) == before {
		t.Errorf("the loss stays at %v", before)
	}
}

// couples fails unless the loss of a batch differs from the sum of its comparisons' own.
func couples(t *testing.T, o *Objective, b *Batch) {
	t.Helper()
	if whole, apart := valueOf(o, b), oneByOne(o, b); close(whole, apart) {
		t.Errorf("the loss of the batch is %v, the sum over its comparisons %v", whole, apart)
	}
}

// reads fails unless the change to the batch changes the loss.
func reads(t *testing.T, o *Objective, b *Batch, change func()) {
	t.Helper()
	before := valueOf(o, b)
	change()
	if after := valueOf(o, b); after == before {
		t.Errorf("the loss stays at %v", before)
	}
}

// oneByOne is the weighted sum of the losses that the comparisons of a batch have each by itself.
func oneByOne(o *Objective, b *Batch) float64 {
	sum := 0.0
	for i, w := range b.Weight {
		alone := permuted(b, []int{i})
		alone.Weight = []float64{1}
		sum += w * valueOf(o, alone)
	}
	return sum
}

// TestEveryKindAsFormula: a built-in loss is compared with its own formula or listed with the reason why it has none.
func TestEveryKindAsFormula(t *testing.T) {
	written := map[reflect.Type]bool{}
	for _, f := range ownFormulas {
		written[reflect.TypeOf(f.builtin)] = true
	}
	for _, kind := range Kinds() {
		none, listed := noFormula[kind.Name]
		if has := written[reflect.TypeOf(kind.New())]; has == listed {
			t.Errorf("%s: compared with a formula: %v; listed as having none: %v; one of the two is needed", kind.Name, has, listed)
		}
		if !listed || kind.Name == "custom" {
			continue
		}
		t.Logf("%s has no formula: %s", kind.Name, none.reason)
		t.Run(kind.Name, func(t *testing.T) {
			none.proof(t, kind.New().Objective(), randomBatch(rand.New(rand.NewPCG(7, 7)), 6))
		})
	}
	for name := range noFormula {
		if _, ok := Kinds().Find(name); !ok {
			t.Errorf("%s is listed and no kind", name)
		}
	}
}

func TestCustomEqualsBuiltin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, test := range ownFormulas {
		t.Run(test.name, func(t *testing.T) {
			test.custom.Lambda = at
			if problems := test.custom.Check(); problems != nil {
				t.Fatal(problems)
			}
			a, b := test.builtin.Objective(), test.custom.Objective()
			for i := range 20 {
				batch := customBatch(rng, 50)
				withRewards(rng, batch)
				if i%2 == 1 && test.custom.Psi == "" {
					withTokens(rng, batch)
				}
				comparePairs(t, a, b, batch)
				compareDists(t, a, b, customDist(rng, 7))
			}
		})
	}
}

// withRewards gives a batch rewards of its responses, and dispersions.
func withRewards(rng *rand.Rand, b *Batch) {
	for range b.Chosen {
		chosen, rejected := rng.NormFloat64(), rng.NormFloat64()
		b.ChosenReward, b.RejectedReward = append(b.ChosenReward, chosen), append(b.RejectedReward, rejected)
		b.Gap, b.Dispersion = append(b.Gap, chosen-rejected), append(b.Dispersion, 2*rng.Float64())
	}
}

// withTokens gives a batch token counts from 1 to 6.
func withTokens(rng *rand.Rand, b *Batch) {
	for range b.Chosen {
		b.ChosenTokens = append(b.ChosenTokens, float64(1+rng.IntN(6)))
		b.RejectedTokens = append(b.RejectedTokens, float64(1+rng.IntN(6)))
	}
}
