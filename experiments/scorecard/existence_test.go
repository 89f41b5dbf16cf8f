package scorecard

import (
	"strings"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
)

// What theory says of existence, by loss: when a response never loses, when one was never compared, with one pair, with
// flipped labels; 0 a unique finite minimizer, 1 several, 2 one on the boundary, 3 none, - not decided.
var existenceTheory = map[string]string{
	// A strictly convex loss that falls for ever with the margin, whatever offset, weight or scale it gives a comparison.
	"dpo": "3130", "bradley-terry": "3130", "f-dpo": "3130", "chi-po": "3130", "dpo-norm": "3130", "simpo": "3130", "alphapo": "3130",
	"odpo": "3130", "r-dpo": "3130", "ld-dpo": "3130", "mallows": "3130", "discopop": "3130",
	// Labels flipped at just the rate that the loss takes for granted leave a response that never lost.
	"robust": "3133",
	// An attained minimum of the margin; the hinge's is attained on a ray.
	"ipo": "0110", "exo": "0110", "expo-regression": "0110", "hinge": "1110", "gpo": "1110",
	// Both responses held, each by itself: what was never compared is left what mass the others do not want.
	"sppo": "0220", "cal-dpo": "0220", "nca": "0230", "bco-pair": "0230",
	// The likelihood of the chosen response, or a penalty on its fall, pushes out what was never chosen.
	"cpo": "0230", "rpo": "0230", "orpo": "0230", "dpo-positive": "0230",
	// Bounded functions of either response, those chosen more up and those rejected more down, wherever the policy is.
	"apo-zero": "3333", "apo-zero-unpaired": "3333", "kto": "3333", "apo-down": "-33-",
	// No loss is descended: rest points.
	"tr-dpo": "3333", "wpo": "313-", "bco": "--3-", "aot": "313-", "aot-unpaired": "3-3-",
	// A divergence over the whole policy, alone or beside comparisons.
	"typo": "0000", "rlhf": "0000", "kl-ref-pi": "0000", "kl-pi-ref": "0000", "reward": "3333",
}

// TestExistenceTheory holds the four cells of every registered loss against theory, and asks for a reason where it has none.
func TestExistenceTheory(t *testing.T) {
	var losses []spec.Objective
	for _, kind := range objective.Kinds() {
		if _, direct := kind.New().(objective.Direct); kind.Name != "custom" && kind.Name != "sum" && !direct {
			losses = append(losses, spec.Objective{Name: kind.Name, Loss: kind.New()})
		}
	}
	for i, row := range fill(t, few(0, "existence"), losses...) {
		got := ""
		for _, test := range []*Test{existenceNeverLoses, existenceNeverCompared, existenceOnePair, existenceFlippedLabels} {
			cell := row[test.Name]
			if cell.Verdict == None {
				got += "-"
				if !strings.Contains(cell.Reading.None, "cannot decide") {
					t.Errorf("%s of %s: none because %q", test.Name, losses[i].Name, cell.Reading.None)
				}
				continue
			}
			got += string('0' + rune(cell.Reading.Value))
		}
		if want := existenceTheory[losses[i].Name]; got != want {
			t.Errorf("%s: %s, want %s", losses[i].Name, got, want)
		}
	}
}
