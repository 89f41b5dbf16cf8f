package lossvalues

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

func checkPairs(kind string, sets []string, in io.Reader) ([]*Comparison, error) {
	losses, err := Loss(kind, sets)
	if err != nil {
		return nil, err
	}
	return CheckPairs(context.Background(), losses, in)
}

// TestCheckPairs: a formula as PyTorch code has it against values computed elsewhere, and against others.
func TestCheckPairs(t *testing.T) {
	packed, err := os.ReadFile("../../toy/objective/testdata/losses.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var pairs strings.Builder
	lines := 0
	for scan := bufio.NewScanner(text); scan.Scan(); {
		var row struct {
			Trainer    string          `json:"trainer"`
			Type       string          `json:"loss_type"`
			Beta       float64         `json:"beta"`
			Smoothing  float64         `json:"label_smoothing"`
			Divergence string          `json:"f_divergence"`
			In         json.RawMessage `json:"in"`
			Out        json.RawMessage `json:"out"`
		}
		if err := json.Unmarshal(scan.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if row.Trainer == "dpo" && row.Type == "sigmoid" && row.Beta == 0.1 && row.Smoothing == 0 && row.Divergence == "reverse_kl" {
			fmt.Fprintf(&pairs, "{\"in\": %s, \"out\": %s}\n", row.In, row.Out)
			lines++
		}
	}
	if lines < 5 {
		t.Fatalf("%d lines", lines)
	}
	for _, tt := range []struct {
		kind string
		sets []string
		off  int
	}{
		{"custom", []string{"pair=-F.logsigmoid(self.beta * logits)", "beta=0.1"}, 0}, {"dpo", []string{"beta=0.1"}, 0}, {"hinge", []string{"beta=0.1"}, lines},
	} {
		found, err := checkPairs(tt.kind, tt.sets, strings.NewReader(pairs.String()))
		if err != nil || len(found) != 1 || found[0].Lines != lines || found[0].Off != tt.off {
			t.Errorf("%s: %+v, error %v", tt.kind, *found[0], err)
		}
	}
}

// TestCheckBatch: where comparisons meet, the mean loss is compared, and the derivatives of the sum. Margins are 1 and 0, and their mean 1/2.
func TestCheckBatch(t *testing.T) {
	const pairs = `{"in": [-1, -2, -1.5, -1.5], "out": [0.25, 1, -1]}
{"in": [-1, -2, -1.5, -2.5], "out": [0.25, -1, 1]}
`
	formula := []string{"pair=square(logits - logits.mean().detach())"}
	if found, err := checkPairs("custom", formula, strings.NewReader(pairs)); err != nil || *found[0] != (Comparison{"custom", 2, 0, 0, 1}) {
		t.Errorf("%+v, error %v", found, err)
	}
	for _, wrong := range []string{strings.Replace(pairs, "0.25", "0.26", 1), strings.Replace(pairs, "-1, 1]", "-1.1, 1]", 1)} {
		if found, err := checkPairs("custom", formula, strings.NewReader(wrong)); err != nil || found[0].Off == 0 {
			t.Errorf("%+v, error %v", found, err)
		}
	}
	rewards := strings.ReplaceAll(pairs, `"out"`, `"rewards": [2, 1], "len": [2, 4], "out"`)
	want := strings.NewReplacer("[0.25, 1, -1]", "[1, 0, 0]", "[0.25, -1, 1]", "[1, 0, 0]").Replace(rewards)
	if found, err := checkPairs("custom", []string{"pair=stopgrad((reward_c - reward_r)*gap*n_c/2)"}, strings.NewReader(want)); err != nil || found[0].Off != 0 {
		t.Errorf("%+v, error %v", found, err)
	}
}

func TestCheckPairsMistakes(t *testing.T) {
	const pair = `{"in": [-1, -2, -1.5, -1.5], "out": [1, 0, 0]}`
	for _, tt := range []struct {
		kind, lines, want string
	}{
		{"dpo", "", "loss: standard input: there are no lines to check; a JSON object a line is needed"},
		{"dpo", `{"in": [1, 2, 3], "out": [1, 0, 0]}`, "loss: standard input: line 1: in: 3 values; want the 4 log-probabilities of chosen, rejected, reference's chosen and rejected"},
		{"dpo", `{"in": [1, 2, 3, 4]}`, "loss: standard input: line 1: out: 0 values; want 3 numbers, the loss and its derivatives by chosen and rejected"},
		{"dpo", pair + "\n" + `{"in": [-1, -2, -1.5, -1.5], "len": [1, 2], "out": [1, 0, 0]}`, "loss: standard input: line 2: len: is on some lines and not on others; want the token counts of chosen and rejected on each"},
		{"dpo", `{"in": [-1, -2, -1.5, -1.5], "betta": 1, "out": [1, 0, 0]}`, "loss: standard input: line 1: betta: is no key here; one of loss, beta, out, in, len, rewards, dispersion"},
		{"typo", pair, "loss: standard input: line 1: loss typo: it reads the policy over all responses to a prompt, which lines do not have"},
	} {
		if _, err := checkPairs(tt.kind, nil, strings.NewReader(tt.lines)); err == nil || err.Error() != tt.want {
			t.Errorf("%s, %s:\n got %v\nwant %s", tt.kind, tt.lines, err, tt.want)
		}
	}
}
