package bandit

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"windtunnel/toy/registry"
)

func TestDeclaredBuild(t *testing.T) {
	d := &Declared{Prompts: []DeclaredPrompt{
		{Name: "good", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.6, 0.3, 0.1}},
		{Name: "bad", PiStar: []float64{0.6, 0.2, 0.2}, PiRef: []float64{0.4, 0.2, 0.4}, InitLogits: []float64{1, 2, 3},
			Features: []float64{}},
	}}
	env, err := d.Build(nil)
	if err != nil || registry.Random(d) {
		t.Fatalf("error %v, random %v", err, registry.Random(d))
	}
	if len(env.Prompts) != 2 || env.Responses() != 3 {
		t.Fatalf("%d prompts, %d responses", len(env.Prompts), env.Responses())
	}
	good, bad := env.Prompts[0], env.Prompts[1]
	if good.Name != "good" || bad.Name != "bad" {
		t.Errorf("names %q and %q", good.Name, bad.Name)
	}
	for _, tt := range []struct {
		what      string
		got, want []float64
	}{
		{"pi_star", bad.PiStar, []float64{0.6, 0.2, 0.2}},
		{"log pi_star", bad.LogStar, []float64{math.Log(0.6), math.Log(0.2), math.Log(0.2)}},
		{"log pi_ref", bad.LogRef, []float64{math.Log(0.4), math.Log(0.2), math.Log(0.4)}},
		{"starting logits by default", good.Init, good.LogRef},
		{"starting logits", bad.Init, []float64{1, 2, 3}},
		{"features by default", good.Features, []float64{1, 0}},
		{"features of an empty list", bad.Features, []float64{0, 1}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	// The frozen reference is softmax(1,2,3), not the declared pi_ref.
	want := []float64{0.09003057317038046, 0.24472847105479767, 0.6652409557748219}
	for k, v := range bad.LogReference() {
		if math.Abs(math.Exp(v)-want[k]) > 1e-15 {
			t.Errorf("reference of response %d: %v, want %v", k, math.Exp(v), want[k])
		}
	}
	// 0.6 against 0.2: three wins in four.
	if p := env.Preference(1, 0, 1); math.Abs(p-0.75) > 1e-15 {
		t.Errorf("p_star(0 > 1) = %v, want 0.75", p)
	}
}

func TestFeaturesAreKept(t *testing.T) {
	env, _ := (&Declared{Prompts: []DeclaredPrompt{{Name: "x", PiStar: []float64{0.5, 0.5}, PiRef: []float64{0.5, 0.5},
		Features: []float64{2, -1, 7}}}}).Build(nil)
	if got := env.Prompts[0].Features; !slices.Equal(got, []float64{2, -1, 7}) {
		t.Errorf("features %v", got)
	}
}

func TestNewPromptCopies(t *testing.T) {
	star, ref, init, features := []float64{0.5, 0.5}, []float64{0.5, 0.5}, []float64{1, 2}, []float64{3}
	p := NewPrompt("x", star, ref, init, features)
	q := NewPrompt("x", star, ref, nil, features)
	for _, x := range [][]float64{star, ref, init, features} {
		x[0] = 99
	}
	if p.PiStar[0] != 0.5 || p.PiRef[0] != 0.5 || p.Init[0] != 1 || p.Features[0] != 3 {
		t.Errorf("the prompt changed with its arguments: %+v", p)
	}
	q.Init[0] = 99
	if q.LogRef[0] != math.Log(0.5) {
		t.Error("the starting logits share memory with log pi_ref")
	}
}

// TestNewPromptNormalizes: probabilities that miss 1 by up to the tolerance are scaled; sums that are 1 up to rounding are not, so
// that pi_star = (0.6, 0.3, 0.1) has exactly the logarithms of these numbers.
func TestNewPromptNormalizes(t *testing.T) {
	p := NewPrompt("x", []float64{0.5, 0.500001}, []float64{0.6, 0.3, 0.1}, nil, nil)
	if sum := math.Exp(p.LogStar[0]) + math.Exp(p.LogStar[1]); math.Abs(sum-1) > 1e-15 {
		t.Errorf("pi_star sums to %v", sum)
	}
	if p.LogRef[0] != math.Log(0.6) || p.LogRef[2] != math.Log(0.1) {
		t.Errorf("log pi_ref %v", p.LogRef)
	}
}

func TestDeclaredCheck(t *testing.T) {
	half, third := []float64{0.5, 0.5}, []float64{0.5, 0.25, 0.25}
	ok := DeclaredPrompt{Name: "x", PiStar: half, PiRef: half}
	const everywhere = "one entry a response, the same number everywhere"
	for _, tt := range []struct {
		name    string
		prompts []DeclaredPrompt
		want    []registry.Problem
	}{
		{"fine", []DeclaredPrompt{ok}, nil},
		{"no prompts", nil, []registry.Problem{{Key: "prompts", Wrong: "no prompts", Allowed: "at least one prompt"}}},
		{"sums", []DeclaredPrompt{{Name: "x", PiStar: []float64{0.5, 0.4}, PiRef: []float64{0.5, 0.500002}}}, []registry.Problem{
			{Key: "prompts.0.pi_star", Wrong: "sums to 0.9", Allowed: "probabilities that sum to 1"},
			{Key: "prompts.0.pi_ref", Wrong: "sums to 1.000002", Allowed: "probabilities that sum to 1"}}},
		{"within tolerance", []DeclaredPrompt{{Name: "x", PiStar: half, PiRef: []float64{0.5, 0.4999995}}}, nil},
		{"lengths in a prompt", []DeclaredPrompt{{Name: "x", PiStar: half, PiRef: third, InitLogits: []float64{1}}}, []registry.Problem{
			{Key: "prompts.0.pi_ref", Wrong: "3 entries, pi_star has 2", Allowed: everywhere},
			{Key: "prompts.0.init_logits", Wrong: "1 entries, pi_star has 2", Allowed: everywhere}}},
		{"lengths across prompts", []DeclaredPrompt{ok, {Name: "y", PiStar: third, PiRef: third}}, []registry.Problem{
			{Key: "prompts.1.pi_star", Wrong: "3 entries, the first prompt has 2", Allowed: everywhere}}},
		{"one response", []DeclaredPrompt{{Name: "x", PiStar: []float64{1}, PiRef: []float64{1}}}, []registry.Problem{
			{Key: "prompts.0.pi_star", Wrong: "1 responses", Allowed: "at least 2 responses"}}},
		{"names", []DeclaredPrompt{ok, ok}, []registry.Problem{
			{Key: "prompts.1.name", Wrong: `a second prompt named "x"`, Allowed: "a name of its own for every prompt"}}},
		{"features", []DeclaredPrompt{{Name: "x", PiStar: half, PiRef: half, Features: []float64{1, 2}}, {Name: "y", PiStar: half, PiRef: half}},
			[]registry.Problem{{Key: "prompts.1.features", Wrong: "0 features, the first prompt has 2",
				Allowed: "the same number for every prompt"}}},
	} {
		if got := (&Declared{Prompts: tt.prompts}).Check(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: problems\n%+v\nwant\n%+v", tt.name, got, tt.want)
		}
	}
}

func TestPreferenceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 6).Draw(t, "K")
		star := rapid.SliceOfN(rapid.Float64Range(1e-6, 1), k, k).Draw(t, "star")
		floats.Scale(1/floats.Sum(star), star)
		env := &Env{Prompts: []Prompt{NewPrompt("x", star, star, nil, nil)}}
		for i := range k {
			for j := range k {
				p := env.Preference(0, i, j)
				if sum := p + env.Preference(0, j, i); math.Abs(sum-1) > 1e-15 {
					t.Errorf("p(%d > %d) and its converse sum to %v", i, j, sum)
				}
				if want := star[i] / (star[i] + star[j]); math.Abs(p-want) > 1e-14 {
					t.Errorf("p(%d > %d) = %v, want %v", i, j, p, want)
				}
			}
		}
	})
}

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		name     string
		prompts  []Prompt
		training []int
		want     []Group
	}{
		{"none", []Prompt{{}, {}}, []int{0, 1}, nil},
		{"kinds", []Prompt{{Group: "bad"}, {Group: "good"}, {Group: "bad"}}, []int{0, 1, 2}, []Group{{"bad", []int{0, 2}}, {"good", []int{1}}}},
		{"held out", []Prompt{{}, {HeldOut: true}, {}}, []int{0, 2}, []Group{{"train", []int{0, 2}}, {"heldout", []int{1}}}},
		{"both", []Prompt{{Group: "good"}, {Group: "good", HeldOut: true}}, []int{0},
			[]Group{{"good", []int{0}}, {"heldout-good", []int{1}}}},
	} {
		env := &Env{Prompts: tt.prompts}
		if got := env.Training(); !reflect.DeepEqual(got, tt.training) {
			t.Errorf("%s: training prompts %v, want %v", tt.name, got, tt.training)
		}
		if got := env.Groups(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: groups %v, want %v", tt.name, got, tt.want)
		}
	}
}
