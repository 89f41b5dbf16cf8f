package summaries_test

import (
	"fmt"
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

// A setting that never varies follows from nothing, and with a single loss there is nothing to say of pairs.
func TestConstantSetting(t *testing.T) {
	set := defaults(func(s *summaries.Settings) { s.Metrics = []string{"kl"} })
	_, paired, warnings, err := summarize(runs(t, "run objective lambda seed status kl\na1 dpo 1 1 done 1\na2 dpo 1 2 done 2\nb1 ipo 1 1 done 2\nb2 ipo 1 2 done 4"), set)
	if err != nil || len(warnings) > 0 || !paired.Has("lambda") || paired.Len() != 1 || paired.Text(0, "lambda") != "1" {
		t.Errorf("%v, warnings %q, %v", err, warnings, paired)
	}
	_, paired, warnings, err = summarize(runs(t, "run objective lambda seed status kl\na1 dpo 1 1 done 1\na2 dpo 1 2 done 2\nb1 dpo 2 1 done 2\nb2 dpo 2 2 done 4"), set)
	if err != nil || len(warnings) > 0 || paired != nil {
		t.Errorf("of one loss: %v, warnings %q, %v", err, warnings, paired)
	}
}

// The same of several groups is told once, of the first, with how many more there are.
func TestWarningsAlike(t *testing.T) {
	set := defaults(func(s *summaries.Settings) { s.Metrics, s.Pairs.Column = []string{"kl"}, "" })
	for table, more := range map[string]string{"a dpo 1 done 1": "", "a dpo 1 done 1\nb ipo 1 done 2": " (and 1 more like it)", "a dpo 1 done 1\nb ipo 1 done 2\nc kto 1 done 3": " (and 2 more like it)"} {
		_, _, warnings, err := summarize(runs(t, "run objective seed status kl\n"+table), set)
		if want := "objective=dpo, kl: summary: an interval needs at least 2 values, there is 1" + more; err != nil || !slices.Equal(warnings, []string{want}) {
			t.Errorf("%v, warnings %q, want %q", err, warnings, want)
		}
	}
}

// A warning names three values, and twelve kinds of warnings are told.
func TestManyWarnings(t *testing.T) {
	for values, want := range map[int]string{3: "differ in lambda (0, 1, 2) in", 4: "differ in lambda (0, 1, 2, ...) in"} {
		table := "run objective lambda seed status kl\n"
		for i := range values {
			table += fmt.Sprintf("a%d dpo %d 1 done 1\n", i, i)
		}
		g, err := summaries.Open(runs(t, table), defaults(func(s *summaries.Settings) { s.By = []string{"objective"} }))
		if err != nil || len(g.Warnings()) != 1 || !strings.Contains(g.Warnings()[0], want) {
			t.Errorf("%d values: %v, %q, want %q", values, err, g.Warnings(), want)
		}
	}
	for kinds, last := range map[int]string{12: "name c11 in by to keep them apart", 13: "... and 1 more kinds of warnings"} {
		header, one, two := "run objective", "a dpo", "b dpo"
		for i := range kinds {
			header, one, two = fmt.Sprintf("%s c%d", header, i), one+" 1", two+" 2"
		}
		g, err := summaries.Open(runs(t, header+" seed status kl\n"+one+" 1 done 1\n"+two+" 1 done 2"), defaults(func(s *summaries.Settings) { s.By = []string{"objective"} }))
		if err != nil {
			t.Fatal(err)
		}
		if w := g.Warnings(); len(w) != kinds || !strings.HasSuffix(w[kinds-1], last) {
			t.Errorf("%d kinds: %q", kinds, w)
		}
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
	if len(warnings) == 0 || warnings[len(warnings)-1] != "paired: no two settings differ in objective alone, so that nothing is compared" {
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
