package language

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// unsupported are the kinds that, by default, a language model cannot be trained by, and a word of the reason.
var unsupported = map[string]string{
	"kl-pi-ref": "enumerate", "kl-ref-pi": "enumerate", "reward": "enumerate", "rlhf": "REINFORCE", "typo": "reference_samples",
	"mallows": "phi", "mallows-ipo": "phi", "rainbow-po": "phi", "wpo": "alignment: none", "sum": "no term", "best-of-n": "no term",
	"nash-md-pg": "enumerate", "online-ipo": "enumerate", "win-rate": "enumerate",
}

func TestSupports(t *testing.T) {
	for _, kind := range objective.Kinds() {
		if kind.Name == "custom" {
			continue // has no default formula
		}
		err, want := supports(kind.New().Objective()), unsupported[kind.Name]
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", kind.Name, err, want)
		}
	}
	err := supports((&objective.WPO{Lambda: 1, Alignment: "greedy"}).Objective())
	if err == nil || !strings.Contains(err.Error(), "alignment: none") {
		t.Errorf("aligned weights: %v", err)
	}
}

// losses returns an objective of every kind that can be trained by, and TYPO by samples.
func losses() map[string]func() *objective.Objective {
	out := map[string]func() *objective.Objective{
		"typo by samples": func() *objective.Objective {
			o := (&objective.BradleyTerry{}).Objective()
			o.Sampled = &objective.Sampled{Weight: 0.3, N: 3}
			return o
		},
		"wpo": func() *objective.Objective { return (&objective.WPO{Lambda: 0.1, Alignment: "none"}).Objective() },
		"custom": func() *objective.Objective {
			return (&objective.Custom{Lambda: 0.1, Pair: "softplus(-lambda*u) + 0.01*(c/n_c)^2"}).Objective()
		},
	}
	for _, kind := range objective.Kinds() {
		if kind.Name != "custom" && unsupported[kind.Name] == "" {
			out[kind.Name] = func() *objective.Objective { return kind.New().Objective() }
		}
	}
	return out
}

// TestGradient: the gradient of every loss, through a whole network and through an adapter, is what differences of the loss
// say along random directions; statistics that a loss holds back from differentiation are held.
func TestGradient(t *testing.T) {
	for name, loss := range losses() {
		for _, adapter := range []bool{false, true} {
			l := tinyLoop[float64](t, loss())
			if adapter {
				l.Network = adapted(t, l.Network)
			}
			tr := start(t, l)
			at := tr.gradient()
			tr.reduce()
			held := l.Objective.Frozen(&tr.columns.Batch)
			grad := slices.Clone(tr.grad)
			if v := held.Loss(&tr.columns.Batch); math.Abs(v-at) > 1e-12*math.Abs(at) {
				t.Fatalf("%s: loss %v, held %v", name, at, v)
			}
			rng := rand.New(rand.NewPCG(3, 3))
			for range 3 {
				direction := make([]float64, len(grad))
				for i := range direction {
					direction[i] = rng.NormFloat64()
				}
				const h = 1e-6
				value := func(step float64) float64 {
					floats.AddScaled(tr.master, step, direction)
					tr.Moved()
					tr.gradient() // the batch's columns are those of the moved network
					return held.Loss(&tr.columns.Batch)
				}
				up := value(h)
				down := value(-2 * h)
				value(h)
				for _, s := range tr.slots {
					clear(s)
				}
				want, got := (up-down)/(2*h), floats.Dot(grad, direction)
				if !(math.Abs(got-want) <= 1e-5*(math.Abs(want)+floats.Norm(grad, 2))) {
					t.Errorf("%s, adapter %t: derivative %v, differences say %v", name, adapter, got, want)
				}
			}
		}
	}
}

// TestSameBytes: neither the number of workers nor how much of a batch is held at once changes a bit of the result.
func TestSameBytes(t *testing.T) {
	for name, loss := range losses() {
		var want []float32
		for _, s := range []struct{ workers, micro int }{{1, 0}, {2, 0}, {7, 0}, {1, 2}, {3, 1}} {
			l := tinyLoop[float32](t, loss())
			l.Params.BatchSize = 10 // more than there are slots
			l.Workers, l.Micro = s.workers, s.micro
			finish(t, l.Run)
			if want == nil {
				want = slices.Clone(l.Network.Trainable())
			} else if !slices.Equal(want, l.Network.Trainable()) {
				t.Errorf("%s: %+v gives other weights", name, s)
			}
		}
	}
}

// TestBatchesAddUp: a batch's gradient is the mean of its pairs', so how pairs share slots changes nothing beyond rounding.
func TestBatchesAddUp(t *testing.T) {
	l := tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
	l.Params.BatchSize = 0
	whole := start(t, l)
	whole.gradient()
	whole.reduce()
	sum := make([]float64, len(whole.grad))
	for i := range l.Pairs {
		one := *l
		one.Pairs = l.Pairs[i : i+1]
		tr := start(t, &one)
		tr.gradient()
		tr.reduce()
		floats.AddScaled(sum, 1/float64(len(l.Pairs)), tr.grad)
	}
	if !floats.EqualApprox(sum, whole.grad, 1e-13) {
		t.Error("the gradient of a batch is not the mean of its pairs'")
	}
}

// TestNothingAllocated: once every pair was computed, a step allocates nothing, goroutines included.
func TestNothingAllocated(t *testing.T) {
	for _, s := range []struct {
		name  string
		micro int
		loss  objective.Params
	}{{"held", 0, &objective.DPO{Lambda: 0.1}}, {"computed twice", 1, &objective.DPO{Lambda: 0.1}},
		{"by tails", 0, &objective.LDDPO{Lambda: 0.1, Alpha: 0.5}}, {"running mean", 0, &objective.BCO{Lambda: 0.1}},
		{"coupled", 0, &objective.AOT{Lambda: 0.1}}} {
		l := tinyLoop[float32](t, s.loss.Objective())
		l.Workers, l.Micro, l.Params.Epochs = 3, s.micro, 1000
		tr := start(t, l)
		optimizer, batch := l.Params.Optimizer.Optimizer(len(tr.Params())), tr.batch()
		step := func() {
			grad, _, _ := tr.Gradient(batch)
			optimizer.Step(tr.Params(), grad, 1)
			tr.Moved()
		}
		for range 50 {
			step()
		}
		testing.AllocsPerRun(20, step) // on the one processor of the next, which may lack goroutines to use again
		if n := testing.AllocsPerRun(20, step); n >= 1 {
			t.Errorf("%s: a step allocates %v times", s.name, n)
		}
	}
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		every, maxSteps int
		want            []int
	}{{1, 3, []int{0, 1, 2, 3}}, {5, 0, []int{0, 5, 10, 12}}, {0, 7, []int{0, 7}}} {
		l := tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
		l.Params.RecordEvery, l.Params.MaxSteps = tt.every, tt.maxSteps
		var steps []int
		for _, r := range finish(t, l.Run) {
			steps = append(steps, r.Step)
		}
		if !slices.Equal(steps, tt.want) {
			t.Errorf("%+v: records at %v", tt, steps)
		}
	}
}

// TestRecordsMeasure: at the start nothing has shifted, DPO's loss is that of the margins to the reference, and the
// reward's accuracy is 1/2; later the shifts are those that scoring the network finds.
func TestRecordsMeasure(t *testing.T) {
	l := tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
	l.Reference, l.Params.BatchSize = nil, 0
	origin := network(t, l.Network.Model().Clone())
	held, err := newPairEvaluator(context.Background(), origin, l.Pairs, &logpCache{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	before, err := held.compare(context.Background(), l.Network)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Run(context.Background(), func(r Record) error {
		if r.Step > 0 && r.Comparisons != before.Comparisons {
			t.Errorf("step %d: %+v, scoring finds %+v", r.Step, r.Comparisons, before)
		}
		if r.Step == 1 && (math.Abs(r.Loss-math.Ln2) > 1e-14 || r.RewardAccuracy != 0.5 || r.Margin != 0 || r.ChosenShift != 0) {
			t.Errorf("at the start: %+v", r)
		}
		before, err = held.compare(context.Background(), l.Network)
		return err
	})
	if err != nil || before.Margin <= 0 || before.RewardAccuracy <= 0.5 || math.Abs(before.Margin-(before.ChosenShift-before.RejectedShift)) > 1e-12 {
		t.Errorf("error %v, at the end %+v", err, before)
	}
}

// TestMovingReference: a reference that becomes the policy after every step leaves no margin to it, so that DPO's loss is
// log 2; one that takes in half of a policy which stands still is half way after a step.
func TestMovingReference(t *testing.T) {
	l := tinyLoop[float64](t, (&objective.TRDPO{Lambda: 0.1, Alpha: 1, Every: 1}).Objective())
	for i, r := range finish(t, l.Run) {
		if i > 1 && math.Abs(r.Loss-math.Ln2) > 1e-14 {
			t.Errorf("step %d: loss %v", r.Step, r.Loss)
		}
	}
	for _, adapter := range []bool{false, true} {
		l = tinyLoop[float64](t, (&objective.TRDPO{Lambda: 0.1, Alpha: 0.5, Every: 1}).Objective())
		if adapter {
			l.Network = adapted(t, l.Network)
		}
		l.Params.Optimizer, l.Params.MaxSteps = &train.SGD{LR: 1e-300}, 1
		tr := start(t, l)
		finish(t, tr.Run)
		policy, reference := l.Network.Merged().Params(), l.Reference.Model().Params()
		for i, v := range tr.moving.network.Model().Params() {
			if v != 0.5*policy[i]+0.5*reference[i] {
				t.Fatalf("weight %d is %v between %v and %v", i, v, policy[i], reference[i])
			}
		}
	}
}

func TestStops(t *testing.T) {
	l := tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
	l.Params.Tolerance = 1e6
	if out, err := l.Run(context.Background(), func(Record) error { return nil }); err != nil || out.Status != train.Converged || out.Steps != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	l = tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
	l.Params.Optimizer, l.Params.ClipNorm = &train.SGD{LR: 1e6, WeightDecay: 1e6}, 0
	if out, err := l.Run(context.Background(), func(Record) error { return nil }); err != nil || out.Status != train.Diverged {
		t.Errorf("%+v, %v", out, err)
	}
	l = tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
	mine := errors.New("mine")
	if _, err := l.Run(context.Background(), func(Record) error { return mine }); err != mine {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Run(ctx, func(Record) error { return nil }); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(l *pairLoop[float64])
	}{
		{"empty prompt", "pair 2: the prompt has no tokens", func(l *pairLoop[float64]) { l.Pairs[2].Prompt = nil }},
		{"too long", "pair 4: ", func(l *pairLoop[float64]) { l.Pairs[4].Chosen = make([]int32, 30) }},
		{"unknown token", "pair 0: token 0 of response 1 is 11", func(l *pairLoop[float64]) { l.Pairs[0].Rejected = []int32{11} }},
	} {
		l := tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
		tt.change(l)
		before := slices.Clone(l.Network.Trainable())
		_, err := l.Start(context.Background())
		if err == nil || !strings.Contains(err.Error(), tt.want) || !slices.Equal(before, l.Network.Trainable()) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestTails: LD-DPO without tails is DPO of what the policy says of responses cut to the shorter one's length, the reference
// counting in full.
func TestTails(t *testing.T) {
	l := tinyLoop[float64](t, (&objective.LDDPO{Lambda: 0.1, Alpha: 0}).Objective())
	l.Params.BatchSize = 0
	got := start(t, l).gradient()
	want, tape := 0.0, llama.NewTape[float64]()
	logps := func(n *llama.Network[float64], p Pair) (chosen, rejected float64) {
		if err := tape.Forward(n, p.Prompt, [][]int32{p.Chosen, p.Rejected}, false); err != nil {
			t.Fatal(err)
		}
		return tape.Logp(0), tape.Logp(1)
	}
	for _, p := range l.Pairs {
		refChosen, refRejected := logps(l.Reference, p)
		n := min(len(p.Chosen), len(p.Rejected))
		p.Chosen, p.Rejected = p.Chosen[:n], p.Rejected[:n]
		chosen, rejected := logps(l.Network, p)
		want += math.Log1p(math.Exp(-0.1*((chosen-refChosen)-(rejected-refRejected)))) / float64(len(l.Pairs))
	}
	if math.Abs(got-want) > 1e-13 {
		t.Errorf("loss %v, want %v", got, want)
	}
}

// TestCache: what is asked for under one key, at once, is computed once; an error is not stored; of too many the oldest is
// forgotten.
func TestCache(t *testing.T) {
	var c cache[int, int]
	var computed atomic.Int64
	get := func(key, most int, err error) (int, error) {
		return c.get(key, most, func() (int, error) {
			computed.Add(1)
			return 2 * key, err
		})
	}
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			for key := range 12 {
				if v, err := get(key, 0, nil); v != 2*key || err != nil {
					t.Errorf("key %d: %d, %v", key, v, err)
				}
			}
		})
	}
	both.Wait()
	if n := computed.Load(); n != 12 {
		t.Errorf("computed %d values of 12 keys", n)
	}
	mine := errors.New("mine")
	if _, err := get(50, 0, mine); err != mine {
		t.Errorf("error %v", err)
	}
	if v, err := get(50, 0, nil); err != nil || v != 100 {
		t.Errorf("after an error: %v, %v", v, err)
	}
	get(51, len(c.order), nil)
	get(50, 0, nil)
	if n := computed.Load(); n != 15 {
		t.Errorf("computed %d values, want 15: that of key 50 is kept", n)
	}
	get(0, 0, nil)
	if n := computed.Load(); n != 16 {
		t.Errorf("computed %d values, want 16: that of key 0 was the oldest", n)
	}
}

// TestSharedLogps: trainings on the same pairs, at once, share what a network says of a pair, and another network has
// another key.
func TestSharedLogps(t *testing.T) {
	var logps logpCache
	var both sync.WaitGroup
	for range 4 {
		l := tinyLoop[float64](t, (&objective.DPO{Lambda: 0.1}).Objective())
		l.Logps, l.Workers = &logps, 3
		both.Go(func() {
			if _, err := l.Start(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if n := len(logps.values); n != 2*12 {
		t.Errorf("four trainings share %d log-probabilities of 12 pairs under two networks", n)
	}
	first, other := tiny[float64](t, 11, 1), tiny[float64](t, 11, 2)
	if keyOf(first) != keyOf(tiny[float64](t, 11, 1)) || keyOf(first) == keyOf(other) || keyOf(first) == keyOf(tiny[float32](t, 11, 1)) ||
		keyOf(first) == keyOf(adapted(t, first)) {
		t.Error("keys do not tell networks")
	}
	merged, err := llama.NewNetwork(adapted(t, first).Merged(), nil)
	if err != nil || keyOf(merged) != keyOf(adapted(t, first)) {
		t.Errorf("a merged network has another key; %v", err)
	}
}
