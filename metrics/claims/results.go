package claims

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/toy/train"
)

// results is a results folder as claims see it.
type results struct {
	src  tables.Source
	runs *tables.Table
}

func open(src tables.Source) (*results, error) {
	runs, err := src.Table(tables.Runs)
	if err != nil {
		return nil, err
	}
	if err := need(runs, "", "run", "status"); err != nil {
		return nil, err
	}
	return &results{src, runs}, nil
}

// need reads the columns, in one pass where they lie in a file. The error names the first that the table lacks; key says
// who asks for it.
func need(t *tables.Table, key string, columns ...string) error {
	for _, column := range columns {
		if !t.Has(column) {
			if key != "" {
				key += ": "
			}
			return fmt.Errorf("%stable %s has no column %q", key, t.Name, column)
		}
	}
	return t.Load(columns...)
}

// choose returns the rows of runs that a selection names, at least one.
func (r *results) choose(key string, where tables.Where) ([]int, error) {
	for _, column := range slices.Sorted(maps.Keys(where)) {
		if err := need(r.runs, key, column); err != nil {
			return nil, err
		}
	}
	rows := where.Select(r.runs)
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: selects no run of %d", key, r.runs.Len())
	}
	return rows, nil
}

// name returns a run's name.
func (r *results) name(row int) string { return r.runs.Text(row, "run") }

// cells describes a row by some of its columns, "objective=dpo, seed=1".
func (r *results) cells(row int, columns []string) string {
	parts := make([]string, len(columns))
	for i, column := range columns {
		parts[i] = column + "=" + r.runs.Text(row, column)
	}
	return strings.Join(parts, ", ")
}

// same says whether two rows of runs hold the same values in the columns.
func (r *results) same(a, b int, columns []string) bool {
	for _, column := range columns {
		if !tables.SameCell(r.runs.Text(a, column), r.runs.Text(b, column)) {
			return false
		}
	}
	return true
}

// brokenRun is the error of a run that ended without the value asked of it, which is a verdict rather than a fault of
// the tables.
type brokenRun struct{ run, status, lacks string }

func (b *brokenRun) Error() string { return fmt.Sprintf("%s: %s, no %s", b.run, b.status, b.lacks) }

// missing returns the error for a run without a value.
func (r *results) missing(row int, lacks string) error {
	switch status := r.runs.Text(row, "status"); status {
	case string(train.Diverged), tables.Failed:
		return &brokenRun{r.name(row), status, lacks}
	default:
		return fmt.Errorf("run %s (%s) has no %s", r.name(row), status, lacks)
	}
}

// settle turns a broken run into the verdict that the claim does not hold.
func settle(result Result, err error) (Result, error) {
	var broken *brokenRun
	if errors.As(err, &broken) {
		return Result{Value: math.NaN(), Bound: math.NaN(), Detail: broken.Error()}, nil
	}
	return result, err
}

// worst keeps the verdict that decides a claim: the first of those that break it most, else of those nearest to it.
type worst struct {
	Result
	excess float64
	seen   bool
}

// see considers one verdict. excess is how far its value lies beyond its bound, negative inside.
func (w *worst) see(excess float64, one Result) {
	graver := excess > w.excess
	if one.Holds != w.Holds {
		graver = w.Holds
	}
	if !w.seen || graver {
		*w = worst{one, excess, true}
	}
}

// beyond returns a - b, 0 for equal infinities.
func beyond(a, b float64) float64 {
	if a == b {
		return 0
	}
	return a - b
}
