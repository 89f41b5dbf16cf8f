package vectors

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"windtunnel/toy/objective"
)

var update = flag.Bool("update", false, "write the committed copy anew")

// committed is the copy that users take; its name has the version.
var committed = fmt.Sprintf("vectors-%d.jsonl.gz", Version)

// computed are the vectors, which take a second.
var computed = sync.OnceValues(func() ([]Vector, error) { return Of() })

func everything(t testing.TB) []Vector {
	t.Helper()
	all, err := computed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The committed copy is what is computed. A difference wants -update, and a new Version once the copy has been published.
func TestCommitted(t *testing.T) {
	text, err := Text(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		var out bytes.Buffer
		w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
		w.Write(text)
		w.Close()
		if err := os.WriteFile(committed, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(committed)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	want, got := bytes.Split(copied, []byte("\n")), bytes.Split(text, []byte("\n"))
	if len(got) != len(want) {
		t.Fatalf("%d lines, committed are %d", len(got), len(want))
	}
	for i := range got {
		if runtime.GOARCH == "amd64" && !bytes.Equal(got[i], want[i]) || !alikeLines(t, got[i], want[i]) {
			t.Fatalf("line %d is\n%s, committed is\n%s", i+1, got[i], want[i])
		}
	}
}

// alikeLines says whether the numbers of two lines agree to 1e-10, where multiplications and additions may be fused.
func alikeLines(t *testing.T, a, b []byte) bool {
	if len(a) == 0 {
		return len(b) == 0
	}
	var x, y any
	if err := errorsOf(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return alike(x, y)
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func alike(x, y any) bool {
	switch x := x.(type) {
	case float64:
		v, ok := y.(float64)
		return ok && difference(x, v) < 1e-10
	case []any:
		v, ok := y.([]any)
		return ok && slices.EqualFunc(x, v, alike)
	case map[string]any:
		v, ok := y.(map[string]any)
		for key := range x {
			ok = ok && alike(x[key], v[key])
		}
		return ok && len(x) == len(v)
	}
	return x == y
}

// The lines have the fields that are documented, all lists of one length, and what is extreme stays finite.
func TestLines(t *testing.T) {
	count, named := map[string]int{}, map[string]map[string]bool{}
	ids := map[string]bool{}
	all := everything(t)
	for i := range all {
		v := &all[i]
		count[v.Loss]++
		if ids[v.ID] {
			t.Errorf("%s is there twice", v.ID)
		}
		ids[v.ID] = true
		if _, ok := kinds.Find(v.Loss); !ok {
			t.Fatalf("%s is no loss", v.Loss)
		}
		text, err := Text(all[i : i+1])
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		want := "batch expected id loss mistakes params"
		if v.Pair != nil {
			want = "chosen expected id loss mistakes params rejected"
		}
		if got := strings.Join(sorted(fields), " "); got != want {
			t.Errorf("%s has %s, want %s", v.ID, got, want)
		}
		if v.Loss == "dpo" && strings.Join(sorted(v.Params), " ") != "beta label_smoothing" {
			t.Errorf("%s has params %v", v.ID, v.Params)
		}
		for _, p := range v.pairs() {
			for _, s := range []*Side{p.Chosen, p.Rejected} {
				for k := range positions {
					if s.Mask[k] > s.AttentionMask[k] || s.PolicyLogps[k] >= 0 || s.RefLogps[k] >= 0 {
						t.Errorf("%s: position %d: mask %d, attention %d, %v, %v", v.ID, k, s.Mask[k], s.AttentionMask[k], s.PolicyLogps[k], s.RefLogps[k])
					}
				}
			}
		}
		if named[v.Loss] == nil {
			named[v.Loss] = map[string]bool{}
		}
		for name := range v.Mistakes {
			named[v.Loss][name] = true
		}
	}
	some := map[string]bool{}
	for _, l := range losses {
		if count[l.name] < 20 {
			t.Errorf("%s has %d vectors", l.name, count[l.name])
		}
		for name := range named[l.name] {
			some[name] = true
		}
	}
	for _, m := range mistakes {
		if !some[m.name] {
			t.Errorf("%s changes no loss", m.name)
		}
	}
	for loss, absent := range map[string]string{"simpo": "reference-left-out", "ipo": "mean-for-sum", "dpo": "sum-for-mean", "hinge": "label-smoothing-ignored", "nca": "weights-not-detached", "sppo": "sft-summed"} {
		if named[loss][absent] {
			t.Errorf("%s lists %s, which changes nothing", loss, absent)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// The right loss is the project's on sums of the log-probabilities that count: with the SFT term and the anchors of losses over
// a batch left to the objective itself.
func TestObjectives(t *testing.T) {
	whole := map[string]func(p Params) objective.Params{
		"cpo": func(p Params) objective.Params {
			return &objective.CPO{Lambda: p.number("beta"), Loss: "sigmoid", Alpha: p.number("cpo_alpha")}
		},
		"rpo": func(p Params) objective.Params {
			return &objective.RPO{Lambda: p.number("beta"), Alpha: p.number("rpo_alpha")}
		},
		"orpo": func(p Params) objective.Params { return &objective.ORPO{Lambda: p.number("beta")} },
		"kto": func(p Params) objective.Params {
			return &objective.KTO{Lambda: p.number("beta"), Desirable: p.number("desirable_weight"), Undesirable: p.number("undesirable_weight")}
		},
		"bco": func(p Params) objective.Params { return &objective.BCO{Lambda: p.number("beta")} },
	}
	checked := map[string]int{}
	all := everything(t)
	for i := range all {
		v := &all[i]
		of, ok := whole[v.Loss]
		if !ok || v.Params["sft_mean"] == "tokens" && v.Pair == nil {
			continue
		}
		b, pairs := &objective.Batch{}, v.pairs()
		for _, p := range pairs {
			sum := func(s *Side, x []float64) (total float64) {
				for k, m := range s.Mask {
					total += float64(m) * x[k]
				}
				return total
			}
			tokens := func(s *Side) (n float64) {
				for _, m := range s.Mask {
					n += float64(m)
				}
				return max(1, n)
			}
			b.Chosen, b.Rejected = append(b.Chosen, sum(p.Chosen, p.Chosen.PolicyLogps)), append(b.Rejected, sum(p.Rejected, p.Rejected.PolicyLogps))
			b.RefChosen, b.RefRejected = append(b.RefChosen, sum(p.Chosen, p.Chosen.RefLogps)), append(b.RefRejected, sum(p.Rejected, p.Rejected.RefLogps))
			b.ChosenTokens, b.RejectedTokens = append(b.ChosenTokens, tokens(p.Chosen)), append(b.RejectedTokens, tokens(p.Rejected))
			b.Weight = append(b.Weight, 1/float64(len(pairs)))
		}
		if got, want := v.Expected.Loss, of(v.Params).Objective().Loss(b); difference(got, want) > 1e-13 {
			t.Errorf("%s: %v, want %v", v.ID, got, want)
		}
		checked[v.Loss]++
	}
	for loss := range whole {
		if checked[loss] < 20 {
			t.Errorf("%s: %d vectors were checked", loss, checked[loss])
		}
	}
}

// Gradients by token, right and mistaken, are those of the loss by differences, where what is detached is held: the anchor and
// the weights move with the policy only where they are not detached.
func TestGradients(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	const h = 0x1p-17
	for i := range losses {
		l := &losses[i]
		for k, v := range l.inputs() {
			if k%7 != 3 {
				continue
			}
			for _, m := range append([]mistake{{name: "none", change: func(*way) {}}}, mistakes...) {
				w := newWay(l, v.Params)
				m.change(w)
				if !w.statisticsAttached && (w.loss.anchor != "" && w.anchor != "none" || w.loss.tokens == weighs) || w.loss.name == "aot" && w.referenceAttached {
					continue // compared where it is attached; without a gradient through the reference
				}
				n := w.numbers(v.pairs(), v.Pair == nil)
				for pi, p := range v.pairs() {
					for si, s := range []*Side{p.Chosen, p.Rejected} {
						want := [][][]float64{n.GradChosen.of, n.GradRejected.of}[si][pi]
						for at := 1; at < positions; at += 2 {
							loss := func(by float64) float64 {
								policy, ref := s.PolicyLogps, s.RefLogps
								defer func() { s.PolicyLogps, s.RefLogps = policy, ref }()
								s.PolicyLogps = slices.Clone(policy)
								s.PolicyLogps[at] += by
								if w.referenceAttached && !l.referenceFree {
									s.RefLogps = slices.Clone(ref)
									s.RefLogps[at] += by
								}
								return w.numbers(v.pairs(), v.Pair == nil).Loss
							}
							got := (loss(h) - loss(-h)) / (2 * h)
							if v.Pair != nil && strings.HasSuffix(v.ID, "packed-pair") {
								break // both sides have one row
							}
							if math.Abs(got-want[at]) > 1e-5*max(1, math.Abs(want[at]), math.Abs(n.Loss)*1e-3) {
								t.Fatalf("%s, %s: derivative by pair %d, side %d, position %d is %v by differences, %v", v.ID, m.name, pi, si, at, got, want[at])
							}
						}
					}
				}
			}
		}
	}
}
