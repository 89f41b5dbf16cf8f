package language

import (
	"math"
	"strings"
	"testing"

	"windtunnel/toy/lines"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// A pair is two completions with labels: a loss that is defined on both has the same value and the same gradient, and the means
// over chosen and over rejected responses are the same.
func TestSingleResponses(t *testing.T) {
	for _, name := range objective.UnpairedNames() {
		kind, _ := objective.Kinds().Find(name)
		losses, grads, measures := [2]float64{}, [2][]float64{}, [2]Comparisons{}
		for i := range 2 {
			l := tinyLoop[float64](t, kind.New().Objective())
			l.Params.BatchSize = 0
			if i == 1 {
				var single []Pair
				for _, p := range l.Pairs {
					single = append(single, Pair{Prompt: p.Prompt, Chosen: p.Chosen}, Pair{Prompt: p.Prompt, Rejected: p.Rejected})
				}
				l.Pairs = single
			}
			tr, err := l.Start(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			items := make([]int, len(l.Pairs))
			for k := range items {
				items[k] = k
			}
			grad, _, loss := tr.Gradient(train.Batch{Items: items})
			losses[i], grads[i] = loss, grad
			measures[i], _ = tr.measures()
		}
		if losses[0] == 0 || math.Abs(losses[0]-losses[1]) > 1e-12*math.Abs(losses[0]) {
			t.Errorf("%s: loss %v of pairs, %v of single responses", name, losses[0], losses[1])
		}
		largest := 0.0
		for k, g := range grads[0] {
			largest = max(largest, math.Abs(g))
			if math.Abs(g-grads[1][k]) > 1e-12 {
				t.Errorf("%s: derivative %d is %v of pairs, %v of single responses", name, k, g, grads[1][k])
				break
			}
		}
		a, b := measures[0], measures[1]
		for _, v := range [][2]float64{{a.ChosenLogp, b.ChosenLogp}, {a.RejectedShift, b.RejectedShift}, {a.RejectedTokens, b.RejectedTokens}} {
			if math.Abs(v[0]-v[1]) > 1e-12*math.Abs(v[0]) {
				t.Errorf("%s: means %v of pairs, %v of single responses", name, v[0], v[1])
			}
		}
		if largest < 1e-6 || !math.IsNaN(b.Margin) || !math.IsNaN(b.Accuracy) || !math.IsNaN(b.RewardAccuracy) {
			t.Errorf("%s: largest derivative %v, %+v", name, largest, b)
		}
	}
}

func TestSingleResponsesRefused(t *testing.T) {
	const labelled = `{"prompt": "Once", "completion": " upon", "label": true}` + "\n"
	if problems := Check(withLoss(humanInput(t, labelled, Human{MaxTokens: 99}), &objective.DPO{Lambda: 1})); len(problems) != 1 ||
		!strings.Contains(said(problems[0]), "objective.kind: compares two responses, and the file holds completions with labels; want a loss on unpaired data: ") {
		t.Error(problems)
	}
	if problems := Check(withLoss(humanInput(t, labelled, Human{MaxTokens: 99}), &objective.KTO{Lambda: 1})); problems != nil {
		t.Error(problems)
	}
}

// Every line of a file has its place in the account, and a file of which nothing is left says why.
func TestAccount(t *testing.T) {
	const good, long = `{"prompt": "Once", "chosen": " upon", "rejected": " a"}`, `{"prompt": "Once", "chosen": " upon a time, there was", "rejected": " a"}`
	const same, empty, bad = `{"prompt": "Once", "chosen": " a", "rejected": " a"}`, `{"prompt": "Once", "chosen": " a", "rejected": ""}`, `{"text": 1}`
	const cut = `{"prompt": "Once", "chosen": "Once upon", "rejected": "Once a"}`
	file := strings.Join([]string{bad, good, long, same, empty, cut, long, "", "[", good, good}, "\n")
	var got []lines.Account
	for _, h := range []Human{{MaxTokens: 5, SkipBad: true}, {MaxTokens: 5, SkipBad: true, N: 1, HeldOut: 1}, {MaxTokens: 99, SkipBad: true, N: 2}} {
		in := humanInput(t, file, h)
		in.Account = func(a lines.Account) { got = append(got, a) }
		if problems := Check(in); problems != nil {
			t.Fatal(problems)
		}
	}
	for i, want := range []lines.Account{
		{File: "pairs.jsonl", Read: 10, Used: 4, TooLong: 2, Shortest: 8, Bad: 2, Identical: 1, Empty: 1, Cut: 1},
		{File: "pairs.jsonl", Read: 6, Used: 2, TooLong: 1, Shortest: 8, Bad: 1, Identical: 1, Empty: 1, Cut: 1}, // reading stops at n
		{File: "pairs.jsonl", Read: 3, Used: 2, Bad: 1},
	} {
		if got[i] != want {
			t.Errorf("%+v, want %+v", got[i], want)
		}
	}
	problems := Check(humanInput(t, bad+"\n"+long+"\n"+long, Human{MaxTokens: 5, SkipBad: true}))
	if len(problems) != 1 || problems[0].Wrong != "pairs.jsonl has 0 pairs that fit into 5 tokens (pairs.jsonl: 3 read, 0 used, 2 too long, 1 bad); of those too long the shortest has 8" {
		t.Error(problems)
	}
	if problems := (&Human{Template: "{{.messages}}"}).Check(); len(problems) != 1 || problems[0].Key != "template" {
		t.Error(problems)
	}
}
