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

// Runs are summed up by themselves where some setting has several seeds; seeds of one setting each are no sample.
func TestSummaryBySeeds(t *testing.T) {
	for sweep, want := range map[string]bool{"seeds: 2": true, "sweep: {lambda: [0.1, 1]}": false, "sweep: {seed: [1, 2], lambda: [0.1, 1]}": true,
		"sweep: [{list: [{name: a, seed: 1, lambda: 0.1}, {name: b, seed: 2, lambda: 1}]}]": false,
		"sweep: [{list: [{seed: 1, lambda: 0.1}, {seed: 2, lambda: 0.1}]}]":                 true} {
		c := loaded(t, small+"objectives: [dpo]\n"+sweep+"\n")
		if got := c.SummarySettings() != nil; got != want {
			t.Errorf("%s: summed up %v, want %v", sweep, got, want)
		}
	}
}

// How runs are summed up and losses are compared may be said by an alias too.
func TestSummaryByAlias(t *testing.T) {
	for _, text := range []string{"summary: {by: [objective, NAME]}", "summary: {by: [objective, NAME], pairs: {column: NAME, baseline: '1'}}", "compare: {select: {by: NAME, metric: tv_star, seeds: [0]}}"} {
		var said [2]string
		for i, name := range []string{"lambda", "beta"} {
			c := loaded(t, small+"objectives: [dpo, ipo]\nseeds: 2\nsweep: {lambda: [0.1, 1]}\n"+strings.ReplaceAll(text, "NAME", name)+"\n")
			said[i] = decode.Text(decode.Encode(c.Experiment, Tables()))
		}
		if said[0] != said[1] || !strings.Contains(said[0], "lambda") {
			t.Errorf("%s: with beta\n%s\nwith lambda\n%s", text, said[1], said[0])
		}
	}
}
