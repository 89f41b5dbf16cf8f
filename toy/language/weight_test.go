package language

import (
	"math"
	"strings"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// A pair of weight 3 among pairs of weight 1.5 counts as one that is there twice, in the loss, the gradient and every mean, of losses
// pair by pair and of those with batch statistics.
func TestWeights(t *testing.T) {
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 0.1}, &objective.KTO{Lambda: 0.1}, &objective.BCO{Lambda: 0.1}} {
		losses, grads, measures, held := [2]float64{}, [2][]float64{}, [2]Comparisons{}, [2]*HeldOut{}
		for i := range 2 {
			l := tinyLoop[float64](t, loss.Objective())
			l.Params.BatchSize = 0
			if i == 0 {
				l.Pairs = append(l.Pairs, l.Pairs[4])
			} else {
				for k := range l.Pairs {
					l.Pairs[k].Weight = 1.5
				}
				l.Pairs[4].Weight = 3
			}
			tr := start(t, l)
			items := make([]int, len(l.Pairs))
			for k := range items {
				items[k] = k
			}
			grads[i], _, _ = tr.Gradient(train.Batch{Items: items})
			losses[i] = tr.Loss()
			measures[i], _ = tr.measures()
			e, err := newPairEvaluator(t.Context(), l.Reference, l.Pairs, &logpCache{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if e.ches, err = e.scorer.alike(t.Context(), l.Reference, l.Pairs); err != nil {
				t.Fatal(err)
			}
			if held[i], err = e.compare(t.Context(), l.Network); err != nil {
				t.Fatal(err)
			}
		}
		same := func(what string, a, b float64) {
			if !(math.Abs(a-b) <= 1e-12*math.Abs(a)+1e-15) {
				t.Errorf("%T: %s %v of a pair given twice, %v of one of twice the weight", loss, what, a, b)
			}
		}
		same("loss", losses[0], losses[1])
		for k, g := range grads[0] {
			same("derivative", g, grads[1][k])
		}
		for _, m := range [][2]Comparisons{measures, {held[0].Comparisons, held[1].Comparisons}} {
			a, b := m[0], m[1]
			for _, v := range [][2]float64{{a.ChosenLogp, b.ChosenLogp}, {a.RejectedShift, b.RejectedShift}, {a.Margin, b.Margin},
				{a.Accuracy, b.Accuracy}, {a.RewardAccuracy, b.RewardAccuracy}, {a.ChosenTokens, b.ChosenTokens}} {
				same("mean", v[0], v[1])
			}
		}
		same("CHES", held[0].CHES, held[1].CHES)
	}
}

// Weights are those of the file, of which only ratios matter; a pair of weight 0 is none, and a text where a number should be is told.
func TestWeightsOfFiles(t *testing.T) {
	line := func(weight string) string {
		return `{"prompt": "Once", "chosen": " upon", "rejected": " a"` + weight + "}\n"
	}
	read := func(weights ...string) *data {
		text := ""
		for _, w := range weights {
			text += line(w)
		}
		d, problems := gather(humanInput(t, text, Human{MaxTokens: 99}))
		if problems != nil {
			t.Fatal(problems)
		}
		return d
	}
	d := read(`, "weight": 1e300`, "", `, "weight": 0`, `, "weight": 5e299`)
	if len(d.pairs) != 3 || d.pairs[0].Weight != 1 || !(d.pairs[1].Weight > 0) || d.pairs[2].Weight != 0.5 || d.accounts[0].Empty != 1 {
		t.Errorf("%+v, %+v", d.pairs, d.accounts)
	}
	for _, p := range append(read(", \"weight\": 2.5", ", \"weight\": 2.5").pairs, read("", "").pairs...) {
		if p.Weight != 1 {
			t.Errorf("equal weights are %v", p.Weight)
		}
	}
	for weight, want := range map[string]string{`-1`: "pairs.jsonl:2: weight: is -1; want a number from 0", `"heavy"`: "pairs.jsonl:2: weight: a JSON string does not belong there; want a number from 0"} {
		problems := Check(humanInput(t, line("")+line(`, "weight": `+weight), Human{MaxTokens: 99}))
		if len(problems) != 1 || !strings.HasPrefix(said(problems[0]), want) {
			t.Errorf("weight %s: %v, want %s", weight, problems, want)
		}
	}
	problems := Check(humanInput(t, line(`, "weight": 0`), Human{MaxTokens: 99}))
	if len(problems) != 1 || !strings.Contains(said(problems[0]), "0 pairs that fit into 99 tokens (pairs.jsonl: 1 read, 0 used, 1 empty)") {
		t.Error(problems)
	}
}
