package vectors

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// give returns the answers of an implementation with some mistakes to the vectors of a loss, by group.
func give(l *loss, all []Vector, planted ...mistake) map[string][]answer {
	groups := map[string][]answer{}
	for i := range all {
		v := &all[i]
		if v.Loss != l.name {
			continue
		}
		w := newWay(l, v.Params)
		for _, m := range planted {
			m.change(w)
		}
		n := w.numbers(v.pairs(), v.Pair == nil)
		numbers, _ := n.all()
		groups[v.group()] = append(groups[v.group()], answer{v, numbers})
	}
	return groups
}

func possibleIn(answers []answer) map[string]bool {
	possible := map[string]bool{}
	for i := range answers {
		for name := range answers[i].vector.Mistakes {
			possible[name] = true
		}
	}
	return possible
}

// twins are mistakes that make the same loss of another, by group: neither can be told from the other.
var twins = map[string][][]string{
	"robust":   {{"label-smoothing-ignored", "trained-as-sigmoid"}},
	"dpo-norm": {{"sum-for-mean", "trained-as-sigmoid"}},
}

func twinsOf(group, name string) []string {
	for _, same := range twins[group] {
		if slices.Contains(same, name) {
			return same
		}
	}
	return []string{name}
}

// Every mistake is named, alone but for its twins, also where numbers are as coarse as float32's; the right answers are right,
// and show that no mistake was made.
func TestPlanted(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	all := everything(t)
	for i := range losses {
		l := &losses[i]
		for group, answers := range give(l, all) {
			if v := judge(answers, possibleIn(answers), 1e-6); !v.Right || v.Off > 1e-14 || len(v.Hidden) > 0 {
				t.Errorf("%s: right is %s", group, &v)
			}
		}
		for _, m := range mistakes {
			for group, answers := range give(l, all, m) {
				possible := possibleIn(answers)
				if !possible[m.name] {
					continue
				}
				for _, tolerance := range []float64{1e-6, 1e-3} {
					if v := judge(answers, possible, tolerance); v.Right || !slices.Equal(v.Matches, twinsOf(group, m.name)) {
						t.Errorf("%s, %s, to %g: %s", group, m.name, tolerance, &v)
					}
				}
			}
		}
	}
}

// undone are pairs of which the second takes back the first, so that nothing is wrong.
var undone = [][2]string{{"shifted-left", "shifted-right"}, {"bos-counted", "bos-dropped"}}

// pairStep is 1 where every pair of mistakes is tried, with -tags soak; else one of so many.
var pairStep = 20

// Two mistakes at once are not taken for a third, but that prompt and padding counted are both in the one that says so. Where
// one of two leaves nothing to the other, that one may be named.
func TestPairsOfMistakes(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes a minute under the race detector")
	}
	all := everything(t)
	none := 0
	for i := range losses {
		l := &losses[i]
		for a := range mistakes {
			for b := range a {
				if (i+a+b)%pairStep != 0 {
					continue
				}
				for group, answers := range give(l, all, mistakes[b], mistakes[a]) {
					possible := possibleIn(answers)
					if !possible[mistakes[a].name] || !possible[mistakes[b].name] {
						continue
					}
					v := judge(answers, possible, 1e-6)
					allowed := append(slices.Clone(twinsOf(group, mistakes[a].name)), twinsOf(group, mistakes[b].name)...)
					if slices.Contains(undone, [2]string{mistakes[b].name, mistakes[a].name}) {
						if !v.Right {
							t.Errorf("%s, %s and %s: %s", group, mistakes[b].name, mistakes[a].name, &v)
						}
						continue
					}
					if mistakes[b].name == "prompt-counted" && mistakes[a].name == "padding-counted" {
						allowed = append(allowed, "everything-counted")
					}
					if v.Right || slices.ContainsFunc(v.Matches, func(name string) bool { return !slices.Contains(allowed, name) }) {
						t.Errorf("%s, %s and %s: %s", group, mistakes[b].name, mistakes[a].name, &v)
					}
					if len(v.Matches) == 0 {
						none++
					}
				}
			}
		}
	}
	t.Logf("%d pairs match none", none)
	if none < 2000/pairStep {
		t.Errorf("only %d pairs match none", none)
	}
}

// under returns what a mistake gives for a vector.
func under(v *Vector, name string) *Numbers {
	if n, ok := v.Mistakes[name]; ok {
		return &n
	}
	return &v.Expected
}

// ask diagnoses a text of answers.
func ask(text string) ([]Verdict, error) {
	all, err := computed()
	if err != nil {
		return nil, err
	}
	return diagnose(strings.NewReader(text), "answers.jsonl", 1e-6, all)
}

// expectedLine is the answer to a vector as users write it.
func expectedLine(v *Vector, n *Numbers) string {
	text, _ := json.Marshal(map[string]any{"id": v.ID, "loss": n.Loss, "grad_chosen": n.GradChosen, "grad_rejected": n.GradRejected, "seconds": 0.1})
	return string(text)
}

// Answers as text: in any order, any of the three fields, other columns passed over.
func TestDiagnose(t *testing.T) {
	all := everything(t)
	var right, mixed, lossAlone []string
	for i := range all {
		v := &all[i]
		switch v.Loss {
		case "dpo":
			right = append(right, expectedLine(v, &v.Expected))
			lossAlone = append(lossAlone, fmt.Sprintf(`{"id": %q, "loss": %v, "grad_chosen": null}`, v.ID, v.Expected.Loss))
		case "ipo":
			mixed = append(mixed, expectedLine(v, under(v, "trained-as-sigmoid")))
		case "kto":
			mixed = append(mixed, expectedLine(v, under(v, "kl-of-chosen")))
		case "hinge":
			n := v.Expected
			n.Loss += 0.25
			mixed = append(mixed, expectedLine(v, &n))
		case "cpo":
			mixed = append(mixed, expectedLine(v, under(v, map[any]string{"tokens": "sft-wrong-mean"}[v.Params["sft_mean"]])))
		}
	}
	slices.Reverse(right)
	for _, tt := range []struct {
		lines []string
		want  []string
	}{
		{append(right, mixed...), []string{"dpo 25 of 25: right, to 0", "ipo 23 of 23: matches: another loss_type trained in silence: sigmoid (trained-as-sigmoid)",
			"hinge 25 of 25: none of the known mistakes explains all numbers: off by ", "cpo with sft_mean tokens 31 of 31: matches: SFT term over the wrong mean",
			"cpo with sft_mean pairs 8 of 8: right", "kto 25 of 25: matches: KL estimate by the wrong batch: the mean reward of the chosen alone (kl-of-chosen)"}},
		{[]string{strings.ReplaceAll(lossAlone[0], `, "grad_chosen": null`, "")}, []string{"dpo 1 of 25: right, as far as these answers show; so they would be under: mean-for-sum"}},
		{[]string{strings.Replace(right[3], `"seconds":0.1`, `"grad":[]`, 1)}, []string{"dpo 1 of 25: right"}},
	} {
		verdicts, err := ask(strings.Join(tt.lines, "\n"))
		if err != nil || len(verdicts) != len(tt.want) {
			t.Fatalf("%d verdicts, %v", len(verdicts), err)
		}
		for i, v := range verdicts {
			if got := fmt.Sprintf("%s %d of %d: %s", v.Group, v.Answered, v.Of, &v); !strings.HasPrefix(got, tt.want[i]) {
				t.Errorf("%s\nwant %s", got, tt.want[i])
			}
		}
	}
}

// What cannot be an answer is an error that says where.
func TestWrongAnswers(t *testing.T) {
	all := everything(t)
	kto := all[slices.IndexFunc(all, func(v Vector) bool { return v.Loss == "kto" })]
	row := strings.TrimSuffix(strings.Repeat("0,", positions), ",")
	for _, tt := range []struct{ text, want string }{
		{"", "answers.jsonl: has no answer; want a JSON object a line"},
		{"hello", "answers.jsonl:1: is no JSON object"},
		{`[{"id": "x"}]`, "answers.jsonl: is one JSON list"},
		{`{"loss": 1}`, "answers.jsonl:1: id: missing; want the id of a vector"},
		{`{"id": 7}`, "answers.jsonl:1: id: a JSON number does not belong there"},
		{`{"id": "dpo-02-right-pading", "loss": 1}`, `answers.jsonl:1: id: there is no vector "dpo-02-right-pading" in version 1; did you mean "dpo-02-right-padding"?`},
		{`{"id": "x", "loss": 1}`, `there is no vector "x" in version 1`},
		{"\n" + `{"id": "dpo-02-right-padding", "loss": 1}` + "\n" + `{"id": "dpo-02-right-padding", "loss": 1}`, "answers.jsonl:3: id: dpo-02-right-padding has been answered in line 2"},
		{`{"id": "dpo-02-right-padding"}`, "answers.jsonl:1: has id; want any of loss, grad_chosen, grad_rejected beside id"},
		{`{"id": "dpo-02-right-padding", "loss": NaN}`, "answers.jsonl:1: loss: number 1 of list 1 is null, NaN or infinite in the answer of dpo-02-right-padding"},
		{`{"id": "dpo-02-right-padding", "loss": -Infinity}`, "answers.jsonl:1: loss: number 1 of list 1 is null, NaN or infinite in the answer of dpo-02-right-padding"},
		{`{"id": "dpo-02-right-padding", "loss": 1e999}`, "answers.jsonl:1: loss: a JSON number 1e999 does not belong there; want a finite number"},
		{`{"id": "dpo-02-right-padding", "loss": "1"}`, "answers.jsonl:1: loss: a JSON string does not belong there; want a finite number"},
		{`{"id": "dpo-02-right-padding", "loss": 1, "loss": 2}`, "answers.jsonl:1: loss: is given twice"},
		{`{"id": "dpo-02-right-padding", "Loss": 1}`, "answers.jsonl:1: Loss: is loss but for the case"},
		{`{"id": "dpo-02-right-padding", "grad_chosen": [1, 2]}`, "answers.jsonl:1: grad_chosen: has 2 numbers in list 1; want 12, one a position"},
		{`{"id": "dpo-02-right-padding", "grad_rejected": [[1, 2]]}`, "answers.jsonl:1: grad_rejected: a JSON array does not belong there; want a list of 12 numbers"},
		{`{"id": "dpo-02-right-padding", "grad_chosen": [NaN` + row[1:] + `]}`, "answers.jsonl:1: grad_chosen: number 1 of list 1 is null, NaN or infinite"},
		{`{"id": "` + kto.ID + `", "grad_chosen": [` + row + `]}`, "answers.jsonl:1: grad_chosen: a JSON number does not belong there; want 2 lists of 12 numbers, one a pair"},
		{`{"id": "` + kto.ID + `", "grad_chosen": [[` + row + `]]}`, "answers.jsonl:1: grad_chosen: has 1 lists; want 2 lists"},
	} {
		if verdicts, err := ask(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) || verdicts != nil {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// The XML for CI has a case a group and a failure for each that is not right, whatever is in the texts.
func TestJUnit(t *testing.T) {
	text := JUnit([]Verdict{{Group: "dpo", Right: true}, {Group: `<&"`, Matches: []string{"beta-doubled"}}})
	var suite struct {
		Tests, Failures int `xml:",attr"`
		Cases           []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.NewDecoder(bytes.NewReader(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(" tests="), []byte(" Tests=")), []byte(" failures="), []byte(" Failures=")))).Decode(&suite); err != nil {
		t.Fatal(err)
	}
	if suite.Tests != 2 || suite.Failures != 1 || len(suite.Cases) != 2 || suite.Cases[0].Failure != nil || suite.Cases[1].Name != `<&"` ||
		suite.Cases[1].Failure.Message != "matches: beta doubled (beta-doubled)" {
		t.Errorf("%s", text)
	}
}
