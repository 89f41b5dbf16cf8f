package setup

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/toy/bandit"
	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// of returns a run on one prompt with the given preferences, and without a pi_star as word says.
func of(word string, ref []float64, prefs preference.Params, file string) *Run {
	return &Run{
		Settings: Settings{
			Environment: &bandit.Declared{Star: word, Prompts: []bandit.DeclaredPrompt{{Name: "x", PiRef: ref}}},
			Preferences: prefs, Policy: &policy.TabularParams{}, Solver: SolverExact,
			Train: train.Params{Optimizer: &train.SGD{LR: 0.1}, Schedule: &train.Constant{}, Epochs: 50},
		},
		Loss: &objective.DPO{Lambda: 1},
		File: func(string) ([]byte, string) { return []byte(file), "f.csv" },
	}
}

// zermelo is the Bradley-Terry fit by Zermelo's iteration (1929), which shares nothing with the solver.
func zermelo(won [][]float64) []float64 {
	k := len(won)
	p := slices.Repeat([]float64{1 / float64(k)}, k)
	for range 200_000 {
		next, sum, moved := make([]float64, k), 0.0, 0.0
		for i := range k {
			wins, share := 0.0, 0.0
			for j := range k {
				if i != j {
					wins += won[i][j]
					share += (won[i][j] + won[j][i]) / (p[i] + p[j])
				}
			}
			next[i] = wins / share
			sum += next[i]
		}
		for i := range k {
			moved = max(moved, math.Abs(next[i]/sum/p[i]-1))
			p[i] = next[i] / sum
		}
		if moved < 1e-15 {
			break
		}
	}
	return p
}

// pi_star: bradley-terry is Zermelo's fit, and for two responses the share of wins.
func TestBradleyTerryFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 5).Draw(t, "k")
		won := make([][]float64, k)
		file := "a,b,wins_a,wins_b\n"
		for i := range won {
			won[i] = make([]float64, k)
			for j := range i {
				won[i][j], won[j][i] = rapid.Float64Range(0.5, 20).Draw(t, "wins"), rapid.Float64Range(0.5, 20).Draw(t, "losses")
				file += fmt.Sprintf("%d,%d,%v,%v\n", i, j, won[i][j], won[j][i])
			}
		}
		env, err := of("bradley-terry", slices.Repeat([]float64{1 / float64(k)}, k), &preference.Counts{File: preference.File{Path: "f"}}, file).BuildEnvironment()
		if err != nil {
			t.Fatal(err)
		}
		want := zermelo(won)
		if k == 2 {
			want = []float64{won[0][1] / (won[0][1] + won[1][0]), won[1][0] / (won[0][1] + won[1][0])}
		}
		for i, p := range env.Prompts[0].PiStar {
			if math.Abs(p-want[i]) > 1e-11 || math.Abs(math.Exp(env.Prompts[0].LogStar[i])-p) > 1e-15 {
				t.Errorf("%s: response %d has %v, want %v", file, i, p, want[i])
			}
		}
		if !env.HasStar() || !env.Pairwise || env.Prompts[0].Wins != nil {
			t.Errorf("%+v", env)
		}
	})
}

// What has no fit, or no one fit, says so; it never is NaN.
func TestNoFit(t *testing.T) {
	for file, want := range map[string]string{
		"a,b,wins_a,wins_b\n0,1,5,0\n1,2,3,3\n": "diverged", "a,b,wins_a,wins_b\n0,1,5,2\n": "", "chosen,rejected\n0,1\n1,2\n": "diverged",
		"response,label\n0,true\n1,false\n": "single responses",
	} {
		var prefs preference.Params = &preference.Counts{File: preference.File{Path: "f"}}
		if strings.HasPrefix(file, "response") {
			prefs = &preference.File{Path: "f"}
		}
		env, err := of("bradley-terry", []float64{0.5, 0.3, 0.2}, prefs, file).BuildEnvironment()
		if err == nil || !strings.HasPrefix(err.Error(), "environment.pi_star: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", file, env, err, want)
		}
	}
}

// A matrix of Bradley-Terry probabilities is the population with that pi_star, whatever the loss, solved or trained.
func TestMatrixOfBradleyTerry(t *testing.T) {
	losses := []objective.Params{&objective.DPO{Lambda: 0.3}, &objective.IPO{Lambda: 0.7}, &objective.ODPO{Lambda: 1, Alpha: 0.5, Scaling: "identity"},
		&objective.SimPO{Lambda: 2, Gamma: 0.3}, &objective.SPPO{Lambda: 1}, &objective.EXO{Lambda: 1, LabelSmoothing: 0.1}}
	rapid.Check(t, func(t *rapid.T) {
		star := make([]float64, 3)
		for i := range star {
			star[i] = rapid.Float64Range(-2, 2).Draw(t, "star")
		}
		logspace.LogSoftmax(star, star)
		logspace.Exp(star, star)
		ref, matrix := []float64{0.5, 0.3, 0.2}, make([][]float64, 3)
		for i := range matrix {
			for j := range matrix {
				matrix[i] = append(matrix[i], star[i]/(star[i]+star[j]))
			}
		}
		a, b := of("", ref, &preference.Population{}, ""), of("none", ref, &preference.Matrix{Matrix: matrix}, "")
		a.Environment.(*bandit.Declared).Prompts[0].PiStar = star
		a.Loss = losses[rapid.IntRange(0, len(losses)-1).Draw(t, "loss")]
		b.Loss = a.Loss
		var got [2][]float64
		for i, r := range []*Run{a, b} {
			s, err := New(r, Given{})
			if err != nil {
				t.Fatal(err)
			}
			solved, err := s.Solve(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if len(solved.Policy) > 0 {
				got[i] = append(got[i], solved.Policy[0]...)
			}
			s, _ = New(r, Given{})
			loop := s.Loop()
			if _, err := loop.Run(context.Background(), func(train.Record) {}); err != nil {
				t.Fatal(err)
			}
			trained := make([]float64, 3)
			s.LogPolicy(0, trained)
			got[i] = append(got[i], trained...)
		}
		if len(got[0]) != len(got[1]) {
			t.Fatalf("%T: %v and %v", a.Loss, got[0], got[1])
		}
		for i := range got[0] {
			if p, q := math.Exp(got[0][i]), math.Exp(got[1][i]); math.Abs(p-q) > 1e-12 {
				t.Errorf("%T: %v and %v", a.Loss, got[0], got[1])
			}
		}
	})
}

// The policy of every loss is renamed with the responses of a matrix without any order among them.
func TestMatrixPermuted(t *testing.T) {
	order := []int{2, 0, 1}
	p := [][]float64{{0.5, 0.9, 0.25}, {0.1, 0.5, 0.7}, {0.75, 0.3, 0.5}}
	ref, permuted, renamed := []float64{0.5, 0.3, 0.2}, make([]float64, 3), make([][]float64, 3)
	for i, at := range order {
		permuted[i] = ref[at]
		for _, j := range order {
			renamed[i] = append(renamed[i], p[at][j])
		}
	}
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 0.3}, &objective.IPO{Lambda: 0.7}} {
		var got [2][]float64
		for i, r := range []*Run{of("none", ref, &preference.Matrix{Matrix: p}, ""), of("none", permuted, &preference.Matrix{Matrix: renamed}, "")} {
			r.Loss = loss
			s, err := New(r, Given{})
			if err != nil {
				t.Fatal(err)
			}
			solved, err := s.Solve(context.Background())
			if err != nil || solved.Status != train.Converged {
				t.Fatal(err, solved)
			}
			got[i] = solved.Policy[0]
		}
		for i, at := range order {
			if math.Abs(got[1][i]-got[0][at]) > 1e-12 {
				t.Errorf("%T: %v and %v", loss, got[0], got[1])
			}
		}
	}
}
