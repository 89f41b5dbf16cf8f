package objective

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"windtunnel/toy/logspace"
)

// TestPublishedMallows compares with the losses and entropies of the code that was published with MallowsPO (github.com/haoxian-chen/MallowsPO,
// mallowsPO_trainer.py at c188a2e, run in float64 with PyTorch's gradients).
func TestPublishedMallows(t *testing.T) {
	text, err := os.ReadFile("testdata/mallows.json")
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Losses []struct {
			Type      string     `json:"loss_type"`
			Beta      float64    `json:"beta"`
			Scale     float64    `json:"dispersion_mean"`
			Smoothing float64    `json:"label_smoothing"`
			In        [4]float64 `json:"in"`
			Entropy   float64    `json:"normalized_entropy"`
			Out       [3]float64 `json:"out"`
		} `json:"losses"`
		Entropies []struct {
			Logits   [][]float64 `json:"logits"`
			Response []int       `json:"response"`
			Entropy  float64     `json:"normalized_entropy"`
		} `json:"entropies"`
	}
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-11*max(1e-3, math.Abs(want)) }
	checked := map[string]int{}
	for i, row := range published.Losses {
		constants := constants{"e": row.Smoothing, "scale": row.Scale}
		var all []Params
		switch row.Type {
		case "mallows_dpo":
			all = append(all, &Custom{Lambda: row.Beta, Constants: constants,
				Pair: "-(1 - e)*F.logsigmoid(self.beta*scale*dispersion*logits) - e*F.logsigmoid(-self.beta*scale*dispersion*logits)"})
			if row.Smoothing == 0 {
				all = append(all, &Mallows{Lambda: row.Beta, Scale: row.Scale})
			}
		case "mallows_ipo":
			all = append(all, &MallowsIPO{Lambda: row.Beta, Scale: row.Scale}, &Custom{Lambda: row.Beta, Constants: constants,
				Pair: "(scale*dispersion*logits - 1/(2*self.beta)) ** 2"})
		case "cauchy":
			all = append(all, &Cauchy{Lambda: row.Beta}, &Custom{Lambda: row.Beta, Pair: "-torch.log(torch.arctan(self.beta*logits)/3.141592653589793 + 0.5)"})
		default:
			t.Fatalf("row %d: %s", i, row.Type)
		}
		for _, params := range all {
			b, g, o := single(row.In), newGrad(1), params.Objective()
			b.Dispersion = []float64{-math.Log(row.Entropy)}
			o.Grad(b, g)
			if loss := o.Loss(b); !near(loss, row.Out[0]) || !near(g.Chosen[0], row.Out[1]) || !near(g.Rejected[0], row.Out[2]) {
				t.Errorf("row %d, %T: %v %v %v, published %v", i, params, loss, g.Chosen[0], g.Rejected[0], row.Out)
			}
			checked[row.Type]++
		}
	}
	for i, row := range published.Entropies {
		sum := 0.0
		for k := range row.Response {
			logits := row.Logits[k]
			logRef, ref := make([]float64, len(logits)), make([]float64, len(logits))
			logspace.Softmax(logRef, ref, logits)
			sum += math.Exp(-Dispersion(ref, logRef)) / float64(len(row.Response))
		}
		if !near(sum, row.Entropy) {
			t.Errorf("entropy %d: %v, published %v", i, sum, row.Entropy)
		}
	}
	if len(checked) != 3 || len(published.Entropies) != 10 {
		t.Errorf("checked %v and %d entropies", checked, len(published.Entropies))
	}
}
