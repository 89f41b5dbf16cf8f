package bandit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// waves is a bandit of two groups, of which the features are exchanged.
func waves() *LinearReward {
	return &LinearReward{Responses: 3, Dimension: 2, Groups: []string{"old", "new"}, Reward: [][]float64{{1, 3}, {-2, 0.5}},
		Features: Features{"(1-g)*cos(pi*s1) + g*a*s2", "(1-g)*a*s2 + g*cos(pi*s1)"}, States: &UniformStates{N: 10, Shares: []float64{0.2, 0.8}},
		Unlabelled: &UniformStates{N: 3}, HeldOut: &GridStates{N: 2}}
}

// Rewards are what the formulas say, pi_star is their softmax, and the parts have their names and their shares.
func TestLinearReward(t *testing.T) {
	env, err := waves().Build(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for _, g := range env.Groups() {
		groups[g.Name] = len(g.Prompts)
	}
	want := map[string]int{"old": 2, "new": 8, "unlabelled-old": 2, "unlabelled-new": 1, "heldout-old": 4, "heldout-new": 4}
	if fmt.Sprint(groups) != fmt.Sprint(want) {
		t.Errorf("groups %v, want %v", groups, want)
	}
	for i := range env.Prompts {
		p, sum := &env.Prompts[i], 0.0
		s1, s2, w := p.Features[0], p.Features[1], []float64{1, 3}
		for a, got := range p.Rewards {
			f := []float64{math.Cos(math.Pi * s1), float64(a) * s2}
			if p.Features[2] == 1 {
				w = []float64{-2, 0.5}
				slices.Reverse(f)
			}
			if r := w[0]*f[0] + w[1]*f[1]; math.Abs(got-r) > 1e-14 {
				t.Fatalf("%s: reward %v of response %d, want %v", p.Name, got, a, r)
			}
			sum += math.Exp(got)
		}
		if math.Abs(p.PiStar[1]-math.Exp(p.Rewards[1])/sum) > 1e-15 {
			t.Errorf("%s: pi_star %v of rewards %v", p.Name, p.PiStar, p.Rewards)
		}
	}
	if got, n := env.Judged(), len(env.Prompts); len(got) != 8 || got[0] != n-8 {
		t.Errorf("%v are judged", got)
	}
	unlabelled, each, labelled := env.Shares()
	if len(unlabelled) != 3 || math.Abs(3*each+labelled-1) > 1e-15 || math.Abs(labelled-10./13) > 1e-15 {
		t.Errorf("shares %v, %v of %v", labelled, each, unlabelled)
	}
	more := waves()
	more.States = &UniformStates{N: 20}
	if longer, _ := more.Build(rand.New(rand.NewPCG(1, 2))); !slices.Equal(longer.Prompts[20].Features, env.Prompts[10].Features) {
		t.Error("more states change the unlabelled ones")
	}
}

// The mean over a grid is the integral, up to an error of the square of the cell.
func TestGridStates(t *testing.T) {
	for _, n := range []int{10, 20, 40} {
		l := &LinearReward{Responses: 2, Dimension: 1, Features: Features{"s^3", "sin(pi*s)"}, Reward: [][]float64{{1, 2}}, States: &GridStates{N: n}}
		env, err := l.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		for i := range env.Prompts {
			mean += env.Prompts[i].Rewards[1] / float64(len(env.Prompts))
		}
		h := 1 / float64(n)
		// Euler and Maclaurin: the midpoint sum errs by -h^2/24 (f'(1) - f'(0)), and terms of h^4.
		slope := 3 - 4*math.Pi
		if off := mean - (0.25 + 4/math.Pi) + h*h/24*slope; !(math.Abs(off) < 0.5*math.Pow(h, 4)) {
			t.Errorf("%d cells: off by %v from what the rule errs by", n, off)
		}
	}
}

// States of a file have the file's order; one without a group is of each.
func TestFileStates(t *testing.T) {
	l := waves()
	l.States, l.Unlabelled, l.HeldOut = &FileStates{Path: "x"}, nil, nil
	build := func(text string) (*Env, error) {
		return l.BuildFrom(func(string) ([]byte, string) { return []byte(text), "x.jsonl" }, nil)
	}
	env, err := build(`{"state": [0.25, 0.5], "group": "new"}` + "\n" + `{"state": [1, 0]}`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range env.Prompts {
		got = append(got, fmt.Sprint(p.Name, p.Features))
	}
	if want := "[new-1[0.25 0.5 1] old-2[1 0 0] new-3[1 0 1]]"; fmt.Sprint(got) != want {
		t.Errorf("prompts %v, want %v", got, want)
	}
	for text, want := range map[string]string{
		`{"state": [1, 2, 3]}`:                "x.jsonl:1: state: has 3 numbers; 2",
		`{"state": [1, 2], "group": "nweww"}`: `x.jsonl:1: group: there is no "nweww"; one of old, new`,
		`{"state": "a"}`:                      "x.jsonl:1: state",
		"":                                    "no states",
	} {
		if _, err := build(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}

func TestLinearRewardMistakes(t *testing.T) {
	for want, spoil := range map[string]func(*LinearReward){
		"features.1: column 1: t is not a variable": func(l *LinearReward) { l.Features[1] = "t" },
		"has 1 lists of weights":                    func(l *LinearReward) { l.Reward = l.Reward[:1] },
		"has 1 weights":                             func(l *LinearReward) { l.Reward[1] = []float64{1} },
	} {
		l := waves()
		spoil(l)
		if p := l.Check(); len(p) != 1 || !strings.Contains(p[0].Wrong, want) {
			t.Errorf("problems %v, want %s", p, want)
		}
	}
	for want, spoil := range map[string]func(*LinearReward){
		"finite":           func(l *LinearReward) { l.Features[0] = "1/a" },
		"shares: 1 entr":   func(l *LinearReward) { l.States = &UniformStates{N: 2, Shares: []float64{1}} },
		"n: 2000 in 2 dim": func(l *LinearReward) { l.HeldOut = &GridStates{N: 2000} },
		"has no files":     func(l *LinearReward) { l.HeldOut = &FileStates{} },
	} {
		l := waves()
		spoil(l)
		if _, err := l.Build(rand.New(rand.NewPCG(1, 2))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
