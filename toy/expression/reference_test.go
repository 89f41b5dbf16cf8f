package expression_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"windtunnel/toy/expression"
)

// row is a line of the reference values: a loss with its parameters, worked out to 60 digits and rounded.
type row struct {
	Trainer        string     `json:"trainer"`
	LossType       string     `json:"loss_type"`
	Beta           float64    `json:"beta"`
	LabelSmoothing float64    `json:"label_smoothing"`
	Divergence     string     `json:"f_divergence"`
	Alpha          float64    `json:"f_alpha"`
	In             [4]float64 `json:"in"`
	Out            [3]any     `json:"out"`
	Extra          struct {
		Len   [2]float64 `json:"len"`
		Gamma float64    `json:"gamma"`
		Alpha float64    `json:"alpha"`
		Tau   float64    `json:"tau"`
		NLL   bool       `json:"nll"`
	} `json:"extra"`
}

// formulas are the losses of the reference in the language, with sw and sl the links of both log-ratios, z their scaled
// difference and d the scaled difference without a reference.
var formulas = map[string]string{
	"dpo/sigmoid":           "softplus(-z)",
	"dpo/hinge":             "relu(1 - z)",
	"dpo/ipo":               "square(sw/n_w - sl/n_l - 1/(2*beta))",
	"dpo/exo_pair":          "sigmoid(z)*(logsigmoid(z) - log(1 - e)) + sigmoid(-z)*(logsigmoid(-z) - log(e))",
	"dpo/nca_pair":          "softplus(-beta*sw) + softplus(beta*sw)/2 + softplus(beta*sl)/2",
	"dpo/robust":            "(-(1 - e)*logsigmoid(z) + e*logsigmoid(-z))/(1 - 2*e)",
	"dpo/bco_pair":          "softplus(-beta*sw) + softplus(beta*sl)",
	"dpo/sppo_hard":         "(sw - 1/(2*beta))^2 + (sl + 1/(2*beta))^2",
	"dpo/discopop":          "softplus(-z)*sigmoid(-z/tau) + exp(-z + logsigmoid(z/tau))",
	"dpo/sigmoid_norm":      "softplus(-beta*(sw/n_w - sl/n_l))",
	"dpo/apo_zero":          "1 - sigmoid(beta*(c - ref_c)) + sigmoid(beta*(r - ref_r))",
	"dpo/apo_down":          "sigmoid(beta*(c - ref_c)) + 1 - sigmoid(z)",
	"dpo_v0.24.0/sigmoid":   "-(1 - e)*logsigmoid(z) - e*logsigmoid(-z)",
	"cpo/sigmoid":           "-(1 - e)*logsigmoid(d) - e*logsigmoid(-d)",
	"cpo/hinge":             "relu(1 - d)",
	"cpo/ipo":               "square(c - r - 1/(2*beta))",
	"cpo/simpo":             "-(1 - e)*logsigmoid(d - gamma) - e*logsigmoid(gamma - d)",
	"orpo/orpo":             "-nll*c - beta*logsigmoid(c - r - (log1mexp(c) - log1mexp(r)))",
	"kto/apo_zero_unpaired": "(1 - sigmoid(beta*(c - ref_c)) + sigmoid(beta*(r - ref_r)))/2",
}

// links are g of x = log pi - log ref, x to be filled in.
var links = map[string]string{
	"": "%s", "reverse_kl": "%s", "forward_kl": "-exp(-%s)", "js_divergence": "logsigmoid(%s)",
	"alpha_divergence": "exp(min((a - 1)*%s, 80))/(a - 1)",
}

var lossScalars = []string{"beta", "e", "a", "tau", "gamma", "nll"}

func compileLoss(t *testing.T, formula, link string) *expression.Program {
	t.Helper()
	e, err := expression.Parse(formula, expression.Scope{
		Columns: []string{"c", "r", "ref_c", "ref_r", "n_w", "n_l"}, Scalars: lossScalars,
		Definitions: []expression.Definition{
			{Name: "sw", Body: fmt.Sprintf(link, "(c - ref_c)")}, {Name: "sl", Body: fmt.Sprintf(link, "(r - ref_r)")},
			{Name: "z", Body: "beta*(sw - sl)"}, {Name: "d", Body: "beta*(c - r)"},
		},
	})
	if err != nil {
		t.Fatal(formula, err)
	}
	return e.Compile("c", "r")
}

// Losses written in the language have the published values and gradients.
func TestLossesOfTheField(t *testing.T) {
	file, err := os.Open("testdata/losses.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		name := r.Trainer + "/" + r.LossType
		formula := formulas[name]
		if formula == "" || r.Extra.Alpha != 0 || r.Trainer == "dpo_v0.24.0" && r.Divergence == "alpha_divergence" {
			continue // a batch statistic, or a link of its own
		}
		seen[name]++
		checkLoss(t, compileLoss(t, formula, links[r.Divergence]), &r, lines.Text())
	}
	for name := range formulas {
		if seen[name] == 0 {
			t.Errorf("no reference value for %s", name)
		}
	}
}

func checkLoss(t *testing.T, p *expression.Program, r *row, line string) {
	t.Helper()
	cols := make([][]float64, 6)
	for i, v := range r.In {
		cols[i] = []float64{v}
	}
	cols[4], cols[5] = []float64{max(r.Extra.Len[0], 1)}, []float64{max(r.Extra.Len[1], 1)}
	nll := 0.0
	if r.Extra.NLL {
		nll = 1
	}
	scalars := []float64{r.Beta, r.LabelSmoothing, r.Alpha, r.Extra.Tau, r.Extra.Gamma, nll}
	loss, slopes := make([]float64, 1), [][]float64{make([]float64, 1), make([]float64, 1)}
	p.Value(cols, scalars, loss)
	p.Grad(cols, scalars, slopes)
	for i, got := range []float64{loss[0], slopes[0][0], slopes[1][0]} {
		want, number := r.Out[i].(float64)
		if !number {
			t.Errorf("the reference %v of %s is no number", r.Out[i], line)
		}
		if !(math.Abs(got-want) <= max(1e-12, 1e-10*math.Abs(want))) {
			t.Errorf("%s: entry %d is %v, want %v", line, i, got, want)
		}
	}
}
