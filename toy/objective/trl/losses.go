package trl

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"windtunnel/toy/objective"
	"windtunnel/toy/registry"
)

// loss says how one of TRL's losses is written here.
type loss struct {
	takes  []string // settings beside beta
	params func(r *Row) objective.Params
}

// losses lists them by trainer/loss_type. Trainer dpo_v0.24.0 is that release's dpo, where it differs.
var losses = map[string]loss{
	"dpo/sigmoid": {divergence("label_smoothing"), func(r *Row) objective.Params {
		return &objective.DPO{Lambda: *r.Beta, LabelSmoothing: or(r.LabelSmoothing, 0), Divergence: r.divergence()}
	}},
	"dpo/hinge": {divergence(), func(r *Row) objective.Params {
		return &objective.Hinge{Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo/ipo": {divergence("extra.len"), func(r *Row) objective.Params {
		return &objective.IPO{Length: "averaged", Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo/exo_pair": {divergence("label_smoothing"), func(r *Row) objective.Params {
		return &objective.EXO{Lambda: *r.Beta, LabelSmoothing: or(r.LabelSmoothing, 1e-3), Divergence: r.divergence()}
	}},
	"dpo/nca_pair": {divergence(), func(r *Row) objective.Params {
		return &objective.NCA{Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo/robust": {divergence("label_smoothing"), func(r *Row) objective.Params {
		return &objective.Robust{Lambda: *r.Beta, LabelSmoothing: or(r.LabelSmoothing, 0), Divergence: r.divergence()}
	}},
	"dpo/bco_pair": {divergence(), func(r *Row) objective.Params {
		return &objective.BCOPair{Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo/sppo_hard": {divergence(), func(r *Row) objective.Params {
		return &objective.SPPO{Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo/aot": {[]string{"label_smoothing"}, func(r *Row) objective.Params {
		return &objective.AOT{Lambda: *r.Beta, LabelSmoothing: or(r.LabelSmoothing, 0)}
	}},
	"dpo/aot_unpaired": {[]string{"label_smoothing"}, func(r *Row) objective.Params {
		return &objective.AOTUnpaired{Lambda: *r.Beta, LabelSmoothing: or(r.LabelSmoothing, 0)}
	}},
	"dpo/apo_zero": {nil, func(r *Row) objective.Params { return &objective.APOZero{Lambda: *r.Beta} }},
	"dpo/apo_down": {divergence(), func(r *Row) objective.Params {
		return &objective.APODown{Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo/discopop": {divergence("extra.tau"), func(r *Row) objective.Params {
		return &objective.DiscoPOP{Lambda: *r.Beta, Tau: or(r.Extra.Tau, 0.05), Divergence: r.divergence()}
	}},
	"dpo/sigmoid_norm": {divergence("extra.len"), func(r *Row) objective.Params {
		return &objective.DPONorm{Lambda: *r.Beta, Divergence: r.divergence()}
	}},
	"dpo_v0.24.0/sigmoid": {divergence("label_smoothing"), func(r *Row) objective.Params {
		return &objective.DPO{Lambda: *r.Beta, LabelSmoothing: or(r.LabelSmoothing, 0), Divergence: r.olderDivergence()}
	}},
	"dpo_v0.24.0/bco_pair": {[]string{"extra.delta"}, func(r *Row) objective.Params {
		p := &objective.BCOPair{Lambda: *r.Beta, Divergence: r.divergence()}
		if r.Extra.Delta != nil && r.Extra.Delta.Fixed != nil {
			p.Delta = *r.Extra.Delta.Fixed
		}
		return p
	}},
	"cpo/sigmoid": {[]string{"label_smoothing"}, func(r *Row) objective.Params {
		return &objective.CPO{Lambda: *r.Beta, Loss: "sigmoid", LabelSmoothing: or(r.LabelSmoothing, 0)}
	}},
	"cpo/hinge": {nil, func(r *Row) objective.Params { return &objective.CPO{Lambda: *r.Beta, Loss: "hinge"} }},
	"cpo/ipo":   {nil, func(r *Row) objective.Params { return &objective.CPO{Lambda: *r.Beta, Loss: "ipo"} }},
	"cpo/simpo": {[]string{"label_smoothing", "extra.gamma", "extra.alpha", "extra.len"}, func(r *Row) objective.Params {
		e, gamma := or(r.LabelSmoothing, 0), or(r.Extra.Gamma, 0.5)
		if alpha := or(r.Extra.Alpha, 0); alpha != 0 {
			return &objective.AlphaPO{Lambda: *r.Beta, Gamma: gamma, Alpha: alpha, LabelSmoothing: e}
		}
		return &objective.SimPO{Lambda: *r.Beta, Gamma: gamma, LabelSmoothing: e}
	}},
	"orpo/orpo": {[]string{"extra.nll", "extra.len"}, func(r *Row) objective.Params { return &objective.ORPO{Lambda: *r.Beta} }},
	"kto/kto": {[]string{"extra.kl", "extra.w_d", "extra.w_u"}, func(r *Row) objective.Params {
		return &objective.KTO{Lambda: *r.Beta, KL: r.Extra.KL, Desirable: or(r.Extra.Desirable, 1), Undesirable: or(r.Extra.Undesirable, 1)}
	}},
	"kto/apo_zero_unpaired": {[]string{"extra.w_d", "extra.w_u"}, func(r *Row) objective.Params {
		return &objective.APOZeroUnpaired{Lambda: *r.Beta, Desirable: or(r.Extra.Desirable, 1), Undesirable: or(r.Extra.Undesirable, 1)}
	}},
	"bco/bco": {[]string{"extra.delta"}, func(r *Row) objective.Params {
		p := &objective.BCO{Lambda: *r.Beta}
		if r.Extra.Delta != nil {
			p.Delta = r.Extra.Delta.Fixed
		}
		return p
	}},
}

// divergence lists the settings of a loss that has an f-divergence.
func divergence(more ...string) []string { return append(more, "f_divergence", "f_alpha") }

func or(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}

// divergence returns the f-divergence that the row names, the reverse KL by default.
func (r *Row) divergence() objective.Divergence {
	d := objective.Divergence{Divergence: "reverse_kl", Alpha: or(r.Alpha, 0.5)}
	if r.Divergence != nil {
		d.Divergence = *r.Divergence
	}
	return d
}

// olderDivergence is divergence in the terms of v0.24.0, whose alpha divergence of order a has the link -exp(-a x)/a:
// order 1-a here, and the forward KL at a = 1.
func (r *Row) olderDivergence() objective.Divergence {
	d := r.divergence()
	if d.Divergence != "alpha_divergence" {
		return d
	}
	d.Alpha = 1 - or(r.Alpha, 1)
	if d.Alpha == 0 {
		d.Divergence = "forward_kl"
	}
	return d
}

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
	given := r.given()
	for _, setting := range slices.Sorted(maps.Keys(given)) {
		if given[setting] && !slices.Contains(l.takes, setting) {
			return nil, &Mistake{Key: setting, Wrong: r.Name() + " has no such setting",
				Allowed: "it has " + strings.Join(append([]string{"beta"}, l.takes...), ", ")}
		}
	}
	f, _ := reflect.TypeFor[objective.Divergence]().FieldByName("Divergence")
	if known := registry.Words(f.Tag.Get("oneof")); r.Divergence != nil && !slices.Contains(known, *r.Divergence) {
		return nil, &Mistake{Key: "f_divergence", Wrong: fmt.Sprintf("is %q", *r.Divergence), Allowed: "one of " + strings.Join(known, ", "),
			Word: *r.Divergence, Known: known}
	}
	return l.params(r), nil
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
	if r.Extra.NLL != nil && !*r.Extra.NLL {
		return o.First()
	}
	return o
}

// given says which settings the row gives; the value of none is none.
func (r *Row) given() map[string]bool {
	set := func(v *float64) bool { return v != nil && *v != 0 }
	return map[string]bool{
		"f_divergence": r.Divergence != nil, "f_alpha": r.Alpha != nil, "label_smoothing": set(r.LabelSmoothing),
		"extra.len": r.Extra.Len != nil, "extra.tau": r.Extra.Tau != nil, "extra.alpha": set(r.Extra.Alpha),
		"extra.gamma": set(r.Extra.Gamma), "extra.nll": r.Extra.NLL != nil, "extra.kl": r.Extra.KL != nil,
		"extra.w_d": r.Extra.Desirable != nil, "extra.w_u": r.Extra.Undesirable != nil, "extra.delta": r.Extra.Delta != nil,
	}
}
