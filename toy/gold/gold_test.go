package gold

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

func TestScores(t *testing.T) {
	ids := func(n ...int32) []int32 { return n }
	cases := map[string]struct {
		params Params
		text   string
		ids    []int32
		want   float64
	}{
		"tokens":              {&Length{Unit: Tokens, Scale: 4}, "ignored", ids(5, 6, 7), 0.75},
		"no tokens":           {&Length{Unit: Tokens, Scale: 4}, "ignored", nil, 0},
		"code points":         {&Length{Unit: Characters, Scale: 2}, "né!", ids(9), 1.5},
		"no text":             {&Length{Unit: Characters, Scale: 2}, "", ids(9), 0},
		"all equal":           {&Repetition{N: 1, Unit: Tokens}, "", ids(4, 4, 4, 4), -0.75},
		"all different":       {&Repetition{N: 1, Unit: Tokens}, "a a", ids(4, 5, 6, 7), 0},
		"a bigram twice":      {&Repetition{N: 2, Unit: Tokens}, "", ids(1, 2, 3, 1, 2), -0.25},
		"overlapping":         {&Repetition{N: 2, Unit: Tokens}, "", ids(1, 1, 1), -0.5},
		"just one":            {&Repetition{N: 3, Unit: Tokens}, "", ids(1, 1, 1), 0},
		"too short":           {&Repetition{N: 3, Unit: Tokens}, "", ids(1), 0},
		"words":               {&Repetition{N: 2, Unit: Words}, "the cat\nthe  cat sat", nil, -0.25},
		"words, too short":    {&Repetition{N: 2, Unit: Words}, "", ids(1, 1, 1), 0},
		"words are not lower": {&Repetition{N: 1, Unit: Words}, "The the", nil, 0},
		"mixture": {&Mixture{Parts: []Part{{2, &Length{Unit: Tokens, Scale: 4}}, {-0.5, &Repetition{N: 1, Unit: Tokens}}}}, "",
			ids(4, 4), 2*0.5 + 0.5*0.5},
		"mixture of a mixture": {&Mixture{Parts: []Part{{3, &Mixture{Parts: []Part{{0.5, &VADER{}}}}}}}, "good", nil,
			1.5 * 1.9 / math.Sqrt(1.9*1.9+15)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.params.Score(c.text, c.ids); math.Abs(got-c.want) > 1e-15 || math.Signbit(got) && got == 0 {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// The share of repeated n-grams agrees with counting each n-gram's first occurrence, and ids are left as they are.
func TestRepetitionCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Int32Range(0, 2), 0, 20).Draw(t, "ids")
		n := rapid.IntRange(1, 4).Draw(t, "n")
		before := append([]int32(nil), ids...)
		seen := map[string]bool{}
		total, again := 0, 0
		for i := 0; i+n <= len(ids); i++ {
			gram := string(ids[i : i+n])
			if seen[gram] {
				again++
			}
			seen[gram] = true
			total++
		}
		want := 0.0
		if total > 0 {
			want = -float64(again) / float64(total)
		}
		if got := (&Repetition{N: n, Unit: Tokens}).Score("", ids); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
		if string(before) != string(ids) {
			t.Fatalf("ids %v became %v", before, ids)
		}
	})
}

// Whatever is written, every kind's reward is finite, and a mixture is the sum that its weights say.
func TestMixtureIsLinear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		ids := rapid.SliceOf(rapid.Int32Range(0, 511)).Draw(t, "ids")
		mixture, want := &Mixture{}, 0.0
		for _, kind := range Kinds() {
			if kind.Name == "mixture" {
				continue
			}
			weight := rapid.Float64Range(-2, 2).Draw(t, kind.Name)
			score := kind.New().Score(text, ids)
			if math.IsNaN(score) || math.IsInf(score, 0) {
				t.Fatalf("%s: %v", kind.Name, score)
			}
			mixture.Parts = append(mixture.Parts, Part{weight, kind.New()})
			want += weight * score
		}
		if got := mixture.Score(text, ids); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestEmptyMixture(t *testing.T) {
	problems := (&Mixture{}).Check()
	if len(problems) != 1 || problems[0].Key != "parts" || !strings.Contains(problems[0].Allowed, "at least one") {
		t.Errorf("problems %+v", problems)
	}
	if problems := (&Mixture{Parts: []Part{{1, &VADER{}}}}).Check(); problems != nil {
		t.Errorf("problems %+v of a mixture of one", problems)
	}
}
