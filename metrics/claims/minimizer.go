package claims

import (
	"errors"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/exact"
	"windtunnel/toy/train"
)

// Minimizer claims that the loss of every selected run has a minimizer of a kind: its value is that of the worst run, 0 where there
// is one finite minimizer, 1 where there are several, 2 where it lies on the boundary of the simplex, and 3 where there is none.
// Where the solver only has the best of what it found, or a point of rest, that is not decided, which is an error.
type Minimizer struct {
	Where tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Max   float64      `yaml:"max" range:"[0,3]" doc:"the worst that is allowed: 0 one finite minimizer, 1 several, 2 one on the boundary, 3 none"`
}

// gravity is the value of a status.
var gravity = map[string]float64{string(train.Converged): 0, string(exact.NotUnique): 1, string(exact.Boundary): 2, string(train.Diverged): 3}

func (m *Minimizer) Limit() (key string, limit float64, least bool) { return "max", m.Max, false }

func (m *Minimizer) Refs() tables.Refs { return tables.Refs{}.Where("where", tables.Runs, m.Where) }

// ErrUndecided is the error of a claim that what is known of the runs does not decide.
var ErrUndecided = errors.New("not decided")

// evaluate reads the table runs.
func (m *Minimizer) evaluate(r *results, w *worst) {
	rows := r.choose("where", m.Where)
	for _, row := range rows {
		status, reason := r.runs.Text(row, "status"), r.runs.Text(row, "reason")
		value, known := gravity[status]
		if !known {
			try.Fail("%w: %s is %s: %s", ErrUndecided, r.name(row), status, reason)
		}
		detail := r.name(row) + ": " + status
		if reason != "" {
			detail += ": " + reason
		}
		w.add(value-m.Max, Result{value <= m.Max, value, m.Max, detail})
	}
}
