package trl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"windtunnel/toy/objective"
	"windtunnel/toy/registry"
)

// older is the trainer of TRL 0.24.0's dpo, where that differs.
const older = "dpo_v0.24.0"

// loss says what the lines of one of TRL's losses may set. Its parameters here are those of the kind that names it.
type loss struct {
	takes []string       // settings beside beta
	fixed map[string]any // parameters that are others than the kind's defaults
}

// losses lists them by trainer/loss_type.
var losses = map[string]loss{
	"dpo/sigmoid":           {takes: divergence("label_smoothing")},
	"dpo/hinge":             {takes: divergence()},
	"dpo/ipo":               {takes: divergence("extra.len")},
	"dpo/exo_pair":          {takes: divergence("label_smoothing")},
	"dpo/nca_pair":          {takes: divergence()},
	"dpo/robust":            {divergence("label_smoothing"), map[string]any{"label_smoothing": 0.0}},
	"dpo/bco_pair":          {takes: divergence()},
	"dpo/sppo_hard":         {takes: divergence()},
	"dpo/aot":               {takes: []string{"label_smoothing"}},
	"dpo/aot_unpaired":      {takes: []string{"label_smoothing"}},
	"dpo/apo_zero":          {},
	"dpo/apo_down":          {takes: divergence()},
	"dpo/discopop":          {takes: divergence("extra.tau")},
	"dpo/sigmoid_norm":      {takes: divergence("extra.len")},
	older + "/sigmoid":      {takes: divergence("label_smoothing")},
	older + "/bco_pair":     {takes: []string{"extra.delta"}},
	"cpo/sigmoid":           {[]string{"label_smoothing"}, map[string]any{"cpo_alpha": 0.0}},
	"cpo/hinge":             {fixed: map[string]any{"cpo_alpha": 0.0, "loss": "hinge"}},
	"cpo/ipo":               {fixed: map[string]any{"cpo_alpha": 0.0, "loss": "ipo"}},
	"cpo/simpo":             {[]string{"label_smoothing", "extra.gamma", "extra.alpha", "extra.len"}, map[string]any{"alpha": 0.0}}, // AlphaPO's
	"orpo/orpo":             {takes: []string{"extra.nll", "extra.len"}},
	"kto/kto":               {takes: []string{"extra.kl", "extra.w_d", "extra.w_u"}},
	"kto/apo_zero_unpaired": {takes: []string{"extra.w_d", "extra.w_u"}},
	"bco/bco":               {takes: []string{"extra.delta"}},
}

// divergence lists the settings of a loss that has an f-divergence.
func divergence(more ...string) []string { return append(more, "f_divergence", "f_alpha") }

// Name returns trainer/loss_type.
func (r *Row) Name() string { return r.Trainer + "/" + r.LossType }

// Names lists the losses that are known, sorted.
func Names() []string { return slices.Sorted(maps.Keys(losses)) }

// Params returns the loss with the row's settings, numbers unchecked: the bounds of each are in its tags. A loss that is not
// known and a setting that the loss does not have are errors; no loss ever stands in for another.
func (r *Row) Params() (objective.Params, error) {
	l, ok := losses[r.Name()]
	if !ok {
		return nil, &Mistake{Wrong: "there is no loss " + r.Name(), Allowed: "one of " + strings.Join(Names(), ", "),
			Word: r.Name(), Known: Names()}
	}
	for _, setting := range slices.Sorted(maps.Keys(r.Settings)) {
		none := r.Settings[setting] == 0.0 && slices.Contains([]string{"label_smoothing", "extra.alpha", "extra.gamma"}, setting)
		if !none && !slices.Contains(l.takes, setting) {
			return nil, &Mistake{Key: setting, Wrong: r.Name() + " has no such setting",
				Allowed: "it has " + strings.Join(append([]string{"beta"}, l.takes...), ", ")}
		}
	}
	_, tag, _ := registry.Field(&objective.Divergence{}, "f_divergence")
	known := registry.Words(tag.Get("oneof"))
	if word, given := r.Settings["f_divergence"].(string); given && !slices.Contains(known, word) {
		return nil, &Mistake{Key: "f_divergence", Wrong: fmt.Sprintf("is %q", word), Allowed: "one of " + strings.Join(known, ", "),
			Word: word, Known: known}
	}
	return r.params(l), nil
}

// params sets the parameters of the first kind that names the loss.
func (r *Row) params(l loss) objective.Params {
	name := strings.Replace(r.Name(), older, "dpo", 1)
	kinds := objective.Kinds()
	params := kinds[slices.IndexFunc(kinds, func(k registry.Kind[objective.Params]) bool { return slices.Contains(registry.Words(k.TRL), name) })].New()
	for key, value := range l.fixed {
		registry.Set(params, key, value)
	}
	registry.Set(params, "beta", *r.Beta)
	for setting, value := range r.Settings {
		if value != firstUpdate { // as without it, from the comparison itself
			registry.Set(params, strings.TrimPrefix(setting, "extra."), value)
		}
	}
	// The alpha divergence of order a had the link -exp(-a x)/a: order 1-a here, and the forward KL at a = 1.
	if r.Trainer == older && r.Settings["f_divergence"] == "alpha_divergence" {
		alpha, given := r.Settings["f_alpha"].(float64)
		if !given || alpha == 1 {
			registry.Set(params, "f_divergence", "forward_kl")
		}
		registry.Set(params, "f_alpha", 1-alpha)
	}
	return params
}

// Setting returns the name by which a line of this loss knows one of its settings, given the names that the loss has for it
// here; the first of these if there is none.
func (r *Row) Setting(names []string) string {
	for _, setting := range append([]string{"beta"}, losses[r.Name()].takes...) {
		if _, last, nested := strings.Cut(setting, "."); slices.Contains(names, setting) || nested && slices.Contains(names, last) {
			return setting
		}
	}
	return names[0]
}

// Objective returns params' objective as the row's value counts it: without the chosen response's likelihood where
// extra.nll is false.
func (r *Row) Objective(params objective.Params) *objective.Objective {
	o := params.Objective()
	if r.Settings["extra.nll"] == false {
		return o.First()
	}
	return o
}
