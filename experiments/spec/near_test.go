package spec

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec/decode"
)

// A key that is suggested for a wrong one of a sweep is another, and one that can be swept there.
func TestSuggestedSweptKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "near.yaml")
	mistakes := func(objectives, key string) []decode.Error {
		testfile.Write(t, path, "name: x\nenvironment: {kind: random-bandit, responses: 3}\npreferences: {kind: sample, n: 5}\nobjectives: "+objectives+
			"\nsweep: {'"+key+"': [1, 2]}\n")
		_, err := load(path, nil)
		var all decode.Errors
		errors.As(err, &all)
		return slices.DeleteFunc(all, func(e decode.Error) bool { return !strings.Contains(e.Error(), "sweep."+key+":") })
	}
	refused := regexp.MustCompile("objectives.0 has no such parameter|there is no (key|entry) [^ ]* in [^ ]*$|cannot be swept")
	tried := 0
	for _, objectives := range []string{"[{kind: dpo}, {kind: typo}]", "[{kind: sum, terms: [{kind: bradley-terry}, {kind: kl-ref-pi, weight: lambda}]}]", "[{kind: best-of-n}, {kind: dpo, train: {optimizer: sgd}}]"} {
		for _, first := range []string{"", "train.", "train.optimizer.", "objective.", "objectives.0.", "objectives.", "preferences.", "policy.", "limits.", "optimizer.", "seed."} {
			for _, last := range []string{"lambda", "beta", "Lambda", "lamda", "kind", "name", "train", "objective", "seed", "seeds", "n", "N", "lr", "beta1", "momentum", "optimizer", "epochs",
				"Epochs", "label_smoothing", "label-smoothing", "terms", "terms.0", "terms.1.weight", "weight", "train.lr", "memory", "time", "responses", "rank", "alpha", "steps", "of", "groups", "logits", "prompts"} {
				for _, e := range mistakes(objectives, first+last) {
					if e.Near == "" {
						continue
					}
					tried++
					if e.Near == first+last {
						t.Errorf("%s of %s suggests itself: %v", first+last, objectives, e)
					}
					for _, of := range mistakes(objectives, e.Near) {
						if refused.MatchString(of.Wrong) {
							t.Errorf("%s of %s: %v\nbut then: %v", first+last, objectives, e, of)
						}
					}
				}
			}
		}
	}
	if tried < 100 {
		t.Error(fmt.Sprint("only ", tried, " suggestions"))
	}
}
