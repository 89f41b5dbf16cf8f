package decode

import (
	"errors"
	"strings"
	"testing"
)

// valid is a correct document that wrong ones are made of.
const valid = "name: x\nobjectives: [dpo]\n"

// mistakes are wrong documents with their whole output. A text that starts with "+" stands behind the valid document.
// sees says that the JSON Schema must refuse the document too.
var mistakes = []struct {
	name, text, want string
	sees             bool
}{
	{"unknown key", "+epochs: 3", `c.yaml:3:1: epochs: is not a key here; want one of K; did you mean "train.epochs"?`, true},
	{"unknown nested key", "+train: {epohcs: 3}", `c.yaml:3:9: train.epohcs: is not a key here; want one of optimizer, epochs, shuffle, clip_norm; did you mean "epochs"?`, true},
	{"nothing like it", "+train: {zebra: 3}", `c.yaml:3:9: train.zebra: is not a key here; want one of optimizer, epochs, shuffle, clip_norm`, true},
	{"text for a number", "+train: {epochs: abc}", `c.yaml:3:17: train.epochs: is the text "abc"; want a whole number in [1,inf)`, true},
	{"quoted number", "+train: {epochs: '3'}", `c.yaml:3:17: train.epochs: is the text "3"; want a whole number in [1,inf)`, true},
	{"fraction", "+train: {epochs: 2.5}", `c.yaml:3:17: train.epochs: is 2.5; want a whole number in [1,inf)`, true},
	{"out of bounds", "+train: {epochs: 0}", `c.yaml:3:17: train.epochs: is 0; want a whole number in [1,inf)`, true},
	{"too large for an int", "+train: {epochs: 1e300}", `c.yaml:3:17: train.epochs: is 1e300; want a whole number in [1,inf)`, false},
	{"hexadecimal", "+train: {epochs: 0x10}", `c.yaml:3:17: train.epochs: is 0x10; want a whole number in [1,inf)`, false},
	{"leading zero", "+train: {epochs: 010}", `c.yaml:3:17: train.epochs: is 010; want a whole number in [1,inf)`, false},
	{"no value", "+train: {epochs: }", `c.yaml:3:17: train.epochs: has no value; want a whole number in [1,inf)`, true},
	{"null", "+train: null", `c.yaml:3:8: train: is null; want a mapping`, true},
	{"tilde", "+train: {epochs: ~}", `c.yaml:3:17: train.epochs: is ~; want a whole number in [1,inf)`, true},
	{"list for a mapping", "+train: [1]", `c.yaml:3:8: train: is a list; want a mapping`, true},
	{"number for a mapping", "+train: 5", `c.yaml:3:8: train: is 5; want a mapping`, true},
	{"mapping for a number", "+train: {epochs: {a: 1}}", `c.yaml:3:17: train.epochs: is a mapping; want a whole number in [1,inf)`, true},
	{"text for a bool", "+train: {shuffle: yes}", `c.yaml:3:18: train.shuffle: is the text "yes"; want true or false`, true},
	{"NaN", "+train: {clip_norm: .nan}", `c.yaml:3:20: train.clip_norm: is .nan; want a number in [0,inf]`, false},
	{"infinity", "+sweep: {lambda: [.inf]}", `c.yaml:3:18: sweep.lambda.0: is .inf; want a number`, false},
	{"too large for a float", "+train: {clip_norm: 1e400}", `c.yaml:3:20: train.clip_norm: is the text "1e400"; want a number in [0,inf]`, true},
	{"scalar for a list", "+metrics: kl", `c.yaml:3:10: metrics: is the text "kl"; want a list of words (kl, tv)`, true},
	{"word", "+solver: gradeint", `c.yaml:3:9: solver: is "gradeint"; want one of exact, gradient; did you mean "gradient"?`, true},
	{"word in a list", "+metrics: [kl, tvv]", `c.yaml:3:15: metrics.1: is "tvv"; want one of kl, tv; did you mean "tv"?`, true},
	{"list for text", "name: [5]\nobjectives: [dpo]", `c.yaml:1:7: name: is a list; want text`, true},
	{"empty text", "name: ''\nobjectives: [dpo]", `c.yaml:1:7: name: is empty; want text`, true},
	{"empty list", "name: x\nobjectives: []", `c.yaml:2:13: objectives: is empty; want a list of mappings with a kind of objective`, true},
	{"missing key", "objectives: [dpo]", `c.yaml:1:1: name: is missing; want text`, true},
	{"list of lists", "+basis: [[1, 2], 3]", "c.yaml:3:13: basis.0.1: is 2; want a number in [-1,1]\n" +
		`c.yaml:3:17: basis.1: is 3; want a list of numbers in [-1,1]`, true},
	{"negative uint", "+seed: -1", `c.yaml:3:7: seed: is -1; want a whole number in [0,inf)`, true},
	{"unknown kind", "+backup: adma", `c.yaml:3:9: backup: is "adma"; want a kind of optimizer: adam, sgd; did you mean "adam"?`, true},
	{"unknown kind in a mapping", "+backup: {lr: -1, kind: adam-2}", `c.yaml:3:24: backup.kind: is "adam-2"; want a kind of optimizer: adam, sgd; did you mean "adam_1"?`, true},
	{"kind missing", "+backup: {lr: 1}", `c.yaml:3:9: backup.kind: is missing; want a kind of optimizer: adam, sgd`, true},
	{"kind no text", "+backup: {kind: [adam]}", `c.yaml:3:16: backup.kind: is a list; want a kind of optimizer: adam, sgd`, true},
	{"list for a kind", "+backup: [adam]", `c.yaml:3:9: backup: is a list; want a kind of optimizer (adam, sgd), alone or in a mapping`, true},
	{"number for a kind", "+backup: 3", `c.yaml:3:9: backup: is 3; want a kind of optimizer (adam, sgd), alone or in a mapping`, true},
	{"parameter of another kind", "+backup: {kind: sgd, betas: [0, 0]}", `c.yaml:3:21: backup.betas: is not a key here; want one of kind, lr; did you mean "train.optimizer.betas"?`, true},
	{"bound of a parameter", "+backup: {kind: sgd, lr: 0}", `c.yaml:3:25: backup.lr: is 0; want a number in (0,inf)`, true},
	{"parameter of the default kind", "+train: {optimizer: {rl: 0}}", `c.yaml:3:21: train.optimizer.rl: is not a key here; want one of kind, lr, betas; did you mean "lr"?`, true},
	{"misspelt kind key", "+backup: {knd: sgd}", `c.yaml:3:10: backup.knd: is not a key here; want kind, a kind of optimizer: adam, sgd; did you mean "kind"?`, true},
	{"check of a kind", "+backup: {kind: adam, betas: [0]}", `c.yaml:3:29: backup.betas: has 1 entries; want 2`, false},
	{"check in a list", "+prompts: [{name: a, pi_star: [0.5, 0.4]}]", `c.yaml:3:30: prompts.0.pi_star: sums to 0.9; want probabilities that sum to 1`, false},
	{"check waits for types", "+prompts: [{name: a, pi_star: [0.5, x]}]", `c.yaml:3:36: prompts.0.pi_star.1: is the text "x"; want a number in (0,1)`, true},
	{"key of an objective", "name: x\nobjectives:\n  - {kind: dpo, lamda: 1}", `c.yaml:3:17: objectives.0.lamda: is not a key here; want one of kind, name, train, lambda; did you mean "lambda"?`, true},
	{"alias conflict", "name: x\nobjectives:\n  - kind: dpo\n    lambda: 1\n    beta: 2", `c.yaml:5:5: objectives.0.beta: is the same key as lambda on line 4; want one of the two`, true},
	{"alias out of bounds", "name: x\nobjectives: [{kind: dpo, beta: 0}]", `c.yaml:2:32: objectives.0.beta: is 0; want a number in [1e-100,1e100]`, true},
	{"required parameter", "name: x\nobjectives: [f-dpo]", `c.yaml:2:14: objectives.0.divergence: is missing; want one of alpha, js, rkl`, true},
	{"word of a parameter", "name: x\nobjectives: [dpo, {kind: fdpo, divergence: jss}]", `c.yaml:2:44: objectives.1.divergence: is "jss"; want one of alpha, js, rkl; did you mean "js"?`, true},
	{"swapped letters", "name: x\nobjectives: [dop]", `c.yaml:2:14: objectives.0: is "dop"; want a kind of objective: dpo, f-dpo, sum; did you mean "dpo"?`, true},
	{"nested kinds", "name: x\nobjectives: [{kind: sum, terms: [{kind: dpo, lambda: x}]}]", `c.yaml:2:54: objectives.0.terms.0.lambda: is the text "x"; want a number in [1e-100,1e100]`, true},
	{"text type", "name: x\nobjectives: [{kind: sum, terms: [{kind: dpo, weight: heavy}]}]", `c.yaml:2:54: objectives.0.terms.0.weight: is the text "heavy"; want a number or lambda`, false},
	{"list for a text type", "name: x\nobjectives: [{kind: sum, terms: [{kind: dpo, weight: []}]}]", `c.yaml:2:54: objectives.0.terms.0.weight: is an empty list; want text or a number`, true},
	{"partial", "name: x\nobjectives: [{kind: dpo, train: {epochs: 0, optimizer: {rl: 3}}}]", "c.yaml:2:42: objectives.0.train.epochs: is 0; want a whole number in [1,inf)\n" +
		`c.yaml:2:57: objectives.0.train.optimizer.rl: is not a key here; want a parameter of some kind of optimizer; did you mean "lr"?`, true},
	{"word lists", "+where: {objective: {a: b}, lambda: [1, null, [2]]}", "c.yaml:3:20: where.objective: is a mapping; want a list of texts\n" +
		"c.yaml:3:40: where.lambda.1: is null; want text\n" +
		"c.yaml:3:46: where.lambda.2: is a list; want text", true},
	{"list for a map", "+sweep: [1]", `c.yaml:3:8: sweep: is a list; want a mapping of lists of numbers`, true},
	{"long text", "+solver: " + strings.Repeat("é", 50), `c.yaml:3:9: solver: is "` + strings.Repeat("é", 40) + `..."; want one of exact, gradient`, true},
	{"several", "nam: x\nobjectives: [ipo]\ntrain: {epochs: x, zoo: 1}", "c.yaml:1:1: nam: is not a key here; want one of K; did you mean \"name\"?\n" +
		"c.yaml:1:1: name: is missing; want text\n" +
		"c.yaml:2:14: objectives.0: is \"ipo\"; want a kind of objective: dpo, f-dpo, sum; did you mean \"dpo\"?\n" +
		"c.yaml:3:17: train.epochs: is the text \"x\"; want a whole number in [1,inf)\n" +
		"c.yaml:3:20: train.zoo: is not a key here; want one of optimizer, epochs, shuffle, clip_norm", true},
	{"not a mapping", "- a", `c.yaml:1:1: document: is a list; want a mapping`, true},
	{"null document", "---\n", `c.yaml:2:1: document: has no value; want a mapping`, true},

	{"duplicate key", "+name: y", `c.yaml:3:1: name: is given twice, first on line 1; want it once`, false},
	{"duplicate key in a raw value", "+extra: {a: {b: 1, b: 2}}", `c.yaml:3:19: extra.a.b: is given twice, first on line 3; want it once`, false},
	{"merge key", "+extra: &a {b: 1}\ntrain: {<<: *a}", `c.yaml:4:9: train: has a merge key <<; want keys written out, or an alias for the whole value`, false},
	{"tag", "+solver: !!str exact", `c.yaml:3:9: solver: has the tag !!str; want values without tags`, false},
	{"list as key", "+? [a]\n: 1", `c.yaml:3:3: document: has a key that is a list; want keys that are text, written out`, false},
	{"empty key", `+"": 1`, `c.yaml:3:1: document: has an empty key; want keys that are text`, false},
	{"self-reference", "+extra: &a [*a]", `c.yaml:3:12: extra.0: is the alias *a inside the value it stands for; want a value`, false},
	{"second document", "+---\nname: y", `c.yaml:3:1: document: is followed by a second document; want one document a file`, false},
	{"empty", "", `c.yaml:1:1: document: is empty; want a YAML document`, false},
	{"only a comment", "# nothing\n", `c.yaml:1:1: document: is empty; want a YAML document`, false},
	{"syntax", "name: x\n  y: [", `c.yaml:2:3: document: is not YAML: mapping values are not allowed in this context`, false},
	{"syntax on the first line", "a: b: c", `c.yaml:1:1: document: is not YAML: mapping values are not allowed in this context`, false},
	{"open list", "name: x\nprompts: [1, 2\ntrain: {}\n", `c.yaml:2:1: document: is not YAML: did not find expected ',' or ']'`, false},
	{"tab", "train:\n\tepochs: 3", `c.yaml:2:2: document: is not YAML: found character that cannot start any token`, false},
	{"unknown anchor", "name: x\ntrain: *base", `c.yaml:2:8: document: is not YAML: unknown anchor 'base' referenced`, false},
	{"not UTF-8", "name: x\ntrain: \xff", `c.yaml:2:8: document: is not UTF-8 here; want printable UTF-8 text`, false},
	{"control character", "name: \x01", `c.yaml:1:7: document: has the control character U+0001 here; want printable UTF-8 text`, false},
	{"syntax in a second document", "+---\na: b: c", `c.yaml:4:1: document: is not YAML: mapping values are not allowed in this context`, false},
	{"mistakes of parsing and decoding", "name: [5]\nobjectives: [dpo]\nseed: 1\nseed: 2", "c.yaml:1:7: name: is a list; want text\n" +
		`c.yaml:4:1: seed: is given twice, first on line 3; want it once`, true},
}

const rootKeys = "name, prompts, train, backup, objectives, sweep, where, basis, seed, solver, metrics, extra"

func TestMistakes(t *testing.T) {
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decoder().Document(document(tt.text), newExperiment())
			if err == nil {
				t.Fatal("no error")
			}
			want := strings.ReplaceAll(tt.want, "one of K", "one of "+rootKeys)
			if err.Error() != want {
				t.Errorf("got:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

// document completes a text of the table.
func document(text string) []byte {
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		return []byte(valid + rest)
	}
	return []byte(text)
}

func TestErrorsAreErrors(t *testing.T) {
	_, err := decoder().Document([]byte("nam: x\nobjectives: [dpo]"), newExperiment())
	var all Errors
	if !errors.As(err, &all) || all[0].Key != "nam" || all[0].Line != 1 || all[0].Near != "name" {
		t.Errorf("first mistake is %+v", all)
	}
	plain := errors.New("no such file")
	joined := Join(err, nil, Error{File: "c.yaml", Line: 1, Column: 1, Key: "nam", Wrong: "x"}, plain)
	if !errors.As(joined, &all) || len(all) != 4 || all[3].Wrong != plain.Error() {
		t.Errorf("joined: %v", joined)
	}
	if Join(nil, nil) != nil {
		t.Error("joining no errors gives one")
	}
}
