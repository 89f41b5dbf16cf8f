package gold

import (
	"unicode/utf8"

	"windtunnel/toy/registry"
)

// Units in which continuations are counted.
const (
	Tokens     = "tokens"     // ids of the model's tokenizer, without the one that ended the continuation
	Characters = "characters" // Unicode code points
	Words      = "words"      // what stands between white space
)

// Length is the length of the continuation:
//
//	n / scale
//
// with n its tokens or characters. It is at least 0.
type Length struct {
	Unit  string  `yaml:"unit" oneof:"tokens,characters" doc:"what is counted"`
	Scale float64 `yaml:"scale" range:"[1e-6,1e9]" doc:"the length that has reward 1, in units"`
}

// Reward returns the length over the scale.
func (p *Length) Reward() Reward { return *p }

// Score implements [Reward].
func (p Length) Score(continuation string, ids []int32) float64 {
	n := len(ids)
	if p.Unit == Characters {
		n = utf8.RuneCountInString(continuation)
	}
	return float64(n) / p.Scale
}

var lengthKind = registry.Kind[Params]{
	Name:    "length",
	Summary: "length of the continuation over a scale: a reward that is exploited by writing on",
	Source:  "this project; as a bias of learned rewards, Singhal et al. 2023, arXiv 2310.03716",
	New:     func() Params { return &Length{Unit: Tokens, Scale: 64} },
}
