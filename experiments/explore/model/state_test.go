package model

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseState(t *testing.T) {
	for _, test := range []struct {
		fragment string
		field    string // of the first problem; "" for none
		message  string
	}{
		{"", "", ""},
		{"lambda=0.5&a=ipo", "", ""},
		{"star=0.2,0.3,0.5&ref=0.1,0.1,0.8&n=20&seed=4&l2=0.1&kl=0&basis=1,0,-1&lr=0.1&steps=10&a=dpo&b=f-dpo&b.divergence=js", "", ""},
		{"lambda=-1", "lambda", "want a number in [1e-100,1e100]"},
		{"lambda=NaN", "lambda", `is "NaN"`},
		{"lambda=1&lambda=2", "lambda", "has 2 values"},
		{"n=1.5", "n", "want a whole number in [0,1000]"},
		{"n=1001", "n", "want a whole number in [0,1000]"},
		{"steps=0", "steps", "[1,2000]"},
		{"star=0.5,0.3,0.2000009", "", ""},
		{"ref=0.5,0.3,0.1999989", "ref", "sums to 0.9999989; want probabilities that sum to 1"},
		{"star=0.5,0.5", "star", "has 2 values; want 3 numbers"},
		{"star=1,0,0", "star", `is "1,0,0"`},
		{"b=dpo", "b", "is given without a"},
		{"b.x=1", "b.x", "is not a key"},
		{"lamda=1", "lamda", "is not a key; want star, ref, lambda"},
		{"%zz", "fragment", "cannot be read"},
		{strings.Repeat("x", mostFragment), strings.Repeat("x", mostFragment), "is not a key"},
		{strings.Repeat("x", mostFragment+1), "fragment", "want at most"},
	} {
		_, problems := ParseState(test.fragment)
		switch {
		case len(problems) == 0 && test.field != "":
			t.Errorf("%.40q: no problem, want one of %s", test.fragment, test.field)
		case len(problems) > 0 && (problems[0].Field != test.field || !strings.Contains(problems[0].Message, test.message)):
			t.Errorf("%.40q: %+v, want %s: %s", test.fragment, problems[0], test.field, test.message)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		change func(*State)
		field  string
	}{
		{func(s *State) { s.Star = []float64{0.5, 0.4, 0.2} }, "star"},
		{func(s *State) { s.Ref = []float64{0.5, 0.5} }, "ref"},
		{func(s *State) { s.Basis = []float64{2, 2, 2} }, "basis"},
		{func(s *State) { s.Lambda = 0 }, "lambda"},
	} {
		s := Default()
		test.change(&s)
		if _, problems := ParseState(s.Fragment()); len(problems) != 1 || problems[0].Field != test.field {
			t.Errorf("%+v, want one problem of %s", problems, test.field)
		}
	}
}

// What is written is read back as it was.
func TestFragmentRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Default()
		s.Star, s.Ref = drawPolicy(t, "star"), drawPolicy(t, "ref")
		s.Lambda = rapid.Float64Range(1e-100, 1e100).Draw(t, "lambda")
		s.Draws, s.Seed = rapid.IntRange(0, mostDraws).Draw(t, "n"), rapid.IntRange(0, 1e15).Draw(t, "seed")
		s.L2, s.KLRadius = rapid.Float64Range(0, 1e12).Draw(t, "l2"), rapid.Float64Range(0, 1e6).Draw(t, "kl")
		if rapid.Bool().Draw(t, "limited") {
			s.Basis = []float64{rapid.Float64Range(-1e6, 1e6).Draw(t, "v"), 0, 1}
		}
		s.Losses = nil
		for range rapid.IntRange(1, 2).Draw(t, "losses") {
			l := Loss{Kind: rapid.String().Draw(t, "kind")}
			if rapid.Bool().Draw(t, "param") {
				l.Params = []Param{{rapid.String().Draw(t, "key"), rapid.String().Draw(t, "value")}}
			}
			s.Losses = append(s.Losses, l)
		}
		back, problems := ParseState(s.Fragment())
		if len(problems) > 0 || !reflect.DeepEqual(back, s) {
			t.Fatalf("%q is read as %+v, %v; want %+v", s.Fragment(), back, problems, s)
		}
	})
}

// Whatever a fragment holds, it is read or refused, and what it is read as is a fixed point.
func FuzzParseState(f *testing.F) {
	for _, seed := range []string{"", Default().Fragment(), "a=custom&a.pair=softplus(-u)", "star=,,&n=1e3", "b=x&a.=%00", "a.b.c=1&a=&&;", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, fragment string) {
		s, problems := ParseState(fragment)
		if len(problems) > 0 {
			return
		}
		again, problems := ParseState(s.Fragment())
		if len(problems) > 0 || again.Fragment() != s.Fragment() {
			t.Errorf("%q is written as %q, which is read as %q, %v", fragment, s.Fragment(), again.Fragment(), problems)
		}
		for i, l := range s.Losses {
			l.decode(sides[i], s.Lambda)
		}
	})
}
