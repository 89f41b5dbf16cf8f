package spec

import (
	"strings"
	"testing"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/summaries"
)

// Settings decode strictly, over their defaults.
func TestSummarySettings(t *testing.T) {
	type config struct {
		Summary *summaries.Settings `yaml:"summary" doc:"how runs are summed up"`
	}
	d := decode.Decoder{File: "c.yaml", Tables: Tables()}
	read := func(text string, c *config) error {
		root, err := decode.Parse(d.File, []byte(text))
		if err != nil {
			return err
		}
		return d.Decode(root, "", c)
	}
	var c config
	if err := read("summary: {by: [objective], interval: bca, pairs: {baseline: dpo}}", &c); err != nil {
		t.Fatal(err)
	}
	if c.Summary.Interval != "bca" || c.Summary.Resamples != 2000 || c.Summary.Pairs != (summaries.Pairs{Column: "objective", Baseline: "dpo"}) {
		t.Errorf("%+v", c.Summary)
	}
	for text, want := range map[string]string{
		"summary: {interval: bootstrap}": "student-t",
		"summary: {resamples: 1}":        "[100,1e6]",
		"summary: {by: [lambda]}":        "summary.pairs.column: is objective, which by averages over",
	} {
		if err := read(text, new(config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
