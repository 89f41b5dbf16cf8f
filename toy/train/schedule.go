package train

import (
	"math"

	"windtunnel/toy/registry"
)

// ScheduleParams are the parameters of one kind of learning-rate schedule.
type ScheduleParams interface {
	// Factor returns what multiplies the learning rate at a step, counted from 0, out of total, in [0, 1].
	Factor(step, total int) float64
}

// Warmup is the linear rise that every schedule may begin with, as Hugging Face's schedules have it: factor step/n
// during the first n steps.
type Warmup struct {
	Steps int `yaml:"warmup" range:"[0,1e12]" doc:"steps of linear rise from 0"`
}

// progress returns the factor during warm-up with rising true, else how much of the rest has passed, in [0, 1].
func (w Warmup) progress(step, total int) (v float64, rising bool) {
	if step < w.Steps {
		return float64(step) / float64(w.Steps), true
	}
	return float64(step-w.Steps) / float64(max(1, total-w.Steps)), false
}

// Constant keeps the learning rate after the warm-up.
type Constant struct {
	Warmup `yaml:",inline"`
}

func (c *Constant) Factor(step, total int) float64 {
	if v, rising := c.progress(step, total); rising {
		return v
	}
	return 1
}

// Linear lets the learning rate fall on a line after the warm-up.
type Linear struct {
	Warmup `yaml:",inline"`
	End    float64 `yaml:"end" range:"[0,1]" doc:"factor after the last step"`
}

func (l *Linear) Factor(step, total int) float64 {
	v, rising := l.progress(step, total)
	if rising {
		return v
	}
	return 1 + (l.End-1)*v
}

// Cosine lets the learning rate fall on half a cosine after the warm-up (Loshchilov and Hutter, arXiv 1608.03983).
type Cosine struct {
	Warmup `yaml:",inline"`
	End    float64 `yaml:"end" range:"[0,1]" doc:"factor after the last step"`
}

func (c *Cosine) Factor(step, total int) float64 {
	v, rising := c.progress(step, total)
	if rising {
		return v
	}
	return c.End + (1-c.End)*(1+math.Cos(math.Pi*v))/2
}

// Schedules lists every learning-rate schedule, sorted by name.
func Schedules() registry.Table[ScheduleParams] {
	return registry.Table[ScheduleParams]{
		{Name: "constant", Summary: "the learning rate as it is, after an optional warm-up", Source: "this project",
			New: func() ScheduleParams { return &Constant{} }},
		{Name: "cosine", Summary: "half a cosine from the learning rate to end times it, after an optional warm-up",
			Source: "Loshchilov and Hutter 2016, arXiv 1608.03983, eq. 5",
			New:    func() ScheduleParams { return &Cosine{} }},
		{Name: "linear", Summary: "a line from the learning rate to end times it, after an optional warm-up",
			Source: "this project", New: func() ScheduleParams { return &Linear{} }},
	}
}
