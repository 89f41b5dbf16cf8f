package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"windtunnel/experiments/spec"
)

// progress shows how far a config is: a bar on a terminal, a line now and then elsewhere.
type progress struct {
	name  string
	w     io.Writer
	quiet bool

	bar         *progressbar.ProgressBar // nil without a terminal
	runs, done  int
	cost, spent float64
	lastLine    time.Time
}

// lineEvery is how often a line is printed where there is no terminal.
const lineEvery = 5 * time.Second

// barScale turns shares of the cost into the whole numbers that the bar counts.
const barScale = 10_000

func newProgress(name string, w io.Writer, quiet bool) *progress {
	return &progress{name: name, w: w, quiet: quiet}
}

// Start announces the runs.
func (p *progress) Start(runs int, cost float64) {
	p.runs, p.cost, p.lastLine = runs, cost, time.Now()
	if p.quiet || !isTerminal(p.w) {
		return
	}
	p.bar = progressbar.NewOptions(barScale, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(p.name),
		progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(false))
}

// Done moves the bar, weighted by cost, or prints a line if the last one is old.
func (p *progress) Done(_ *spec.Run, cost float64) {
	p.done++
	p.spent += cost
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s %d/%d runs", p.name, p.done, p.runs))
		_ = p.bar.Set(int(barScale * p.spent / p.cost)) // what a bar cannot show is not worth stopping for
		return
	}
	if !p.quiet && time.Since(p.lastLine) >= lineEvery {
		p.lastLine = time.Now()
		fmt.Fprintf(p.w, "%s: %d of %d runs, %.0f %%\n", p.name, p.done, p.runs, 100*p.spent/p.cost)
	}
}

// finish removes the bar.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
