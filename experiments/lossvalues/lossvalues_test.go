package lossvalues

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
)

// A file is checked as it comes, packed, as its lines are.
func TestGzip(t *testing.T) {
	file, err := os.Open("../../toy/objective/testdata/losses.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var text, packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	scan := bufio.NewScanner(all)
	for i := 0; scan.Scan(); i++ {
		if i%20 == 0 {
			fmt.Fprintln(io.MultiWriter(&text, pack), scan.Text())
		}
	}
	if err := errors.Join(scan.Err(), pack.Close()); err != nil {
		t.Fatal(err)
	}
	want, err := Check(&text)
	if err != nil || len(want) != 24 {
		t.Fatalf("%d losses, error %v", len(want), err)
	}
	if got, err := Check(bytes.NewReader(packed.Bytes())); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, error %v, want %v", got, err, want)
	}
	if _, err := Check(bytes.NewReader(packed.Bytes()[:1000])); err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("half a file: %v", err)
	}
}

// What is found names the worst line of each loss and its relative error.
func TestWorst(t *testing.T) {
	line := `{"trainer": "dpo", "loss_type": "hinge", "beta": 1, "in": [-1, -2, -1, -2.25], "out": [1.25, -1, 1]}` + "\n"
	bad := strings.Replace(line, "1.25", "1", 1)
	found, err := Check(strings.NewReader(line + "\n" + bad + line))
	if want := (Comparison{"dpo/hinge", 3, 1, 0.25, 3}); err != nil || len(found) != 1 || *found[0] != want {
		t.Errorf("%v, error %v, want %v", found, err, want)
	}
}

func TestFill(t *testing.T) {
	in := `{"beta": 1, "in": [-1e4, 0, 0, -1e4], "trainer": "dpo", "loss_type": "sigmoid"}

{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "out": [0, 0, 0], "in": [-1e4, 0, 0, -1e4], "f_divergence": "forward_kl"}
`
	want := `{"beta": 1, "in": [-1e4, 0, 0, -1e4], "trainer": "dpo", "loss_type": "sigmoid", "out": [20000, -1, 1]}
{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "out": ["Inf", "-Inf", 0], "in": [-1e4, 0, 0, -1e4], "f_divergence": "forward_kl"}
`
	if out, err := Fill(strings.NewReader(in)); err != nil || string(out) != want {
		t.Errorf("%v\n%s want\n%s", err, out, want)
	}
	if found, err := Check(strings.NewReader(want)); err != nil || found[0].Off != 0 {
		t.Errorf("infinities do not check: %v, error %v", found, err)
	}
}

// A mistake names its line and what is allowed there.
func TestMistakes(t *testing.T) {
	good := `{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [-1, -2, -1, -1]}`
	for _, tt := range []struct {
		in    string
		check bool
		want  string
	}{
		{good + "\n\n" + strings.Replace(good, "sigmoid", "sigmod", 1), false, `line 3: there is no loss dpo/sigmod; one of bco/bco,`},
		{strings.Replace(good, "sigmoid", "sigmod", 1), false, `did you mean "dpo/sigmoid"?`},
		{strings.Replace(good, `"beta": 1`, `"beta": 0`, 1), false, "line 1: beta: is 0; want a number in [1e-100,1e100]"},
		{strings.Replace(good, `"sigmoid"`, `"robust", "label_smoothing": 0.5`, 1), false, "line 1: label_smoothing: is 0.5; want a number in [0,0.5)"},
		{strings.Replace(good, `"sigmoid"`, `"exo_pair", "label_smoothing": 0`, 1), false, "line 1: label_smoothing: is 0; want a number in (0,0.5]"},
		{good, true, "line 1: out: missing"},
		{"{", false, "standard input: line 1: is no JSON object: unexpected EOF"},
		{good + "\n\n[1]", false, "line 3: is a JSON array; want an object"},
		{strings.Replace(good, "beta", "bet", 1), false, `line 1: bet: is not a key here; one of beta,`},
		{strings.Replace(good, "beta", "bet", 1), false, `did you mean "beta"?`},
		{strings.Replace(good, `"sigmoid"`, `"sigmoid", "f_divergence": "jsd"`, 1), false, `f_divergence: is "jsd"; one of reverse_kl`},
		{strings.Replace(good, `"sigmoid"`, `"sigmoid", "f_divergence": "jsd"`, 1), false, `did you mean "js"?`},
		{strings.Replace(good, `"sigmoid"`, `"sigmoid", "f_divergence": "alpha", "f_alpha": 99`, 1), false, "f_alpha: is 99; want a number in [-50,50]"},
		{strings.NewReplacer("dpo", "cpo", `"sigmoid"`, `"simpo", "extra": {"alpha": 99}`).Replace(good), false, "extra.alpha: is 99"},
		{strings.NewReplacer("dpo", "kto", `"sigmoid"`, `"kto", "extra": {"w_d": -1}`).Replace(good), false, "extra.w_d: is -1; want"},
		{strings.Replace(good, "1, ", strings.Repeat(" ", longestLine)+"1, ", 1), false, "standard input:1: is longer than 1048576 bytes"},
		{"\x1f\x8bno", false, "standard input: is no whole gzip file"},
		{"", true, "there are no lines to check"},
		{"\n\n", true, "there are no lines to check"},
	} {
		_, err := Fill(strings.NewReader(tt.in))
		if tt.check {
			_, err = Check(strings.NewReader(tt.in))
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}
