package bandit

import (
	"reflect"
	"testing"
)

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
