package metrics_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics"
	"windtunnel/toy/logspace"
)

// played returns the metrics of games of a policy.
func played(t interface{ Fatalf(string, ...any) }, pi []float64, wins []float64) map[string]float64 {
	none := make([]float64, len(pi))
	for i := range none {
		none[i] = math.NaN()
	}
	v := metrics.NewView(pi, none, pi)
	v.SetWins(wins)
	got := map[string]float64{}
	for _, m := range append(metrics.All(), metrics.OfGames()...) {
		got[m.Name] = m.Value(v)
	}
	return got
}

// drawWins draws win rates of k responses, some of which may be certain.
func drawWins(t *rapid.T, k int) []float64 {
	wins := make([]float64, k*k)
	for i := range k {
		wins[i*k+i] = 0.5
		for j := range i {
			p := rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0, 0.5, 1})).Draw(t, "p")
			wins[i*k+j], wins[j*k+i] = p, 1-p
		}
	}
	return wins
}

// The definitions, by brute force over pure strategies of both players.
func TestGames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 6).Draw(t, "k")
		wins, logPi := drawWins(t, k), distribution(t, k, "pi")
		pi := make([]float64, k)
		for i, l := range logPi {
			pi[i] = math.Exp(l)
		}
		against, self := math.Inf(-1), math.Inf(1) // the best against pi, and the least that pi gets
		for y := range k {
			up, down := 0.0, 0.0
			for i, p := range pi {
				up += wins[y*k+i] * p
				down += p * wins[i*k+y]
			}
			against, self = max(against, up), min(self, down)
		}
		got := played(t, logPi, wins)
		for name, want := range map[string]float64{"nash_gap": against - self, "win_rate_best": self, "win_rate": 0.5} {
			if !(math.Abs(got[name]-want) <= 1e-14) {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		condorcet, borda, most := math.NaN(), 0.0, math.Inf(-1)
		for i := range k {
			beats, score := true, 0.0
			for j := range k {
				beats = beats && (i == j || wins[i*k+j] > 0.5)
				score += wins[i*k+j]
			}
			if beats {
				condorcet = pi[i]
			}
			switch {
			case score > most*(1+1e-12):
				most, borda = score, pi[i]
			case score > most*(1-1e-12):
				borda += pi[i]
			}
		}
		if c := got["condorcet_mass"]; c != condorcet && !(math.IsNaN(c) && math.IsNaN(condorcet)) || !(math.Abs(got["borda_mass"]-borda) <= 1e-15) {
			t.Errorf("Condorcet %v and Borda %v, want %v and %v", c, got["borda_mass"], condorcet, borda)
		}
		for _, name := range []string{"reward", "kl_star_pi", "kl_pi_star", "js_star", "tv_star", "kl_star_ref", "mode_mass", "tv_mode", "kl_mode_pi"} {
			if !math.IsNaN(got[name]) {
				t.Errorf("without a pi_star %s is %v", name, got[name])
			}
		}
	})
}

// Rock, paper, scissors is in equilibrium at the uniform policy and nowhere else; of a rate that is not known nothing is.
func TestRockPaperScissors(t *testing.T) {
	wins := []float64{0.5, 0, 1, 1, 0.5, 0, 0, 1, 0.5}
	third := -math.Log(3)
	got := played(t, []float64{third, third, third}, wins)
	if !(math.Abs(got["nash_gap"]) <= 1e-15) || !math.IsNaN(got["condorcet_mass"]) || !(math.Abs(got["borda_mass"]-1) <= 1e-15) {
		t.Errorf("uniform: %v", got)
	}
	if got := played(t, []float64{0, math.Inf(-1), math.Inf(-1)}, wins); got["nash_gap"] != 1 || got["win_rate_best"] != 0 {
		t.Errorf("rock: %v", got)
	}
	wins[1] = math.NaN()
	for _, name := range []string{"nash_gap", "win_rate_best", "win_rate", "condorcet_mass", "borda_mass"} {
		if v := played(t, []float64{third, third, third}, wins)[name]; !math.IsNaN(v) {
			t.Errorf("an unknown rate: %s is %v", name, v)
		}
	}
}

// By a pi_star the win rate is what it is by the matrix of it, and its mode is the winner in every sense.
func TestGamesOfBradleyTerry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		k := len(v.Pi)
		want, mode := value(t, "win_rate", v), value(t, "mode_mass", v)
		wins := make([]float64, k*k)
		for i := range wins {
			wins[i] = 1 / (1 + math.Exp(v.LogStar[i%k]-v.LogStar[i/k]))
		}
		v.SetWins(wins)
		if got := value(t, "win_rate", v); !(math.Abs(got-want) <= 1e-13) {
			t.Errorf("win rate %v, want %v", got, want)
		}
		if got := metrics.OfGames()[1].Value(v); len(v.Argmax) == 1 && !math.IsNaN(got) && math.Abs(got-mode) > 1e-15 {
			t.Errorf("Condorcet %v, mode %v", got, mode)
		}
	})
}

// The duality gap of the regularized game, by its definition and by search over many policies; 0 at the best response to itself.
func TestDualityGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 5).Draw(t, "k")
		wins, logPi, logRef := drawWins(t, k), distribution(t, k, "pi"), distribution(t, k, "ref")
		lambda := math.Pow(10, rapid.Float64Range(-2, 2).Draw(t, "lambda"))
		if slices.Min(append(slices.Clone(logPi), logRef...)) < -300 {
			t.Skip("no finite divergences")
		}
		v := metrics.NewView(logRef, logRef, logRef)
		v.SetWins(wins)
		v.Lambda = lambda
		v.Set(logPi)
		gapOf, _ := gameMetric("duality_gap")
		gap := gapOf(v)
		value := func(p, q []float64) float64 {
			sum := 0.0
			for i := range p {
				for j := range q {
					sum += math.Exp(p[i]+q[j]) * wins[i*k+j]
				}
				sum += lambda * (math.Exp(q[i])*(q[i]-logRef[i]) - math.Exp(p[i])*(p[i]-logRef[i]))
			}
			return sum
		}
		best := make([]float64, k)
		for i := range best {
			best[i] = logRef[i]
			for j, l := range logPi {
				best[i] += wins[i*k+j] * math.Exp(l) / lambda
			}
		}
		logspace.LogSoftmax(best, best)
		size := 1 + lambda*(1-slices.Min(logPi)-slices.Min(logRef))
		if want := value(best, logPi) - value(logPi, best); !(math.Abs(gap-want) <= 1e-13*size*float64(k)) || gap < 0 {
			t.Fatalf("gap %v, by its definition %v", gap, want)
		}
		for i := range 50 { // no other pair of responses leaves more between them
			other := make([]float64, k)
			for j := range other {
				other[j] = best[j] + 3*math.Sin(float64(7*i+j*j+1))
			}
			logspace.LogSoftmax(other, other)
			if more := value(other, logPi) - value(logPi, other); more > gap+1e-12*size {
				t.Fatalf("gap %v, a response leaves %v", gap, more)
			}
		}
	})
}

// gameMetric returns the value of a metric of games.
func gameMetric(name string) (func(*metrics.View) float64, bool) {
	for _, m := range metrics.OfGames() {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// Without lambda or win rates there is no such game, and at the extremes of lambda the gap is a number.
func TestDualityGapAtTheEnds(t *testing.T) {
	gap, _ := gameMetric("duality_gap")
	even := []float64{math.Log(0.5), math.Log(0.5)}
	v := metrics.NewView(even, even, even)
	if got := gap(v); !math.IsNaN(got) {
		t.Errorf("without win rates: %v", got)
	}
	v.SetWins([]float64{0.5, 0.9, 0.1, 0.5})
	if v.Set(even); !math.IsNaN(gap(v)) {
		t.Errorf("without lambda: %v", gap(v))
	}
	for lambda, want := range map[float64]float64{1e-100: 0.4, 1e100: 0, 0: math.NaN(), -1: math.NaN(), math.NaN(): math.NaN()} { // 2 (b'P pi - 1/2), at b the first
		v.Lambda = lambda
		if v.Set(even); math.Abs(gap(v)-want) > 1e-15 || math.IsNaN(gap(v)) != math.IsNaN(want) {
			t.Errorf("lambda %g: %v, want %v", lambda, gap(v), want)
		}
	}
	v.Lambda = 0.3
	if n := testing.AllocsPerRun(20, func() { v.Set(even); gap(v) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
