package vectors

import (
	"windtunnel/toy/objective"
	"windtunnel/toy/registry"
)

// How a loss uses the number of a response's tokens.
const (
	sums     = iota // not at all
	averages        // log-probabilities are divided by it
	weighs          // sums, with weights of averages
	counts          // sums, with the number beside
)

// loss is one of the objectives and how it is worked out from tokens.
type loss struct {
	name          string
	settings      []Params // used in turn
	tokens        int
	referenceFree bool
	batch         bool
	unsmoothed    float64  // the least label smoothing
	without       []string // inputs
	sft           string   // the setting that weighs the mean of -log pi over chosen tokens, "" for none; orpo's is 1
	anchor        string   // the setting that rewards are measured from, by default a detached mean over the batch; "" for none
	kind          string   // the objective without the SFT term, "" for the name
}

// with returns three settings: pairs of a name and its three values.
func with(settings ...any) []Params {
	all := []Params{{"beta": 0.1}, {"beta": 0.5}, {"beta": 0.05}}
	for k := 0; k < len(settings); k += 2 {
		for i, p := range all {
			p[settings[k].(string)] = settings[k+1].([]any)[i]
		}
	}
	return all
}

type three = []any

var tokens3 = three{"tokens", "tokens", "tokens"} // the SFT term's mean is over all chosen tokens of the batch, as in TRL

// empty are inputs whose mean over tokens is 0/0, which losses of means do not have.
var empty = []string{"empty-chosen", "empty-rejected"}

// losses have vectors. One that reads more than log-probabilities and masks, such as true rewards, has none.
var losses = []loss{
	{name: "dpo", settings: with("label_smoothing", three{0.1, 0.3, 0.0})},
	{name: "ipo", settings: with(), tokens: averages, without: empty},
	{name: "hinge", settings: with()},
	{name: "robust", settings: with("label_smoothing", three{0.1, 0.3, 0.2})},
	{name: "exo", settings: with("label_smoothing", three{0.1, 0.3, 0.01}), unsmoothed: 1e-3},
	{name: "nca", settings: with()},
	{name: "bco-pair", settings: with()},
	{name: "sppo", settings: with()},
	{name: "apo-zero", settings: with()},
	{name: "apo-down", settings: with()},
	{name: "discopop", settings: with("tau", three{0.05, 0.5, 0.05})},
	{name: "dpo-norm", settings: with(), tokens: averages, without: empty},
	// Where the policy is the reference it has a kink, whose derivative is a matter of taste.
	{name: "dpo-positive", settings: with("dpop_lambda", three{50.0, 5.0, 1.0}), without: []string{"policy-is-reference"}},
	{name: "r-dpo", settings: with("alpha", three{0.01, 0.1, 0.05}), tokens: counts},
	{name: "cal-dpo", settings: with("calibration", three{1.0, 0.5, 1.0})},
	{name: "wpo", settings: with(), tokens: weighs, without: empty},
	{name: "simpo", settings: with("beta", three{2.0, 2.5, 10.0}, "gamma", three{0.5, 1.5, 3.0}), tokens: averages, referenceFree: true, without: empty},
	{name: "cpo", settings: with("cpo_alpha", three{1.0, 0.1, 0.5}, "sft_mean", tokens3), sft: "cpo_alpha", referenceFree: true, without: empty},
	// The odds of what is certain, such as no token, are infinite.
	{name: "orpo", settings: with("sft_mean", tokens3), sft: "1", tokens: averages, referenceFree: true,
		without: []string{"empty-chosen", "empty-rejected", "one-token-each", "one-token-chosen", "certain-tokens"}},
	{name: "rpo", settings: with("rpo_alpha", three{1.0, 0.1, 0.5}, "sft_mean", tokens3), sft: "rpo_alpha", kind: "dpo", without: empty},
	{name: "kto", settings: with("desirable_weight", three{1.0, 1.5, 1.0}, "undesirable_weight", three{1.0, 1.0, 2.0}), batch: true, anchor: "kl"},
	{name: "apo-zero-unpaired", settings: with("desirable_weight", three{1.0, 1.5, 1.0}, "undesirable_weight", three{1.0, 1.0, 2.0}), batch: true},
	{name: "bco", settings: with(), batch: true, anchor: "delta"},
	{name: "aot", settings: with("label_smoothing", three{0.1, 0.3, 0.0}), batch: true},
	{name: "aot-unpaired", settings: with("label_smoothing", three{0.1, 0.3, 0.0}), batch: true},
}

// kinds are the losses of the project.
var kinds = objective.Kinds()

// build returns an objective with settings under the names of its parameters or their aliases; the others are as by default.
func build(kind string, settings Params) *objective.Objective {
	found, _ := kinds.Find(kind)
	params := found.New()
	for name, value := range settings {
		registry.Set(params, name, value)
	}
	return params.Objective()
}
