// Package vectors holds test vectors for implementations of preference losses: log-probabilities by token as trainers have
// them, the right loss and gradient, and the numbers that each known mistake gives instead, by which a wrong implementation
// is told what is wrong with it.
package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
)

// Version is that of the vectors: it changes with any number, id or field of theirs.
const Version = 1

// Side is a response as a trainer has it: a row of positions, prompt and padding included. The four lists are of one length.
type Side struct {
	PolicyLogps   []float64 `json:"policy_logps"`   // log-probability of each position's token, in nats
	RefLogps      []float64 `json:"ref_logps"`      // the same under the reference
	AttentionMask []int     `json:"attention_mask"` // 0 where there is padding
	Mask          []int     `json:"mask"`           // 1 where a token of the response counts
}

// Pair is a chosen and a rejected response.
type Pair struct {
	Chosen   *Side `json:"chosen"`
	Rejected *Side `json:"rejected"`
}

// Numbers are what an implementation gives: the loss, its gradient by token, and what trainers log, as means over the batch.
type Numbers struct {
	Loss            float64 `json:"loss"`
	GradChosen      rows    `json:"grad_chosen"` // a row a pair, by position
	GradRejected    rows    `json:"grad_rejected"`
	RewardsChosen   float64 `json:"rewards_chosen"`
	RewardsRejected float64 `json:"rewards_rejected"`
	Margin          float64 `json:"margin"`
	Accuracy        float64 `json:"accuracy"` // share of pairs whose chosen reward is the larger
}

// rows are numbers by position, a row a pair; of a vector of one pair, which has no batch, the row alone is written.
type rows struct {
	of    [][]float64
	batch bool
}

// MarshalJSON writes the row of a pair or the list of a batch's.
func (r rows) MarshalJSON() ([]byte, error) {
	if r.batch {
		return json.Marshal(r.of)
	}
	return json.Marshal(r.of[0])
}

// all lists the numbers that answers may have, and those that are logged.
func (n *Numbers) all() (answered, logged []float64) {
	answered = append(append([]float64{n.Loss}, slices.Concat(n.GradChosen.of...)...), slices.Concat(n.GradRejected.of...)...)
	return answered, []float64{n.RewardsChosen, n.RewardsRejected, n.Margin, n.Accuracy}
}

// Params are the settings of a loss under the names that trainers have for them: numbers, and words of variants.
type Params map[string]any

func (p Params) number(key string) float64 {
	v, _ := p[key].(float64)
	return v
}

// Vector is a test: inputs, what is right, and what mistakes give.
type Vector struct {
	ID     string `json:"id"`
	Loss   string `json:"loss"`
	Params Params `json:"params"`
	*Pair         // nil for losses over a batch
	Batch  []Pair `json:"batch,omitempty"`

	Expected Numbers            `json:"expected"`
	Mistakes map[string]Numbers `json:"mistakes"` // those that change a number, by name
}

// group names what is diagnosed together: a loss, and the words among its settings.
func (v *Vector) group() string {
	name := v.Loss
	for key, value := range v.Params {
		if word, ok := value.(string); ok {
			name += " with " + key + " " + word
		}
	}
	return name
}

// pairs returns the pairs of the vector.
func (v *Vector) pairs() []Pair {
	if v.Pair != nil {
		return []Pair{*v.Pair}
	}
	return v.Batch
}

// Names lists the losses.
func Names() []string {
	names := make([]string, len(losses))
	for i, l := range losses {
		names[i] = l.name
	}
	return names
}

// Of returns the vectors of some losses, of all if none is named. A vector of which a number, right or mistaken, is not finite
// is left out.
func Of(names ...string) ([]Vector, error) {
	var all []Vector
	if len(names) == 0 {
		names = Names()
	}
	for _, name := range names {
		i := slices.Index(Names(), name)
		if i < 0 {
			return nil, decode.Suggest(fmt.Errorf("there are no vectors of the loss %q; want one of %s", name, strings.Join(Names(), ", ")), name, Names())
		}
		for _, v := range losses[i].inputs() {
			if v.work(&losses[i]) {
				all = append(all, v)
			}
		}
	}
	return all, nil
}

// work fills in the numbers, and says whether all are finite.
func (v *Vector) work(l *loss) bool {
	v.Mistakes = map[string]Numbers{}
	var right []float64
	for _, m := range append([]mistake{{change: func(*way) {}}}, mistakes...) {
		w := newWay(l, v.Params)
		m.change(w)
		n := w.numbers(v.pairs(), v.Pair == nil)
		numbers, logged := n.all()
		numbers = append(numbers, logged...)
		if slices.ContainsFunc(numbers, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }) {
			return false
		}
		switch {
		case m.name == "":
			v.Expected, right = n, numbers
		case !slices.EqualFunc(numbers, right, func(x, y float64) bool { return difference(x, y) <= 1e-12 }): // more than rounding
			v.Mistakes[m.name] = n
		}
	}
	return true
}

// Text returns vectors as JSON lines.
func Text(all []Vector) ([]byte, error) {
	var out bytes.Buffer
	for i := range all {
		if err := json.NewEncoder(&out).Encode(&all[i]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
