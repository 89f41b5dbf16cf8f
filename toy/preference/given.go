package preference

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Given is implemented by preferences that are data, or say with what probability each response wins, and so need no pi_star.
type Given interface {
	Params
	// Wins returns by prompt what bandit.Prompt.Wins holds; nil where pi_star, or the rates among the comparisons, say it.
	Wins(in Input) ([][]float64, error)
}

// GivenBy returns the preferences that say who wins: p itself, or what it draws from; nil where that is the environment's pi_star.
func GivenBy(p Params) Given {
	switch p := p.(type) {
	case *Sample:
		return GivenBy(p.Of)
	case *Online:
		return GivenBy(p.Of)
	case Given:
		return p
	}
	return nil
}

// pathOf is the path of the file that preferences are read from, "" without one.
func pathOf(of Params) string {
	if of == nil {
		return ""
	}
	return of.FilePath()
}

// filesOf names that file.
func filesOf(of Params) []registry.File {
	if path := pathOf(of); path != "" {
		return []registry.File{{Key: "of.path", Path: path}}
	}
	return nil
}

// checkOf refuses to draw from what is no Given.
func checkOf(of Params) []registry.Problem {
	if _, given := of.(Given); of != nil && !given {
		return []registry.Problem{{Key: "of", Wrong: "is drawn itself, or of pi_star", Allowed: "of the kind counts, file or matrix"}}
	}
	return nil
}

// Describe returns the environment as preferences that are given make it, with their comparisons: with their win rates, and where
// pi_star is not known with the rates among the comparisons, or with the Bradley-Terry fit to them. The error says what the
// preferences or the fit lack, as FILE:LINE: or KEY: what is wrong; what is allowed. Of others, and of pairs where pi_star is
// known, the environment stays.
func Describe(p Params, in Input) (*bandit.Env, *Pairs, error) {
	given, known := GivenBy(p), in.Env.HasStar()
	if given == nil {
		if !known {
			return nil, nil, errors.New("preferences: need a pi_star, which the environment has not; give it, or preferences of the kind counts, file or " +
				"matrix, from which sample and online draw by of")
		}
		return in.Env, nil, nil
	}
	if _, pairs := given.(*File); pairs && known {
		return in.Env, nil, nil
	}
	if Params(given) != p {
		in.Key = "of."
	}
	env := *in.Env
	env.Prompts, env.Fit, env.Pairwise = slices.Clone(env.Prompts), false, true
	wins, err := given.Wins(in)
	if err != nil {
		return nil, nil, err
	}
	pairs, err := given.Build(in)
	if err != nil {
		return nil, nil, err
	}
	if !known {
		if pairs.Unpaired() && in.Env.Fit {
			return nil, nil, errors.New("environment.pi_star: single responses with labels have no Bradley-Terry fit; none")
		}
		for _, x := range env.Training() {
			won := pairs.won(x, env.Responses())
			switch {
			case in.Env.Fit:
				err = fit(&env.Prompts[x], won)
			case wins == nil:
				env.Prompts[x].Wins = rates(won, env.Responses())
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	for x := range wins {
		env.Prompts[x].Wins = wins[x]
	}
	return &env, pairs, drawable(p, &env)
}

// drawable says what preferences that draw cannot draw by.
func drawable(p Params, env *bandit.Env) error {
	var labels bool
	switch p := p.(type) {
	case *Sample:
		_, labels = p.Of.(*Matrix)
		if p.Sampling == "pi_star" && !env.HasStar() {
			return errors.New("preferences.sampling: is pi_star, and there is none; uniform or pi_ref")
		}
	case *Online:
		labels = true
		if _, gold := p.Proxy.(*Gold); !gold && env.Prompts[0].Wins != nil {
			return errors.New("preferences.proxy: is a reward, and labels follow win rates; gold")
		}
	}
	for i := range env.Prompts {
		if x := &env.Prompts[i]; labels && slices.ContainsFunc(x.Wins, math.IsNaN) {
			return fmt.Errorf("preferences.of: has responses of prompt %s that were never compared, between which no label can be drawn; comparisons of all, or pi_star: bradley-terry", x.Name)
		}
	}
	return nil
}

// won adds up the weights of a prompt's comparisons of two responses, K x K row by row.
func (p *Pairs) won(prompt, k int) []float64 {
	sum := make([]float64, k*k)
	for i, x := range p.Prompt {
		if x == prompt && !p.Unpaired() {
			sum[p.Chosen[i]*k+p.Rejected[i]] += p.WeightOf(i)
		}
	}
	return sum
}

// rates turns weights of wins into the shares in which each of two responses won, NaN where they were never compared.
func rates(won []float64, k int) []float64 {
	rate := make([]float64, k*k)
	for i := range k {
		for j := range k {
			rate[i*k+j] = 0.5
			if i != j {
				rate[i*k+j] = won[i*k+j] / (won[i*k+j] + won[j*k+i])
			}
		}
	}
	return rate
}

// mostFitted bounds the iterations of the fit. Strengths far apart take about one a nat.
const mostFitted = 2000

// fit gives a prompt the pi_star whose Bradley-Terry probabilities make its comparisons most likely, given the weights of wins. It
// exists and is the only one just where no group of responses never lost to the others (Ford 1957); else the error names one.
func fit(x *bandit.Prompt, won []float64) error {
	k := len(x.LogRef)
	if group := neverLost(won, k); group != nil {
		var names []string
		for _, i := range group[:min(len(group), 10)] {
			names = append(names, x.Label(i))
		}
		return fmt.Errorf("environment.pi_star: the comparisons of prompt %s have no Bradley-Terry fit, since %s never lost to another response (%d of %d); "+
			"none, or comparisons that each group of responses loses some of", x.Name, strings.Join(names, ", "), len(group), k)
	}
	strength, next := make([]float64, k), make([]float64, k)
	slope, step := mat.NewVecDense(k-1, nil), mat.NewVecDense(k-1, nil)
	for range mostFitted {
		// Newton's method, the last strength held at 0. A slope is the difference of what both sides are short of, without cancellation.
		slope.Zero()
		curve := mat.NewSymDense(k-1, nil)
		for i := range k - 1 {
			for j := range k {
				up, down := logspace.Sigmoid(strength[j]-strength[i]), logspace.Sigmoid(strength[i]-strength[j])
				c := (won[i*k+j] + won[j*k+i]) * up * down
				slope.SetVec(i, slope.AtVec(i)+won[i*k+j]*up-won[j*k+i]*down)
				curve.SetSym(i, i, curve.At(i, i)+c)
				if j < i {
					curve.SetSym(i, j, -c)
				}
			}
		}
		var factor mat.Cholesky
		var condition mat.Condition
		if !factor.Factorize(curve) {
			break
		}
		if err := factor.SolveVecTo(step, slope); err != nil && !errors.As(err, &condition) {
			break
		}
		most := mat.Norm(step, math.Inf(1))
		for scale, here := 1.0, loss(won, strength); ; scale /= 2 {
			for i := range k - 1 {
				next[i] = strength[i] + scale*step.AtVec(i)
			}
			if most < 1e-6 || loss(won, next) <= here || scale < 1e-9 {
				break
			}
		}
		copy(strength, next)
		if most < 1e-9 { // of a quadratic convergence
			x.LogStar, x.PiStar = make([]float64, k), make([]float64, k)
			logspace.Softmax(x.LogStar, x.PiStar, strength)
			return nil
		}
	}
	return fmt.Errorf("environment.pi_star: the Bradley-Terry fit to the comparisons of prompt %s was not found in numbers of this size; none", x.Name)
}

// loss is the negative log-likelihood of strengths.
func loss(won, strength []float64) (sum float64) {
	k := len(strength)
	for i, w := range won {
		if w > 0 {
			sum -= w * logspace.LogSigmoid(strength[i/k]-strength[i%k])
		}
	}
	return sum
}

// neverLost returns a group of responses, not all, that never lost to one outside of it; nil where there is none.
func neverLost(won []float64, k int) []int {
	reached := func(beat func(j, member int) bool) (in []bool, all bool) {
		in = make([]bool, k)
		in[0] = true
		group := []int{0}
		for n := 0; n < len(group); n++ {
			for j := range k {
				if !in[j] && beat(j, group[n]) {
					in[j], group = true, append(group, j)
				}
			}
		}
		return in, len(group) == k
	}
	winners, all := reached(func(j, member int) bool { return won[j*k+member] > 0 })
	losers, none := reached(func(j, member int) bool { return won[member*k+j] > 0 })
	var group []int
	for i := range k {
		if !all && winners[i] || all && !none && !losers[i] {
			group = append(group, i)
		}
	}
	return group
}
