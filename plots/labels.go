package plots

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"windtunnel/metrics/tables"
)

// columnName is how a column reads in a figure.
type columnName struct {
	label  string // on an axis: words, symbol and unit
	symbol string // in a legend before "= value"
}

// columnNames maps the columns of tables to what axes and legends say. Columns not listed are written as they are.
var columnNames = map[string]columnName{
	"kl_star_pi":      {"KL($π$* ‖ $π_θ$) [nats]", ""},
	"kl_pi_star":      {"KL($π_θ$ ‖ $π$*) [nats]", ""},
	"kl_star_ref":     {"KL($π$* ‖ $π_{ref}$) [nats]", ""},
	"kl_ref_pi":       {"KL($π_{ref}$ ‖ $π_θ$) [nats]", ""},
	"kl_pi_ref":       {"KL($π_θ$ ‖ $π_{ref}$) reached [nats]", ""},
	"tv_star":         {"TV($π_θ$, $π$*)", ""},
	"tv_ref":          {"TV($π_θ$, $π_{ref}$)", ""},
	"js_star":         {"JS($π_θ$, $π$*) [nats]", ""},
	"js_ref":          {"JS($π_θ$, $π_{ref}$) [nats]", ""},
	"tv_mode":         {"TV($π_θ$, $π_δ$)", ""},
	"kl_mode_pi":      {"KL($π_δ$ ‖ $π_θ$) [nats]", ""},
	"mode_mass":       {"Mass on the mode of $π$*", ""},
	"reward":          {"Reward [nats]", ""},
	"win_rate":        {"Win rate over $π_{ref}$", ""},
	"win_rate_best":   {"Win rate over the best response", ""},
	"nash_gap":        {"Nash gap", ""},
	"condorcet_mass":  {"Mass on the Condorcet winner", ""},
	"borda_mass":      {"Mass on the Borda winners", ""},
	"accuracy":        {"Preference accuracy", ""},
	"reward_accuracy": {"Accuracy of the implicit reward", ""},
	"chosen_shift":    {"Change of log $π_θ(y_w)$ [nats]", ""},
	"rejected_shift":  {"Change of log $π_θ(y_l)$ [nats]", ""},
	"margin":          {"Margin $u$ [nats]", ""},
	"proxy_reward":    {"Proxy reward [nats]", ""},
	"param_diff":      {"Error of the implicit rewards [nats]", ""},
	"value_diff":      {"Value below RLHF's optimum [nats]", ""},
	"chosen_logp":     {"log $π_θ(y_w)$ [nats]", ""},
	"rejected_logp":   {"log $π_θ(y_l)$ [nats]", ""},
	"entropy":         {"Entropy of $π_θ$ [nats]", ""},
	"loss":            {"Loss of the step", ""},
	"data_loss":       {"Loss over all comparisons", ""},
	"grad_norm":       {"Gradient norm", ""},
	"pi":              {"Probability $π_θ(y)$", ""},
	"step":            {"Training steps", "step"},
	"steps":           {"Training steps", "steps"},
	"seed":            {"Seed", "seed"},
	"objective":       {"Loss", ""},
	"prompt":          {"Prompt", ""},

	"lambda":               {"Regularization strength $λ$", "$λ$"},
	"constraint.l2":        {"Penalty $α$ on Σ$θ^2$", "$α$"},
	"constraint.kl_radius": {"Radius of the KL ball [nats]", "radius"},
	"train.max_steps":      {"Early stopping after [steps]", "max steps"},
	"train.epochs":         {"Epochs", "epochs"},
	"train.batch_size":     {"Batch size [pairs]", "batch"},
	"train.optimizer.lr":   {"Learning rate", "lr"},
	"policy.rank":          {"Rank of the policy class", "rank"},
	"n":                    {"Samples $n$ of $π_{ref}$", "$n$"},

	"preferences.n":           {"Preference pairs drawn", "$n$"},
	"preferences.label_noise": {"Probability of a flipped label", "noise"},
	"preferences.coverage":    {"Part of the comparisons made", "coverage"},
	"preferences.sampling":    {"Sampling policy", "sampled from"},
	"preferences.rounds":      {"Rounds", "rounds"},
	"preferences.pairs":       {"Pairs drawn a round", "pairs"},
	"preferences.temperature": {"Temperature of the labels", "label temperature"},
	"preferences.proxy.share": {"Part of the responses that the proxy has wrong", "wrong"},
	"preferences.proxy.scale": {"Error of the proxy [nats]", "error"},

	"environment.prompts":      {"Prompts", "prompts"},
	"environment.responses":    {"Responses $K$", "$K$"},
	"environment.perturbation": {"Perturbation of $π_{ref}$ [nats]", "perturbation"},
	"environment.temperature":  {"Temperature of $π_{ref}$", "temperature"},
}

// columnLabel is the axis label of a column.
func columnLabel(column string) string {
	if name, ok := columnNames[column]; ok {
		return name.label
	}
	return strings.ReplaceAll(column, "_", " ")
}

// columnLabel is the axis label of a column of the rows. Rewards of texts, whose tables have the reference's too, are no
// log-probabilities and have no unit.
func (r *rows) columnLabel(column string) string {
	label := columnLabel(column)
	if column == "reward" && r.table.Has("proxy_reward") {
		label = "Gold reward [nats]" // beside the proxy's
	}
	if r.table.Has("ref_reward") && strings.HasSuffix(column, "reward") {
		label, _, _ = strings.Cut(label, " [")
	}
	return label
}

// valueLabel writes "symbol = value" of a column, such as λ = 10⁻⁵; words speak for themselves.
func valueLabel(column, cell string) string {
	if column == "objective" || column == leftColumn || column == rightColumn {
		return lossName(cell)
	}
	symbol := symbolOf(column)
	switch {
	case cell == "":
		return symbol + " not set"
	case math.IsNaN(tables.ParseFloat(cell)) && !strings.ContainsAny(cell[:1], "[{") && cell != "true" && cell != "false":
		return cell // a word
	}
	return symbol + " = " + cellLabel(cell)
}

// symbolOf is what a column is called beside a value.
func symbolOf(column string) string {
	if symbol := columnNames[column].symbol; symbol != "" {
		return symbol
	}
	return strings.ReplaceAll(column, "_", " ")
}

// cellLabel writes a number the way people do: 10⁻⁵, e⁻⁴, 0.5; other cells stay as they are.
func cellLabel(cell string) string {
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return cell
	}
	if v > 0 {
		k10, ke := math.Round(math.Log10(v)), math.Round(math.Log(v))
		if math.Abs(math.Log10(v)-k10) < 1e-9 && math.Abs(k10) > 2 {
			return powerLabel(10, int(k10))
		}
		if ke != 0 && math.Abs(math.Log(v)-ke) < 1e-9 {
			return powerLabel(math.E, int(ke))
		}
	}
	short := strconv.FormatFloat(v, 'g', 4, 64)
	if mantissa, exponent, ok := strings.Cut(short, "e"); ok {
		k, _ := strconv.Atoi(exponent) // FormatFloat wrote it
		return minusSign(mantissa) + "·" + powerLabel(10, k)
	}
	return minusSign(short)
}

// sweepLabels returns how to write the values of a column side by side: all as powers of ten if they are, else each as
// cellLabel does.
func sweepLabels(cells []string) func(cell string) string {
	power := func(cell string) (int, bool) {
		k := math.Log10(tables.ParseFloat(cell))
		return int(math.Round(k)), math.Abs(k-math.Round(k)) < 1e-9
	}
	for _, cell := range cells {
		if _, ok := power(cell); !ok {
			return cellLabel
		}
	}
	return func(cell string) string {
		k, _ := power(cell)
		return powerLabel(10, k)
	}
}

// minusSign replaces the hyphen of a written number by a minus sign.
func minusSign(number string) string { return strings.ReplaceAll(number, "-", "−") }

// lossNames are the names of losses as papers print them.
var lossNames = map[string]string{"alphapo": "AlphaPO", "aot": "AOT", "aot-unpaired": "AOT unpaired", "apo-down": "APO-down", "apo-zero": "APO-zero",
	"apo-zero-unpaired": "APO-zero unpaired", "bco": "BCO", "bco-pair": "BCO in pairs", "best-of-n": "best of $n$", "bradley-terry": "Bradley-Terry",
	"cal-dpo": "Cal-DPO", "chi-po": "$χ$PO", "cpo": "CPO", "discopop": "DiscoPOP", "dpo": "DPO", "dpo-norm": "DPO-norm", "dpo-positive": "DPOP",
	"exo": "EXO", "expo-regression": "ExPO regression", "f-dpo": "$f$-DPO", "gpo": "GPO", "ipo": "IPO", "kl-pi-ref": "KL($π_θ$ ‖ $π_{ref}$)",
	"kl-ref-pi": "KL($π_{ref}$ ‖ $π_θ$)", "kto": "KTO", "ld-dpo": "LD-DPO", "mallows": "MallowsPO", "nca": "NCA", "odpo": "ODPO", "orpo": "ORPO",
	"alpha-dpo": "$α$-DPO", "beta-dpo": "$β$-DPO", "cauchy": "Cauchy", "dr-dpo": "Dr. DPO", "focal-po": "FocalPO", "rainbow-po": "RainbowPO",
	"rebel": "REBEL", "repo": "RePO", "sft": "SFT", "simper": "SimPER", "cpo-simpo": "CPO-SimPO", "dpo-shift": "DPO-Shift",
	"mallows-ipo": "MallowsPO-IPO", "nash-md-pg": "Nash-MD-PG", "online-ipo": "online IPO", "win-rate": "win rate", "rpo-nemo": "RPO (NeMo)",
	"r-dpo": "R-DPO", "rlhf": "RLHF", "robust": "robust DPO", "rpo": "RPO", "simpo": "SimPO", "sppo": "SPPO", "tdpo1": "TDPO1", "tdpo2": "TDPO2",
	"tr-dpo": "TR-DPO", "typo": "TYPO", "wpo": "WPO"}

// lossName is the printed name of an objective. A label that a configuration made up of a loss and more, such as typo-8, has
// the name in place of the loss; others stay as they are.
func lossName(label string) string {
	for end := len(label); end > 0; end = strings.LastIndex(label[:end], "-") {
		if name, ok := lossNames[label[:end]]; ok {
			return name + label[end:]
		}
	}
	return label
}

// responseName is y_a, y_b, ... for the first 26 responses and y_26, ... for the rest.
func responseName(index int) string {
	if index < 26 {
		return "y_" + string(rune('a'+index))
	}
	return "y_{" + strconv.Itoa(index) + "}"
}

// sortedKeys returns the columns of a selection in a fixed order.
func sortedKeys(where tables.Where) []string { return slices.Sorted(maps.Keys(where)) }
