package metrics_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"windtunnel/metrics"
)

// logs returns the logarithms of probabilities.
func logs(p ...float64) []float64 {
	l := make([]float64, len(p))
	for i, v := range p {
		l[i] = math.Log(v)
	}
	return l
}

// value evaluates a metric by name.
func value(t interface {
	Helper()
	Fatalf(string, ...any)
}, name string, v *metrics.View) float64 {
	t.Helper()
	m, ok := metrics.Find(name)
	if !ok {
		t.Fatalf("no metric %q", name)
	}
	return m.Value(v)
}

// near says whether two numbers agree to a relative tolerance, infinities and NaN included.
func near(got, want, tolerance float64) bool {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return true
	}
	larger := max(math.Abs(want), math.Abs(got))
	return !math.IsInf(larger, 0) && math.Abs(got-want) <= tolerance*larger
}

func TestTableIsSortedAndDescribed(t *testing.T) {
	all := metrics.All()
	for i, m := range all {
		if i > 0 && all[i-1].Name >= m.Name {
			t.Errorf("%s stands before %s", all[i-1].Name, m.Name)
		}
		if m.Summary == "" || m.Source == "" || m.Value == nil || (m.Unit != "" && m.Unit != "nats") {
			t.Errorf("%s is not fully described: %+v", m.Name, m)
		}
		if found, ok := metrics.Find(m.Name); !ok || found.Summary != m.Summary {
			t.Errorf("Find(%s) = %+v, %v", m.Name, found, ok)
		}
	}
	if _, ok := metrics.Find("kl"); ok {
		t.Error("Find(kl) finds something")
	}
}

// The published interpolation bandit with the policy at the reference; numbers worked by hand.
func TestInterpolationBandit(t *testing.T) {
	v := metrics.NewView(logs(.4, .4, .2), logs(.6, .3, .1), logs(.4, .4, .2))
	v.Chosen, v.Rejected, v.Weight = []int{0, 1, 2}, []int{1, 2, 1}, []float64{2, 1, 1}
	ln := math.Log
	star := .6*ln(.6/.4) + .3*ln(.3/.4) + .1*ln(.1/.2)
	want := map[string]float64{
		"accuracy":        .5*.5 + .25, // 0 and 1 tie, 1 over 2 is right, 2 over 1 wrong
		"chosen_shift":    0,
		"entropy":         -.8*ln(.4) - .2*ln(.2),
		"js_ref":          0,
		"js_star":         .5 * (.6*ln(.6/.5) + .3*ln(.3/.35) + .1*ln(.1/.15) + .4*ln(.4/.5) + .4*ln(.4/.35) + .2*ln(.2/.15)),
		"kl_mode_pi":      -ln(.4),
		"kl_pi_ref":       0,
		"kl_pi_star":      .4*ln(.4/.6) + .4*ln(.4/.3) + .2*ln(.2/.1),
		"kl_ref_pi":       0,
		"kl_star_pi":      star,
		"kl_star_ref":     star,
		"margin":          0,
		"mode_mass":       .4,
		"rejected_shift":  0,
		"reward":          .4*ln(.6) + .4*ln(.3) + .2*ln(.1),
		"reward_accuracy": .5,
		"tv_mode":         .6,
		"tv_ref":          0,
		"tv_star":         .2,
		"win_rate":        .5, // symmetry
	}
	if len(want) != len(metrics.All()) {
		t.Errorf("%d metrics have no value here", len(metrics.All())-len(want))
	}
	for name, w := range want {
		if got := value(t, name, v); !near(got, w, 1e-14) {
			t.Errorf("%s = %v, want %v", name, got, w)
		}
	}
}

func TestMovedPolicy(t *testing.T) {
	v := metrics.NewView(logs(.4, .4, .2), logs(.6, .3, .1), logs(.4, .4, .2))
	v.Set(logs(.5, .3, .2))
	v.Chosen, v.Rejected, v.Weight = []int{0, 1, 2}, []int{1, 2, 0}, []float64{2, 1, 1}
	up, down := math.Log(.5/.4), math.Log(.3/.4)
	want := map[string]float64{
		"accuracy":        .75,               // 2 over 0 is wrong
		"reward_accuracy": .5,                // only 0 over 1 is right
		"chosen_shift":    (2*up + down) / 4, // response 2 stays
		"rejected_shift":  (2*down + up) / 4,
		"margin":          (2*(up-down) + down - up) / 4,
		"mode_mass":       .5,
		"win_rate": .5*(.4*.5+.4*.6/.9+.2*.6/.7) +
			.3*(.4*.3/.9+.4*.5+.2*.3/.4) +
			.2*(.4*.1/.7+.4*.1/.4+.2*.5),
	}
	for name, w := range want {
		if got := value(t, name, v); !near(got, w, 1e-13) {
			t.Errorf("%s = %v, want %v", name, got, w)
		}
	}
}

// The published preservation runs, from the reference data.
func TestPublishedDivergences(t *testing.T) {
	var ref struct {
		PiStar [][]float64 `json:"pi_star"`
		PiRef  [][]float64 `json:"pi_ref"`
		KLBad  float64     `json:"kl_star_ref_bad"`
		Runs   []struct {
			Objective string
			Lambda    float64
			Final     [][]float64 `json:"final_policy"`
			KLGood    float64     `json:"kl_star_policy_good"`
			KLBad     float64     `json:"kl_star_policy_bad"`
		}
	}
	raw, err := os.ReadFile("testdata/preservation.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	var views [2]*metrics.View
	for p := range views {
		start := logs(ref.PiRef[p]...)
		views[p] = metrics.NewView(start, logs(ref.PiStar[p]...), start)
	}
	if got := value(t, "kl_star_ref", views[1]); !near(got, ref.KLBad, 1e-14) {
		t.Errorf("kl_star_ref on bad = %v, want %v", got, ref.KLBad)
	}
	for _, run := range ref.Runs {
		for p, want := range []float64{run.KLGood, run.KLBad} {
			views[p].Set(logs(run.Final[p]...))
			if got := value(t, "kl_star_pi", views[p]); !(math.Abs(got-want) <= 1e-13) {
				t.Errorf("%s, lambda %g, prompt %d: kl_star_pi = %v, want %v", run.Objective, run.Lambda, p, got, want)
			}
		}
	}
}

// Divergences at the edges of what float64 and log-space can hold.
func TestExtremes(t *testing.T) {
	inf, half := math.Inf(1), math.Log(.5)
	tests := map[string]struct {
		ref, star, pi []float64
		want          map[string]float64
	}{
		"policy on the mode": {logs(.5, .5), logs(.75, .25), []float64{0, -inf}, map[string]float64{
			"kl_star_pi": inf, "kl_pi_star": -math.Log(.75), "kl_ref_pi": inf, "kl_pi_ref": math.Ln2,
			"kl_mode_pi": 0, "tv_mode": 0, "mode_mass": 1, "entropy": 0, "reward": math.Log(.75), "tv_star": .25,
			"js_ref": .5 * (math.Log(1/.75) + .5*math.Log(.5/.75) + .5*math.Log(.5/.25)),
		}},
		"policy off the mode": {logs(.5, .5), logs(.75, .25), []float64{-inf, 0}, map[string]float64{
			"kl_mode_pi": inf, "tv_mode": 1, "mode_mass": 0, "win_rate": .5*.25 + .5*.5,
		}},
		"underflowing policy": {logs(.5, .5), logs(.5, .5), []float64{0, -1000}, map[string]float64{
			"kl_star_pi": 500 + half, "kl_ref_pi": 500 + half, "kl_pi_star": math.Ln2, "tv_star": .5, "entropy": 0,
			"kl_mode_pi": 500 + half, "reward": half,
		}},
		"underflowing preferences": {logs(.5, .5), []float64{0, -1000}, []float64{-1000, 0}, map[string]float64{
			"kl_star_pi": 1000, "kl_pi_star": 1000, "reward": -1000, "tv_star": 1, "js_star": math.Ln2, "win_rate": .25,
		}},
		"disjoint": {[]float64{-inf, 0}, []float64{0, -inf}, []float64{-inf, 0}, map[string]float64{
			"kl_star_pi": inf, "kl_pi_star": inf, "js_star": math.Ln2, "tv_star": 1, "reward": -inf, "kl_star_ref": inf,
			"kl_pi_ref": 0, "js_ref": 0, "win_rate": .5, "kl_mode_pi": inf,
		}},
		"underflowing mass where pi_star has none": {logs(.5, .5), []float64{0, -inf}, []float64{0, -1000}, map[string]float64{
			"kl_pi_star": inf, "reward": -inf, "kl_star_pi": 0, "js_star": 0,
		}},
		"equal zeros": {[]float64{0, -inf}, []float64{0, -inf}, []float64{0, -inf}, map[string]float64{
			"kl_star_pi": 0, "kl_pi_star": 0, "js_star": 0, "reward": 0, "entropy": 0, "kl_mode_pi": 0, "win_rate": .5,
		}},
	}
	for name, test := range tests {
		v := metrics.NewView(test.ref, test.star, test.ref)
		v.Set(test.pi)
		for metric, want := range test.want {
			if got := value(t, metric, v); !near(got, want, 1e-13) {
				t.Errorf("%s: %s = %v, want %v", name, metric, got, want)
			}
		}
	}
}

// Changes of log-probability where a response has none left.
func TestInfiniteShifts(t *testing.T) {
	inf := math.Inf(1)
	v := metrics.NewView(logs(.5, .5), logs(.5, .5), logs(.5, .5))
	v.Chosen, v.Rejected, v.Weight = []int{0}, []int{1}, []float64{.5}
	v.Set([]float64{-inf, 0})
	for name, want := range map[string]float64{
		"chosen_shift": -inf, "rejected_shift": math.Ln2, "margin": -inf, "accuracy": 0, "reward_accuracy": 0,
	} {
		if got := value(t, name, v); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

// Between close distributions a sum of p log(p/q) returns rounding noise, even a negative number. Closed forms for
// p = (1/2, 1/2) and q = (1/2+h, 1/2-h): KL(p to q) = -log(1-4h^2)/2 and, to fourth order, JS = h^2/2 and
// KL(q to p) = 2h^2.
func TestCloseDistributions(t *testing.T) {
	for _, h := range []float64{1e-3, 1e-5, 1e-7, 1e-9} {
		v := metrics.NewView(logs(.5, .5), logs(.5, .5), logs(.5, .5))
		v.Set([]float64{math.Log1p(2*h) - math.Ln2, math.Log1p(-2*h) - math.Ln2})
		tolerance := 2e-15/h + 4*h*h
		for name, want := range map[string]float64{
			"kl_star_pi": -math.Log1p(-4*h*h) / 2, "kl_pi_star": 2 * h * h, "js_star": h * h / 2, "tv_star": h,
		} {
			if got := value(t, name, v); !near(got, want, tolerance) {
				t.Errorf("h=%g: %s = %v, want %v", h, name, got, want)
			}
		}
	}
}

func TestTiedMode(t *testing.T) {
	tests := map[string]struct {
		ref, star, want []float64
		argmax          []int
	}{
		"unique":                  {[]float64{.2, .3, .5}, []float64{.5, .3, .2}, []float64{1, 0, 0}, []int{0}},
		"tie split as pi_ref":     {[]float64{.6, .3, .1}, []float64{.4, .4, .2}, []float64{2. / 3, 1. / 3, 0}, []int{0, 1}},
		"tie up to rounding":      {[]float64{.6, .3, .1}, []float64{.4, .4 * (1 - 1e-14), .2}, []float64{2. / 3, 1. / 3, 0}, []int{0, 1}},
		"close is no tie":         {[]float64{.6, .3, .1}, []float64{.4, .4 * (1 + 1e-10), .2}, []float64{0, 1, 0}, []int{1}},
		"all tied":                {[]float64{.6, .3, .1}, []float64{1. / 3, 1. / 3, 1. / 3}, []float64{.6, .3, .1}, []int{0, 1, 2}},
		"pi_ref nothing on ties":  {[]float64{0, 0, 1}, []float64{.4, .4, .2}, []float64{.5, .5, 0}, []int{0, 1}},
		"pi_ref nothing on one":   {[]float64{0, .5, .5}, []float64{.4, .4, .2}, []float64{0, 1, 0}, []int{0, 1}},
		"pi_ref underflows there": {[]float64{1e-300, 3e-300, 1}, []float64{.4, .4, .2}, []float64{.25, .75, 0}, []int{0, 1}},
	}
	for name, test := range tests {
		v := metrics.NewView(logs(test.ref...), logs(test.star...), logs(test.ref...))
		if !slices.Equal(v.Argmax, test.argmax) {
			t.Errorf("%s: argmax %v, want %v", name, v.Argmax, test.argmax)
		}
		for i, want := range test.want {
			if !near(v.Mode[i], want, 1e-13) {
				t.Errorf("%s: mode policy %v, want %v", name, v.Mode, test.want)
				break
			}
		}
	}
}

func TestMean(t *testing.T) {
	view := func(pi []float64, weight ...float64) *metrics.View {
		v := metrics.NewView(logs(.5, .5), logs(.5, .5), logs(.5, .5))
		v.Set(pi)
		v.Weight = weight
		v.Chosen, v.Rejected = make([]int, len(weight)), slices.Repeat([]int{1}, len(weight))
		return v
	}
	inf := math.Inf(1)
	right, wrong := logs(.9, .1), logs(.2, .8)
	tests := map[string]struct {
		metric string
		views  []*metrics.View
		want   float64
	}{
		"uniform over prompts":                 {"tv_star", []*metrics.View{view(right, .9), view(wrong, .1)}, .35},
		"by weight over data":                  {"accuracy", []*metrics.View{view(right, .3, .45), view(wrong, .25)}, .75},
		"prompts without data do not count":    {"accuracy", []*metrics.View{view(wrong), view(right, 1)}, 1},
		"no data anywhere":                     {"margin", []*metrics.View{view(wrong), view(right)}, math.NaN()},
		"no data, distribution metric":         {"mode_mass", []*metrics.View{view(wrong), view(right)}, 1},
		"an infinite prompt stays infinite":    {"kl_star_pi", []*metrics.View{view(right), view([]float64{0, -inf})}, inf},
		"a broken policy is not averaged away": {"kl_star_pi", []*metrics.View{view(right), view(logs(math.NaN(), 1))}, math.NaN()},
		"no prompts":                           {"tv_star", nil, math.NaN()},
	}
	for name, test := range tests {
		m, _ := metrics.Find(test.metric)
		if got := metrics.Mean(m, test.views); !near(got, test.want, 1e-14) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Rewards in the environment's own scale: of one prompt, of several, and of the worst group of them.
func TestRewards(t *testing.T) {
	view := func(group string, pi, rewards []float64) *metrics.View {
		v := metrics.NewView(logs(.5, .5), logs(.5, .5), logs(.5, .5))
		v.Set(logs(pi...))
		v.Group, v.Rewards = group, rewards
		return v
	}
	good, even, bad := view("a", []float64{.75, .25}, []float64{4, 2}), view("b", []float64{.5, .5}, []float64{1, 3}), view("b", []float64{.25, .75}, []float64{5, 4})
	broken, unknown := view("a", []float64{math.NaN(), math.NaN()}, []float64{1, 2}), view("a", []float64{.5, .5}, nil)
	for name, want := range map[string][4]float64{ // of good alone, of all three, with a broken policy, and of one without rewards
		"best_reward": {4, 4, math.NaN(), math.NaN()}, "true_reward": {3.5, 9.75 / 3, math.NaN(), math.NaN()},
		"reward_error": {0, 3. / 12, math.NaN(), math.NaN()}, "worst_reward_error": {0, 3. / 8, math.NaN(), math.NaN()},
	} {
		list := metrics.OfRewards()
		m := list[slices.IndexFunc(list, func(m metrics.Metric) bool { return m.Name == name })]
		for i, got := range []float64{metrics.Mean(m, []*metrics.View{good}), metrics.Mean(m, []*metrics.View{good, even, bad}),
			metrics.Mean(m, []*metrics.View{even, broken, bad}), m.Value(unknown)} {
			if !near(got, want[i], 1e-14) {
				t.Errorf("%s: %v, want %v", name, got, want[i])
			}
		}
	}
}

func TestBetter(t *testing.T) {
	for want, names := range map[string][]string{
		"lower":  {"tv_star", "js_star", "kl_star_pi", "kl_pi_star", "nash_gap", "tv_mode"},
		"higher": {"reward", "win_rate", "accuracy", "reward_accuracy", "mode_mass", "borda_mass", "condorcet_mass"},
		"":       {"tv_ref", "kl_mode_pi", "entropy", "star", "margin", "steps"},
	} {
		for _, name := range names {
			if got := metrics.Better(name); got != want {
				t.Errorf("of %s %q is better, want %q", name, got, want)
			}
		}
	}
}

func TestBrokenPolicyIsNaNEverywhere(t *testing.T) {
	v := metrics.NewView(logs(.4, .4, .2), logs(.6, .3, .1), logs(.4, .4, .2))
	v.Chosen, v.Rejected, v.Weight = []int{0}, []int{1}, []float64{1}
	v.Set([]float64{math.NaN(), math.NaN(), math.NaN()})
	for _, m := range metrics.All() {
		if got := m.Value(v); !math.IsNaN(got) && m.Name != "kl_star_ref" {
			t.Errorf("%s = %v", m.Name, got)
		}
	}
}

func TestWinRateAboveItsLimit(t *testing.T) {
	for k, applies := range map[int]bool{metrics.MaxWinRate: true, metrics.MaxWinRate + 1: false} {
		uniform := slices.Repeat([]float64{-math.Log(float64(k))}, k)
		got := value(t, "win_rate", metrics.NewView(uniform, uniform, uniform))
		if applies && !near(got, .5, 1e-12) || !applies && !math.IsNaN(got) {
			t.Errorf("win rate of %d responses = %v", k, got)
		}
	}
}

func TestMismatchedLengthsPanic(t *testing.T) {
	two, three := logs(.5, .5), logs(.4, .4, .2)
	for name, call := range map[string]func(){
		"NewView": func() { metrics.NewView(two, three, three) },
		"empty":   func() { metrics.NewView(nil, nil, nil) },
		"Set":     func() { metrics.NewView(two, two, two).Set(three) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			call()
		}()
	}
}

func ExampleMetric() {
	logRef := []float64{math.Log(.4), math.Log(.4), math.Log(.2)}
	logStar := []float64{math.Log(.6), math.Log(.3), math.Log(.1)}
	v := metrics.NewView(logRef, logStar, logRef)
	v.Set([]float64{math.Log(.5), math.Log(.4), math.Log(.1)})
	for _, name := range []string{"kl_star_pi", "tv_star", "win_rate"} {
		m, _ := metrics.Find(name)
		fmt.Printf("%s: %.4f\n", m.Name, m.Value(v))
	}
	// Output:
	// kl_star_pi: 0.0231
	// tv_star: 0.1000
	// win_rate: 0.5381
}

// The proxy's expected reward is that of its rewards under the policy; none without a proxy. A response that is never given
// counts nothing, whatever its reward.
func TestProxyReward(t *testing.T) {
	logs := []float64{math.Log(0.5), math.Log(0.25), math.Log(0.25)}
	v := metrics.NewView(logs, logs, logs)
	if got := metrics.ProxyReward.Value(v); !math.IsNaN(got) {
		t.Errorf("%v without a proxy", got)
	}
	v.Proxy = []float64{2, -4, 8}
	if got := metrics.ProxyReward.Value(v); got != 2 {
		t.Errorf("%v, want 2", got)
	}
	v.Set([]float64{math.Log(0.5), math.Log(0.5), math.Inf(-1)})
	v.Proxy[2] = math.Inf(1)
	if got := metrics.ProxyReward.Value(v); got != -1 {
		t.Errorf("%v, want -1", got)
	}
	if _, listed := metrics.Find("proxy_reward"); listed {
		t.Error("it is a column of every table")
	}
}
