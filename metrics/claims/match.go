package claims

import (
	"fmt"

	"windtunnel/metrics/tables"
)

// pair is two matched rows of runs.
type pair struct{ left, right int }

// side is one of two selections to be matched.
type side struct {
	key   string
	where tables.Where
}

// pairs selects two sides and matches every run of the left one with the only run of the right one that has the same
// values in the match columns. None or several is an error; without columns the right side is one run.
func (r *results) pairs(left, right side, match []string) ([]pair, error) {
	if err := need(r.runs, "match", match...); err != nil {
		return nil, err
	}
	lefts, err := r.choose(left.key, left.where)
	if err != nil {
		return nil, err
	}
	rights, err := r.choose(right.key, right.where)
	if err != nil {
		return nil, err
	}
	matched := make([]pair, len(lefts))
	for i, l := range lefts {
		found := -1
		for _, c := range rights {
			if !r.same(l, c, match) {
				continue
			}
			if found >= 0 {
				return nil, fmt.Errorf("match: %s has several counterparts in %s: %s and %s; match on a column that tells them apart",
					r.name(l), right.key, r.name(found), r.name(c))
			}
			found = c
		}
		if found < 0 {
			return nil, fmt.Errorf("match: %s has no counterpart in %s with %s", r.name(l), right.key, r.cells(l, match))
		}
		matched[i] = pair{l, found}
	}
	return matched, nil
}
