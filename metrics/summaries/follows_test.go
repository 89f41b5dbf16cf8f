package summaries_test

import (
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/summaries"
)

// Keys that follow from the compared column, as those of a list of named settings, keep nothing apart and are no columns
// of paired; keys that vary by themselves do and are.
func TestFollowing(t *testing.T) {
	src := runs(t, `run optimizer lr lambda seed status kl
a1 adam - 1 1 done 1
a2 adam - 1 2 done 2
b1 sgd 0.5 1 1 done 2
b2 sgd 0.5 1 2 done 4
c1 sgd 0.5 2 1 done 3
c2 sgd 0.5 2 2 done 3`)
	set := defaults(func(s *summaries.Settings) { s.Pairs.Column, s.Metrics = "optimizer", []string{"kl"} })
	_, paired, warnings, err := summarize(src, set)
	if err != nil {
		t.Fatal(err)
	}
	if paired.Has("lr") || !paired.Has("lambda") || paired.Len() != 1 {
		t.Fatalf("columns %v, %d rows; want one row at lambda 1, without lr", paired.Header, paired.Len())
	}
	if paired.Text(0, "lambda") != "1" || paired.Text(0, "left") != "adam" || paired.Text(0, "right") != "sgd" || paired.Float(0, "mean_difference") != -1.5 {
		t.Errorf("%v", rowsOf(paired))
	}
	if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "no other optimizer") }) {
		t.Errorf("warnings %q say nothing of lambda 2", warnings)
	}
}

// Where everything keeps the compared groups apart, a warning says that nothing is compared.
func TestNothingPaired(t *testing.T) {
	src := runs(t, `run objective lambda seed status kl
a1 dpo 1 1 done 1
a2 dpo 2 1 done 1
b1 ipo 3 1 done 2
b2 ipo 4 1 done 2`)
	_, paired, warnings, err := summarize(src, defaults(func(s *summaries.Settings) { s.Metrics = []string{"kl"} }))
	if err != nil || paired != nil && paired.Len() != 0 {
		t.Fatalf("%v, %v", err, paired)
	}
	if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "nothing is compared") }) {
		t.Errorf("warnings %q", warnings)
	}
}

// A parameter called like a column of the summary has its long name there.
func TestTakenName(t *testing.T) {
	src := runs(t, `run objective n seed status kl
a1 best-of-n 2 1 done 1
a2 best-of-n 4 1 done 2`)
	summary, _, _, err := summarize(src, defaults(func(s *summaries.Settings) { s.Metrics = []string{"kl"} }))
	if err != nil {
		t.Fatal(err)
	}
	if summary.Text(1, "objective.n") != "4" || summary.Text(1, "n") != "1" {
		t.Errorf("%v: %v", summary.Header, rowsOf(summary))
	}
}
