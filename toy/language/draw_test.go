package language

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"windtunnel/toy/llama"
	"windtunnel/toy/train"
)

const fewTokens = 3 // longest continuation of what is enumerated

// plain draws from the whole distribution.
var plain = llama.Sampling{Temperature: 1, TopP: 1, Tokens: fewTokens}

// everything returns every continuation of at most fewTokens tokens below vocab.
func everything(vocab int) [][]int32 {
	var out [][]int32
	var grow func(ids []int32)
	grow = func(ids []int32) {
		for v := range int32(vocab) {
			next := append(slices.Clone(ids), v)
			if v == llama.BOS || v == llama.EOS || len(next) == fewTokens {
				out = append(out, next)
			} else {
				grow(next)
			}
		}
	}
	grow(nil)
	return out
}

// logpsOf returns the log-probabilities of continuations.
func logpsOf(t *testing.T, n *llama.Network[float64], prompt []int32, all [][]int32) []float64 {
	t.Helper()
	tape := llama.NewTape[float64]()
	if err := tape.Forward(n, prompt, all, false); err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(all))
	for i := range all {
		out[i] = tape.Logp(i)
	}
	return out
}

// oddity is a reward without symmetries.
func oddity(prompt int, text []int32) float64 {
	sum := 0.5 * float64(prompt)
	for i, id := range text {
		sum += math.Sin(float64(3*int(id) + 2*i + len(text)))
	}
	return sum
}

// oddityOf is the reward of tokens as drawn.
func oddityOf(prompt int, tokens []int32) float64 {
	last := tokens[len(tokens)-1]
	return oddity(prompt, (&Continuation{tokens, last == llama.BOS || last == llama.EOS}).Text())
}

// objectiveOf is E[r] - lambda KL by enumeration.
func objectiveOf(t *testing.T, n, ref *llama.Network[float64], prompt []int32, lambda float64) (value, reward, kl float64) {
	all := everything(n.Config().Vocab)
	policy, reference := logpsOf(t, n, prompt, all), logpsOf(t, ref, prompt, all)
	total := 0.0
	for i, y := range all {
		p := math.Exp(policy[i])
		total += p
		reward += p * oddityOf(0, y)
		kl += p * (policy[i] - reference[i])
	}
	if math.Abs(total-1) > 1e-12 {
		t.Fatalf("the probabilities of all %d continuations sum to %v", len(all), total)
	}
	return reward - lambda*kl, reward, kl
}

// within fails unless the mean of x is within four standard errors of want.
func within(t *testing.T, name string, x []float64, want float64) {
	t.Helper()
	mean, sd := stat.MeanStdDev(x, nil)
	if se := sd / math.Sqrt(float64(len(x))); !(math.Abs(mean-want) <= 4*se) || se == 0 {
		t.Errorf("%s: mean %v with standard error %v, exactly %v", name, mean, se, want)
	}
}

// TestRLOOIsUnbiased: the mean of many estimates is the gradient of the objective that enumeration of all continuations
// gives, along random directions, and so are the recorded measures.
func TestRLOOIsUnbiased(t *testing.T) {
	const lambda, repeats = 0.3, 3000
	l := &rloo[float64]{Network: tiny[float64](t, 5, 1), Reference: tiny[float64](t, 5, 2), Prompts: [][]int32{{1, 3}}, Samples: 3,
		Tokens: fewTokens, Lambda: lambda, Reward: oddity, Seed: 1, Batch: 1}
	l.prepare()
	rng := rand.New(rand.NewPCG(4, 4))
	directions := make([][]float64, 4)
	estimates := make([][]float64, len(directions))
	for i := range directions {
		for range l.master {
			directions[i] = append(directions[i], rng.NormFloat64())
		}
	}
	var losses, rewards, kls []float64
	for step := range repeats {
		grad, _, _ := l.Gradient(train.Batch{Items: []int{0}, Step: step})
		_, measures := l.measures()
		losses, rewards, kls = append(losses, l.Loss()), append(rewards, measures.Reward), append(kls, measures.KL)
		for i, d := range directions {
			estimates[i] = append(estimates[i], floats.Dot(grad, d))
		}
	}
	value, reward, kl := objectiveOf(t, l.Network, l.Reference, l.Prompts[0], lambda)
	within(t, "loss", losses, -value)
	within(t, "reward", rewards, reward)
	within(t, "KL", kls, kl)
	for i, d := range directions {
		const h = 1e-5
		moved := func(step float64) float64 {
			floats.AddScaled(l.master, step, d)
			l.Moved()
			v, _, _ := objectiveOf(t, l.Network, l.Reference, l.Prompts[0], lambda)
			return v
		}
		up := moved(h)
		down := moved(-2 * h)
		moved(h)
		within(t, fmt.Sprintf("direction %d", i), estimates[i], -(up-down)/(2*h))
	}
}

// TestAdvantages: each value is measured against the mean of the others.
func TestAdvantages(t *testing.T) {
	got := make([]float64, 3)
	advantages(got, []float64{1, 2, 6}, -2)
	if !slices.Equal(got, []float64{6, 3, -9}) {
		t.Errorf("%v", got)
	}
}

// TestRLOOTrains: it comes near the best that the penalty allows, which is known in closed form where all continuations are
// enumerated: lambda log E_ref[exp(r/lambda)].
func TestRLOOTrains(t *testing.T) {
	const lambda = 0.5
	l := &rloo[float64]{Network: tiny[float64](t, 5, 1), Reference: tiny[float64](t, 5, 1), Prompts: [][]int32{{1, 3}}, Samples: 16, Tokens: fewTokens, Lambda: lambda,
		Reward: oddity, Batch: 1}
	ref := network(t, l.Network.Model().Clone())
	before, _, _ := objectiveOf(t, l.Network, ref, l.Prompts[0], lambda)
	l.prepare()
	p := train.Params{Optimizer: &train.Adam{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Schedule: &train.Linear{}, Epochs: 300}
	finish(t, training{begun(l, p, nil)}.Run)
	after, _, _ := objectiveOf(t, l.Network, ref, l.Prompts[0], lambda)
	all := everything(5)
	exponents := logpsOf(t, ref, l.Prompts[0], all)
	for i, y := range all {
		exponents[i] += oddityOf(0, y) / lambda
	}
	best := lambda * floats.LogSumExp(exponents)
	if after > best+1e-12 || after < before+0.9*(best-before) {
		t.Errorf("from %v to %v, the best is %v", before, after, best)
	}
}

// TestRLOOSameBytes: workers change nothing, and the reference stays as it is.
func TestRLOOSameBytes(t *testing.T) {
	var want []float32
	for _, workers := range []int{1, 3} {
		n := tiny[float32](t, 11, 1)
		l := &rloo[float32]{Network: n, Reference: tiny[float32](t, 11, 1), Prompts: [][]int32{{1}, {1, 4}, {1, 5, 6}}, Samples: 4, Tokens: 8, Lambda: 0.1,
			Reward: oddity, Workers: workers, Batch: 2}
		l.prepare()
		p := train.Params{Optimizer: &train.SGD{LR: 0.1}, Schedule: &train.Constant{}, Epochs: 5, BatchSize: 2, Shuffle: true, RecordEvery: 1}
		before := slices.Clone(n.Trainable())
		records := finish(t, training{begun(l, p, rand.New(rand.NewPCG(1, 1)))}.Run)
		if !slices.Equal(l.Reference.Trainable(), before) || slices.Equal(n.Trainable(), before) {
			t.Error("the reference moved, or the policy did not")
		}
		if records[1].KL != 0 || records[len(records)-1].KL == 0 {
			t.Errorf("KL from %v to %v", records[1].KL, records[len(records)-1].KL)
		}
		if want == nil {
			want = slices.Clone(n.Trainable())
		} else if !slices.Equal(want, n.Trainable()) {
			t.Errorf("%d workers give other weights", workers)
		}
	}
}

// TestEvaluate: both estimates of the divergence, the rewards and the wins agree with enumeration, and the one by tokens varies
// less.
func TestEvaluate(t *testing.T) {
	policy, ref := tiny[float64](t, 5, 1), tiny[float64](t, 5, 2)
	prompts := slices.Repeat([][]int32{{1, 3}}, 400)
	reward := func(_ int, text []int32) float64 { return oddity(0, text) }
	e := &continuationEvaluator[float64]{Reference: ref, Prompts: prompts, Samples: 4, Sampling: plain, Reward: reward, Seed: 3}
	prepared(t, e)
	found, drawn, err := e.evaluate(context.Background(), policy)
	if err != nil || len(drawn) != len(prompts) || len(drawn[0]) != 4 {
		t.Fatal(err)
	}
	_, exactReward, exactKL := objectiveOf(t, policy, ref, prompts[0], 1)
	_, refReward, _ := objectiveOf(t, ref, ref, prompts[0], 1)
	columns := map[string][]float64{}
	for i, f := range found {
		var responses [][]int32
		for _, c := range drawn[i] {
			responses = append(responses, c.Tokens)
		}
		sampled := stat.Mean(logpsOf(t, policy, prompts[i], responses), nil) - stat.Mean(logpsOf(t, ref, prompts[i], responses), nil)
		for name, v := range map[string]float64{"reward": f.Reward, "reference": f.ReferenceReward, "kl": f.KL, "sampled": sampled, "wins": f.WinRate} {
			columns[name] = append(columns[name], v)
		}
		if !(f.WinRate >= 0 && f.WinRate <= 1) || f.KL < 0 {
			t.Fatalf("%+v", f)
		}
	}
	wins := 0.0
	all := everything(5)
	p, q := logpsOf(t, policy, prompts[0], all), logpsOf(t, ref, prompts[0], all)
	for i, y := range all {
		for k, z := range all {
			switch a, b := oddityOf(0, y), oddityOf(0, z); {
			case a > b:
				wins += math.Exp(p[i] + q[k])
			case a == b:
				wins += math.Exp(p[i]+q[k]) / 2
			}
		}
	}
	for name, want := range map[string]float64{"reward": exactReward, "reference": refReward, "kl": exactKL, "sampled": exactKL, "wins": wins} {
		within(t, name, columns[name], want)
	}
	if byToken, byDraw := stat.Variance(columns["kl"], nil), stat.Variance(columns["sampled"], nil); byToken > byDraw/2 {
		t.Errorf("variance %v by tokens, %v by draws", byToken, byDraw)
	}
}

// TestEvaluateReference: the reference against itself is at divergence 0.
func TestEvaluateReference(t *testing.T) {
	ref := tiny[float32](t, 11, 2)
	e := &continuationEvaluator[float32]{Reference: ref, Prompts: [][]int32{{1}, {1, 2}}, Samples: 5,
		Sampling: llama.Sampling{Temperature: 0.8, TopP: 0.9, Tokens: 9}, Reward: oddity, Workers: 2}
	prepared(t, e)
	found, drawn, err := e.evaluate(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		if f.KL != 0 {
			t.Errorf("%+v", f)
		}
		for k := range drawn[i] {
			if oddity(i, drawn[i][k].Text()) == e.Baseline[i][k] && len(drawn[i][k].Tokens) > 2 {
				t.Error("policy and reference draw on the same random numbers")
			}
		}
	}
}

// TestDrawIsFixed: continuation j of prompt i is what it is, whatever the workers and the other prompts; other dice give
// others; shares of first tokens are the network's probabilities.
func TestDrawIsFixed(t *testing.T) {
	n := tiny[float64](t, 5, 1)
	draw := func(prompts [][]int32, count int, dice source, workers int) [][]Continuation {
		out, err := draw(context.Background(), n, prompts, count, plain, dice, workers)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	prompts := slices.Repeat([][]int32{{1, 3}, {1, 4, 4}}, 10)
	want := draw(prompts, 3, source{policyStream, 1, 0}, 1)
	if got := draw(prompts, 3, source{policyStream, 1, 0}, 4); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("workers change draws")
	}
	if got := draw(prompts[:5], 2, source{policyStream, 1, 0}, 1); fmt.Sprint(got[4]) != fmt.Sprint(want[4][:2]) {
		t.Error("other prompts and samples change draws")
	}
	for _, dice := range []source{{baselineStream, 1, 0}, {policyStream, 2, 0}, {policyStream, 1, 1}} {
		if got := draw(prompts, 3, dice, 1); fmt.Sprint(got) == fmt.Sprint(want) {
			t.Errorf("%+v draws the same", dice)
		}
	}
	var first []float64
	for _, c := range draw(prompts[:1], 4000, source{policyStream, 1, 0}, 0)[0] {
		hit := 0.0
		if c.Tokens[0] == 4 {
			hit = 1
		}
		first = append(first, hit)
		last := c.Tokens[len(c.Tokens)-1]
		if c.Ended != (last == llama.BOS || last == llama.EOS) || !c.Ended && len(c.Tokens) != fewTokens {
			t.Fatalf("%+v", c)
		}
	}
	within(t, "first token", first, math.Exp(logpsOf(t, n, prompts[0], [][]int32{{4}})[0]))
}

// TestRounds: pairs are labelled by Bradley-Terry, differ from round to round and carry the gold gap.
func TestRounds(t *testing.T) {
	n := tiny[float64](t, 5, 1)
	of, temperature, gold := [][]int32{{1, 3}, {1, 4}}, 0.7, oddity
	in := &task[float64]{Input: Input{Environment: &Stories{Temperature: 1, TopP: 1, Tokens: fewTokens}}, seed: 5}
	pairs := func(round int) []Pair {
		p, err := in.drawPairs(context.Background(), n, of, 1000, oddity, gold, temperature, round)
		if err != nil || len(p) != 2000 {
			t.Fatal(err)
		}
		return p
	}
	first := pairs(0)
	if fmt.Sprint(first[:50]) != fmt.Sprint(pairs(0)[:50]) || fmt.Sprint(first[:50]) == fmt.Sprint(pairs(1)[:50]) {
		t.Error("a round is not the same twice, or the same as another")
	}
	var surprise []float64
	for i, p := range first {
		gap := oddityOf(i%2, p.Chosen) - oddityOf(i%2, p.Rejected)
		if math.Abs(gap-p.Gap) > 1e-12 || !slices.Equal(p.Prompt, of[i%2]) {
			t.Fatalf("pair %d: gap %v, want %v", i, p.Gap, gap)
		}
		// The better one is chosen so much more often than by chance as Bradley-Terry says.
		won := 0.5
		if gap > 0 {
			won = 1
		} else if gap < 0 {
			won = 0
		}
		surprise = append(surprise, won-1/(1+math.Exp(-math.Abs(gap)/temperature)))
	}
	within(t, "labels", surprise, 0)
	temperature = 0
	gold = func(_ int, text []int32) float64 { return float64(len(text)) }
	for i, p := range pairs(2) {
		if oddityOf(i%2, p.Chosen) < oddityOf(i%2, p.Rejected) {
			t.Fatalf("pair %d: the worse is chosen at temperature 0", i)
		}
		ended := func(ids []int32) int {
			if last := ids[len(ids)-1]; last == llama.BOS || last == llama.EOS {
				return len(ids) - 1
			}
			return len(ids)
		}
		if p.Gap != float64(ended(p.Chosen)-ended(p.Rejected)) {
			t.Fatalf("pair %d: gap %v of lengths", i, p.Gap)
		}
	}
}
