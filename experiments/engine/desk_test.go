package engine

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	_ "windtunnel/toy/fixedseed"
)

// A run does the same on a desk where others were done before it, whatever they were, as on an empty one.
func TestDesk(t *testing.T) {
	t.Parallel()
	const broken = `name: broken
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
train: {optimizer: {kind: sgd, lr: 1e6}, batch_size: 0, epochs: 100, record_every: 1}
objectives: [{kind: ipo, lambda: 1}]
sweep: {seed: [1, 2, 3]}
`
	var runs []*spec.Run
	for _, text := range []string{trained, linear, solved, broken} {
		for _, run := range planOf(t, text).All() {
			runs = append(runs, run)
		}
	}
	for range 5 {
		panics := *runs[0]
		panics.Loss = &brokenLoss{late: true}
		runs = append(runs, &panics)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
	used := &desk{}
	for _, run := range runs {
		want, err := (&desk{}).perform(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		got, err := used.perform(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		got.stack, want.stack = "", "" // addresses differ
		if !slices.Equal(got.append(nil), want.append(nil)) {
			t.Fatalf("%s on a used desk:\n%q\non a new one:\n%q", run, got.append(nil), want.append(nil))
		}
	}
}

// A sheet writes rows as tables.AppendRow does, numbers as tables.FormatFloat does, however often they come again.
func TestSheet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pool := append(rapid.SliceOfN(rapid.Float64(), 0, 300).Draw(t, "numbers"), 0, math.Copysign(0, -1), math.NaN(), math.Inf(1),
			math.Inf(-1), math.SmallestNonzeroFloat64, math.MaxFloat64, -2.2250738585072014e-308)
		known := &numerals{}
		var s sheet
		s.reset(known)
		var want []byte
		for range rapid.IntRange(1, 60).Draw(t, "rows") {
			name := rapid.StringOfN(rapid.RuneFrom([]rune("ab,\"\n\\. ")), 0, 4, -1).Draw(t, "name")
			step := rapid.Int().Draw(t, "step")
			row := []string{name, strconv.Itoa(step), ""}
			s.text(name)
			s.integer(step)
			s.empty(1)
			for range 10 {
				v := rapid.SampledFrom(pool).Draw(t, "v")
				s.number(v)
				row = append(row, tables.FormatFloat(v))
			}
			s.end()
			want = tables.AppendRow(want, row...)
		}
		if string(s.body) != string(want) {
			t.Fatalf("got\n%s\nwant\n%s", s.body, want)
		}
	})
}
