package gold

import (
	"maps"
	"strings"
	"sync"

	"github.com/jonreiter/govader"

	"windtunnel/toy/registry"
)

// VADER is the sentiment of the continuation by word list and rules, the compound score c in [-1, 1]:
//
//	c = s / sqrt(s^2 + 15)
//
// where s sums the valences of the words, each in [-4, 4] before negations, boosters, capitals and "but" change it, and the
// emphasis of exclamation and question marks (Hutto and Gilbert, ICWSM 2014). A text without sentiment has 0.
//
// The rules are govader's, a port of vaderSentiment. Where that port differs from vaderSentiment 3.3.2, the latter is followed:
// words end at any white space and not only at a space, and the words and idioms that the port lacks are added. Two
// accidents of vaderSentiment are not in the port and not here: there "so" or "this" right before the fourth word or a
// later one multiplies its valence by 1.25 although no "never" precedes, and of several words of one valence beside a "but"
// the first is scaled several times.
type VADER struct{}

// Score joins words by single spaces, since the port splits at each space and nowhere else.
func (*VADER) Score(continuation string, _ []int32) float64 {
	return analyzer().PolarityScores(strings.Join(strings.Fields(continuation), " ")).Compound
}

// analyzer holds VADER's lexicon, which takes milliseconds to read. It is only read afterwards.
var analyzer = sync.OnceValue(func() *govader.SentimentIntensityAnalyzer {
	a := govader.NewSentimentIntensityAnalyzer()
	maps.Copy(a.Lexicon, laterWords)
	maps.Copy(a.Constants.SpecialCaseIdioms, laterIdioms)
	return a
})

// laterWords and laterIdioms are the valences that vaderSentiment 3.3.2 has and govader lacks.
var (
	laterWords  = map[string]float64{"heart": 3.2, "hearts": 3.3}
	laterIdioms = map[string]float64{"beating heart": 3.1, "broken heart": -2.9, "bus stop": 0}
)

var vaderKind = registry.Kind[Params]{
	Name:    "vader",
	Aliases: []string{"sentiment"},
	Summary: "VADER's compound score of the continuation, in [-1, 1]: how positive its words are",
	Source:  "Hutto, Gilbert 2014, ICWSM; github.com/jonreiter/govader",
	New:     func() Params { return &VADER{} },
}
