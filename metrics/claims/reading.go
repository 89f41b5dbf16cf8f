package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics/tables"
)

// reading is a metric of runs, by row of the table runs.
type reading struct {
	name string // "tv_star" or "kl_star_pi on good"
	of   func(row int) (float64, error)
}

// read returns a metric of runs, or of a prompt or group of prompts. key is the metric's dotted path in the claim and
// promptKey that of the prompt.
func (r *results) read(key, metric, promptKey, prompt string) (reading, error) {
	if prompt != "" {
		return r.readPrompt(key, metric, promptKey, prompt)
	}
	if err := need(r.runs, key, metric); err != nil {
		return reading{}, err
	}
	return reading{metric, func(row int) (float64, error) {
		v, err := number(r.runs, row, metric)
		if err == nil && math.IsNaN(v) {
			err = r.missing(row, metric)
		}
		return v, err
	}}, nil
}

func (r *results) readPrompt(key, metric, promptKey, prompt string) (reading, error) {
	prompts, err := r.src.Table(tables.Prompts)
	if err != nil {
		return reading{}, err
	}
	if err := need(prompts, key, "run", "prompt", metric); err != nil {
		return reading{}, err
	}
	names, err := promptsOf(prompts, promptKey, prompt)
	if err != nil {
		return reading{}, err
	}
	of := make(map[string][]float64)
	for row := range prompts.Len() {
		if !slices.Contains(names, prompts.Text(row, "prompt")) {
			continue
		}
		v, err := number(prompts, row, metric)
		if err != nil {
			return reading{}, err
		}
		run := prompts.Text(row, "run")
		of[run] = append(of[run], v)
	}
	name := metric + " on " + prompt
	return reading{name, func(row int) (float64, error) {
		mean := meanOf(of[r.name(row)])
		if math.IsNaN(mean) {
			return mean, r.missing(row, name)
		}
		return mean, nil
	}}, nil
}

// meanOf returns the mean, NaN of nothing.
func meanOf(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// number reads a cell: NaN where it is empty, an error where it is neither empty nor a number.
func number(t *tables.Table, row int, column string) (float64, error) {
	v, cell := t.Float(row, column), t.Text(row, column)
	if math.IsNaN(v) && cell != "" {
		return v, fmt.Errorf("table %s: %s of run %s is %q, not a number", t.Name, column, t.Text(row, "run"), cell)
	}
	return v, nil
}

// promptsOf returns the names that a prompt or group stands for in a table with a column prompt.
func promptsOf(t *tables.Table, key, prompt string) ([]string, error) {
	var all []string
	seen := make(map[string]bool)
	for row := range t.Len() {
		if name := t.Text(row, "prompt"); !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	names := tables.MatchPrompts(all, prompt)
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: table %s has no prompt %q; it has %s", key, t.Name, prompt, strings.Join(all, ", "))
	}
	return names, nil
}
