package llama

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A merged model gives what the adapter applied to the model gives, in tapes and in generation.
func TestMerged(t *testing.T) {
	m, a := random(t, small), adapted[float64](t, small)
	applied, plain := network(t, m, a), network(t, m, nil)
	merged := network(t, applied.Merged(), nil)
	e := longExample(small)
	got := forward(t, merged, e.prompt, e.responses, false)
	want := forward(t, applied, e.prompt, e.responses, false)
	without := forward(t, plain, e.prompt, e.responses, false)
	for i := range e.responses {
		if d := math.Abs(got.Logp(i) - want.Logp(i)); d > 1e-11*math.Abs(want.Logp(i)) {
			t.Errorf("response %d: logp %v merged, %v applied", i, got.Logp(i), want.Logp(i))
		}
	}
	if math.Abs(without.Logp(0)-want.Logp(0)) < 1 {
		t.Errorf("the adapter changes nothing: logp %v", want.Logp(0))
	}
	g, h := NewGenerator(applied), NewGenerator(merged)
	for _, either := range []*Generator[float64]{g, h} {
		if err := either.start(e.prompt, Sampling{}); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, g.logits, h.logits, 1e-12)
	compare(t, g.logits, want.Logits(0, 0), 1e-12)
}

// A new adapter changes no bit, and its gradient is in B alone.
func TestNewAdapter(t *testing.T) {
	m := random(t, small)
	a, err := NewAdapter[float64](small, LoRA{Rank: 8, Alpha: 16, Targets: []string{"q", "v"}}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if want := small.Layers * 8 * (8 + 8 + 8 + 4); len(a.params) != want {
		t.Errorf("%d parameters, want %d", len(a.params), want)
	}
	n := network(t, m, a)
	e := shortExample(small)
	got := forward(t, n, e.prompt, e.responses, false)
	want := forward(t, network(t, m, nil), e.prompt, e.responses, false)
	if !slices.Equal(got.sums, want.sums) {
		t.Errorf("logps %v, without the adapter %v", got.sums, want.sums)
	}
	before := slices.Clone(m.params)
	grad := e.gradient(t, n, NewTape[float64]())
	if !slices.Equal(before, m.params) {
		t.Error("Backward changed the model")
	}
	for l := range small.Layers {
		for _, m := range []target{targetQ, targetV} {
			low, high := a.factors(grad, l, m)
			if slices.Max(low) != 0 || slices.Min(low) != 0 || slices.Max(high) == 0 {
				t.Errorf("layer %d, %s: gradients %v of A, %v of B", l, targetNames[m], low, high)
			}
			draw, _ := a.factors(a.params, l, m)
			if bound := 1 / math.Sqrt(8); slices.Max(draw) > bound || slices.Min(draw) < -bound || slices.Max(draw) < bound/2 {
				t.Errorf("layer %d, %s: A is %v", l, targetNames[m], draw)
			}
		}
	}
}

func TestAdapterErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		lora LoRA
		want string
	}{
		{LoRA{1, 1, nil}, "targets is empty"},
		{LoRA{1, 1, []string{"q", "w"}}, `targets.1 is "w"`},
		{LoRA{1, 1, []string{"q", "q"}}, `targets.1 is "q" again`},
		{LoRA{0, 1, []string{"q"}}, "rank 0"},
		{LoRA{1, 0, []string{"q"}}, "alpha 0"},
		{LoRA{1, math.NaN(), []string{"q"}}, "alpha NaN"},
	} {
		if _, err := NewAdapter[float32](small, c.lora, rng); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.lora, err, c.want)
		}
	}
	other := small
	other.Hidden++
	if _, err := NewNetwork(random(t, other), adapted[float64](t, small)); err == nil {
		t.Error("an adapter for another shape was taken")
	}
}
