package objective

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
)

// row is one reference value: TRL's losses worked out to 60 digits. testdata/losses.jsonl.gz holds, of the 10500 rows
// of the original file, those that the losses here can reproduce:
//
//	dpo sigmoid, all f-divergences                 DPO, FDPO
//	dpo_v0.24.0 sigmoid without label smoothing    FDPO (its alpha divergence of order 1 is the forward KL)
//	dpo ipo, reverse KL, token counts 1,1 and 7,3  IPO, on log-probabilities divided by the counts
//	dpo ipo, other divergences, token counts 1,1   Margin with a link and a square
//	cpo sigmoid without label smoothing            BradleyTerry at beta 1, Margin without reference at others
//	cpo ipo                                        Margin without reference
type row struct {
	Trainer     string
	LossType    string `json:"loss_type"`
	Beta        float64
	In          [4]float64 // log-probabilities: chosen, rejected, reference's chosen, reference's rejected
	Out         [3]float64 // loss and its derivatives by the first two
	FDivergence string     `json:"f_divergence"`
	FAlpha      float64    `json:"f_alpha"`
	Extra       struct{ Len []float64 }
}

// objectives returns every way in which the row's loss can be written here.
func (r *row) objectives(t *testing.T) []*Objective {
	divergence, alpha := r.FDivergence, r.FAlpha
	if r.Trainer == "dpo_v0.24.0" && alpha == 1 {
		divergence = "forward_kl"
	}
	switch r.Trainer + " " + r.LossType {
	case "dpo sigmoid", "dpo_v0.24.0 sigmoid":
		all := []*Objective{(&FDPO{Lambda: r.Beta, Divergence: divergence, Alpha: alpha}).Objective()}
		if divergence == "reverse_kl" {
			all = append(all, (&DPO{Lambda: r.Beta}).Objective())
		}
		return all
	case "dpo ipo":
		if divergence == "reverse_kl" {
			return []*Objective{(&IPO{Lambda: r.Beta}).Objective()}
		}
		return []*Objective{onPairs(&Margin{Lambda: r.Beta, Factor: 1 / (r.Beta * r.Beta), Outer: Square{0.5},
			Link: divergenceLink(divergence, alpha)})}
	case "cpo sigmoid":
		all := []*Objective{onPairs(&Margin{Lambda: r.Beta, Factor: 1, Outer: Logistic{}, ReferenceFree: true})}
		if r.Beta == 1 {
			all = append(all, (&BradleyTerry{}).Objective())
		}
		return all
	case "cpo ipo":
		return []*Objective{onPairs(&Margin{Lambda: r.Beta, Factor: 1 / (r.Beta * r.Beta), Outer: Square{0.5}, ReferenceFree: true})}
	}
	t.Fatalf("no loss for %s %s", r.Trainer, r.LossType)
	return nil
}

// evaluate returns loss and gradient, carrying token counts as a division of the log-probabilities.
func (r *row) evaluate(o *Objective) [3]float64 {
	chosen, rejected := 1.0, 1.0
	if r.Extra.Len != nil {
		chosen, rejected = r.Extra.Len[0], r.Extra.Len[1]
	}
	b := &Batch{Chosen: []float64{r.In[0] / chosen}, Rejected: []float64{r.In[1] / rejected},
		RefChosen: []float64{r.In[2] / chosen}, RefRejected: []float64{r.In[3] / rejected}, Weight: []float64{1}}
	g := newGrad(1)
	o.Pair[0].Term.Grad(b, 1, g)
	return [3]float64{o.Pair[0].Term.Loss(b), g.Chosen[0] / chosen, g.Rejected[0] / rejected}
}

func TestReferenceValues(t *testing.T) {
	file, err := os.Open("testdata/losses.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	count, worst := map[string]int{}, 0.0
	for lines := bufio.NewScanner(text); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		count[r.Trainer+" "+r.LossType]++
		for _, o := range r.objectives(t) {
			got := r.evaluate(o)
			for i, want := range r.Out {
				if !scalar.EqualWithinAbsOrRel(got[i], want, 1e-12, 1e-10) {
					t.Errorf("%s: %d: got %v, want %v", lines.Text(), i, got[i], want)
				}
				worst = max(worst, math.Abs(got[i]-want)/max(math.Abs(want), 1e-2))
			}
		}
	}
	t.Logf("largest error %.2g", worst)
	for name, want := range map[string]int{"dpo sigmoid": 525, "dpo_v0.24.0 sigmoid": 210, "dpo ipo": 630,
		"cpo sigmoid": 105, "cpo ipo": 105} {
		if count[name] != want {
			t.Errorf("%d rows of %s, want %d", count[name], name, want)
		}
	}
}
