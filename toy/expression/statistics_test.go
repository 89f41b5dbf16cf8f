package expression

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// batchOf draws columns c, r, ref_c of n rows with weights that sum to 1.
func batchOf(rng *rand.Rand, n int) (cols [][]float64, weight []float64) {
	cols, weight = make([][]float64, 3), make([]float64, n)
	for i := range cols {
		cols[i] = make([]float64, n)
		for j := range cols[i] {
			cols[i][j] = rng.NormFloat64()
		}
	}
	for i := range weight {
		weight[i] = rng.Float64()
	}
	return cols, weight
}

func mustParseBatch(t *testing.T, source string) *Expression {
	t.Helper()
	e, err := Parse(source, inBatch)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// total is the weighted sum of an expression over a batch.
func total(p *Program, cols [][]float64, weight, scalars []float64) float64 {
	out, sum := make([]float64, len(weight)), 0.0
	p.Value(cols, p.Statistics(cols, weight, scalars), out)
	for i, w := range weight {
		sum += w * out[i]
	}
	return sum
}

// Statistics and what they hand on, written out over the batch.
func TestStatistics(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	cols, weight := batchOf(rng, 7)
	c, scalars, whole := cols[0], []float64{0.4, 2}, 0.0
	for _, w := range weight {
		whole += w
	}
	mean := func(f func(float64) float64) float64 {
		sum := 0.0
		for i, w := range weight {
			sum += w * f(c[i])
		}
		return sum / whole
	}
	average := mean(func(x float64) float64 { return x })
	for source, want := range map[string]float64{
		"mean(c)": average, "c.mean()": average, "mean(lambda)": 0.4, "max(c)": slices.Max(c), "min(c)": slices.Min(c), "torch.min(c)": slices.Min(c),
		"std(c)":                math.Sqrt(mean(func(x float64) float64 { return (x - average) * (x - average) })),
		"logmeanexp(300*c)":     300*slices.Max(c) + math.Log(mean(func(x float64) float64 { return math.Exp(300 * (x - slices.Max(c))) })),
		"mean(square(mean(c)))": average * average, "std(2)": 0, "logmeanexp(2)": 2, "ema(c, 0.9)": average, "ema(c, 0.9, 0)": 0.1 * average, "step()": 0,
	} {
		p := mustParseBatch(t, source).Compile("c", "r")
		if got := total(p, cols, weight, scalars) / whole; math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s is %v, want %v", source, got, want)
		}
	}
}

// The gradient of the loss of a whole batch is that of differences, through statistics of statistics.
func TestStatisticsGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	for _, source := range []string{
		"square(c - mean(c))", "c*mean(r) + mean(c)*r", "softplus(-(u - u.mean()))", "(u - mean(u))/std(u)*c", "-tau*logmeanexp(logsigmoid(lambda*u)/tau)",
		"max(c)*r + min(u)", "exp(mean(c*mean(r*c)))*c", "std(c - max(r))", "logmeanexp(u)*logmeanexp(c)", "mean(c)^2 + step()*c",
	} {
		e := mustParseBatch(t, source)
		p := e.Compile("c", "r")
		if !p.Coupled() || !p.Statistical() {
			t.Errorf("%s: coupled %v, with statistics %v", source, p.Coupled(), p.Statistical())
		}
		cols, weight := batchOf(rng, 6)
		scalars := []float64{0.7, 1.3}
		grad := [][]float64{make([]float64, 6), make([]float64, 6)}
		p.Grad(cols, p.Statistics(cols, weight, scalars), grad)
		for v := range grad {
			for i, g := range grad[v] {
				const h = 1e-5
				at := cols[v][i]
				cols[v][i] = at + h
				above := total(p, cols, weight, scalars)
				cols[v][i] = at - h
				below := total(p, cols, weight, scalars)
				cols[v][i] = at
				if want := (above - below) / (2 * h); math.Abs(weight[i]*g-want) > 1e-7*max(1, math.Abs(want)) {
					t.Errorf("%s: derivative %d of row %d is %v, by differences %v", source, v, i, weight[i]*g, want)
				}
			}
		}
		// A row of weight 2 is the row twice.
		twice := make([][]float64, 3)
		for k := range cols {
			twice[k] = append(slices.Clone(cols[k]), cols[k][0])
		}
		heavier := append([]float64{2 * weight[0]}, weight[1:]...)
		if one, two := total(p, cols, heavier, scalars), total(p, twice, append(slices.Clone(weight), weight[0]), scalars); math.Abs(one-two) > 1e-12*max(1, math.Abs(one)) {
			t.Errorf("%s: a row of twice the weight gives %v, the row twice %v", source, one, two)
		}
	}
}

// A statistic that is held is a constant to derivatives, second ones too; extreme rows and rows of no weight give no NaN.
func TestHeldStatistics(t *testing.T) {
	e := mustParseBatch(t, "square(u - stopgrad(mean(u)))")
	p := e.Compile("c", "r")
	if p.Coupled() || !e.Held() {
		t.Errorf("coupled %v, held %v", p.Coupled(), e.Held())
	}
	cols, weight := [][]float64{{1, 2, math.NaN()}, {0, 0, 0}, {0, 0, 0}}, []float64{0.5, 0.5, 0}
	full := p.Statistics(cols, weight, []float64{1, 1})
	grad, hess := [][]float64{make([]float64, 3), make([]float64, 3)}, [][]float64{make([]float64, 3), make([]float64, 3), make([]float64, 3)}
	p.Grad(cols, full, grad)
	p.Hess(cols, full, hess)
	if grad[0][0] != -1 || grad[0][1] != 1 || hess[0][0] != 2 || hess[1][0] != -2 {
		t.Errorf("gradient %v, second derivatives %v", grad, hess)
	}
	q := mustParseBatch(t, "std(c)*r + logmeanexp(c)").Compile("c", "r")
	for _, v := range []float64{0, 700, -1e300} {
		same := [][]float64{{v, v}, {1, 2}, {0, 0}}
		q.Grad(same, q.Statistics(same, weight[:2], []float64{1, 1}), [][]float64{grad[0][:2], grad[1][:2]})
		if grad[0][0] != 1 || grad[1][0] != 0 {
			t.Errorf("at %v the derivatives are %v", v, grad)
		}
	}
	if allocations := testing.AllocsPerRun(10, func() { p.Grad(cols, p.Statistics(cols, weight, full), grad) }); allocations != 0 {
		t.Errorf("%v allocations a gradient", allocations)
	}
}

// The moving average over steps: its own recursion, and what a step in the middle of another's memory gives.
func TestMovingAverage(t *testing.T) {
	p := mustParseBatch(t, "ema(c, 0.75) + 100*ema(mean(c), 0.5, 0) + 10000*step()").Compile("c")
	weight, out := []float64{1}, make([]float64, 1)
	first, second := 0.0, 0.0
	for i, v := range []float64{4, -2, 8, 1} {
		cols := [][]float64{{v}, nil, nil}
		if i == 0 {
			first = v
		}
		first, second = 0.75*first+0.25*v, 0.5*second+0.5*v
		p.Advance(cols, weight, []float64{1, 1})
		for range 2 { // asking again changes nothing
			p.Value(cols, p.Statistics(cols, weight, []float64{1, 1}), out)
			if want := first + 100*second + 10000*float64(i); out[0] != want {
				t.Fatalf("step %d: %v, want %v", i, out[0], want)
			}
		}
	}
	again := mustParseBatch(t, "ema(c, 0.75) + 100*ema(mean(c), 0.5, 0) + 10000*step()").Compile("c")
	copy(again.State(), p.State())
	cols := [][]float64{{5}, nil, nil}
	again.Value(cols, again.Statistics(cols, weight, []float64{1, 1}), out)
	if want := first + 100*second + 30000; out[0] != want || !again.Remembers() {
		t.Errorf("resumed at %v, want %v", out[0], want)
	}
}

// What is averaged in the place of a formula orders policies as its value does.
func TestAveraged(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 2))
	scalars := []float64{0.7, 1.3}
	for _, source := range []string{
		"mean(c)", "-3*mean(u)/tau + lambda", "lambda - 2*u.mean()", "-log(mean(sigmoid(u)))", "(1 - log(mean(exp(u)))/lambda)*2", "logmeanexp(-u)", "-tau*logmeanexp(logsigmoid(lambda*u)/tau)",
	} {
		e := mustParseBatch(t, source)
		averaged := e.Averaged(scalars)
		if averaged == nil {
			t.Errorf("%s: no mean", source)
			continue
		}
		whole, mean := e.Compile(), averaged.Compile()
		cols, weight := batchOf(rng, 6)
		last := [2]float64{}
		for i := range 20 {
			at := [2]float64{total(whole, cols, weight, scalars), total(mean, cols, weight, scalars)}
			if i > 0 && (at[0] < last[0]) != (at[1] < last[1]) {
				t.Errorf("%s goes from %v to %v, the mean of %s from %v to %v", source, last[0], at[0], averaged, last[1], at[1])
			}
			last = at
			for k := range cols[0] {
				cols[0][k] += 0.1 * rng.NormFloat64()
			}
		}
	}
	for _, source := range []string{
		"softplus(-u)", "mean(c)*r", "mean(c) + r", "mean(c) + mean(r)", "log(mean(u))", "-log(u)", "square(mean(u))", "std(c)", "0*mean(c)", "mean(c)/0", "step()*mean(c)", "mean(c)*ema(lambda, 0.9)", "lambda", "max(c)", "-2*step()", "-log(step())",
	} {
		if averaged := mustParseBatch(t, source).Averaged(scalars); averaged != nil {
			t.Errorf("%s: the mean of %s", source, averaged)
		}
	}
}
