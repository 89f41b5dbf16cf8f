package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"windtunnel/experiments/engine"
)

// watch shows how far the runs of a config are: a bar on a terminal, a line now and then elsewhere.
type watch struct {
	name string
	w    io.Writer
	now  func() engine.Count
	bar  *progressbar.ProgressBar // nil without a terminal

	end   chan struct{}
	shown sync.WaitGroup
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second // where there is no terminal
)

// barScale turns shares of the cost into the whole numbers that the bar counts.
const barScale = 10_000

// newWatch begins to show a count, as it is at each moment, until stop is called.
func newWatch(name string, w io.Writer, now func() engine.Count) *watch {
	p := &watch{name: name, w: w, now: now, end: make(chan struct{})}
	every := lineEvery
	if isTerminal(w) {
		every = barEvery
		p.bar = progressbar.NewOptions(barScale, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(name),
			progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	}
	p.shown.Go(func() {
		for {
			select {
			case <-time.After(every):
				p.show()
			case <-p.end:
				return
			}
		}
	})
	return p
}

// show draws the bar, weighted by cost, or prints a line.
func (p *watch) show() {
	c := p.now()
	if c.Runs == 0 {
		return // the work has not begun
	}
	if p.bar == nil {
		fmt.Fprintf(p.w, "%s: %s\n", p.name, standing(&c))
		return
	}
	p.bar.Describe(p.name + " " + standing(&c))
	_ = p.bar.Set(int(barScale * c.Share())) // what a bar cannot show is not worth stopping for
}

// standing says how far the runs are: "120 of 300 runs (40 cached, 1 failed), 52.1 runs/s, 3 s left".
func standing(c *engine.Count) string {
	text := fmt.Sprintf("%d of %d runs%s, %.0f %%", c.Done+c.Cached, c.Runs, noted([]int{c.Cached, c.Failed}, "cached", "failed"), 100*c.Share())
	if c.Done > 0 && c.Time > 0 {
		text += fmt.Sprintf(", %.3g runs/s, %s left", float64(c.Done)/c.Time.Seconds(), inWords(c.Left()))
	}
	return text
}

// inWords writes a duration to the second or, where it is short, to a tenth.
func inWords(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// stop ends the showing and removes the bar.
func (p *watch) stop() {
	close(p.end)
	p.shown.Wait()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && term.IsTerminal(int(f.Fd()))
}
