// Package bridge asks losses that live in other processes (see objective.External): what a process is asked and answers is a JSON
// object a line. Beside it lies the Python that users import into theirs, and the page that says what the lines hold.
package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
)

// Error is what is wrong with a process.
type Error struct {
	Key     string // of the loss's parameters that it is about: "command", "constants.gamma"
	Wrong   string // what it did, and the last lines of its stderr
	Allowed string // what it should do
	Near    string // the name that may be meant
}

// Error says all of it in one line.
func (e *Error) Error() string {
	text := e.Key + ": " + e.Wrong + "; want " + e.Allowed
	if e.Near != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	return text
}

// With calls do with a loss whose processes are running, those of External parts, which end with the context if they are at work
// then. The error is an *Error. Processes are kept for the next call, which may be for other values of lambda and of the constants;
// so there are as many of one command as there are calls at the same time.
func With(ctx context.Context, loss objective.Params, do func(objective.Params)) (err error) {
	if len(objective.Externals(loss)) == 0 {
		do(loss)
		return nil
	}
	var used []*process
	defer func() {
		failed := recover()
		for _, p := range used {
			p.release()
		}
		if broken, ok := failed.(*Error); ok {
			err = broken
		} else if failed != nil {
			panic(failed)
		}
	}()
	do(objective.Connected(loss, func(e *objective.External) objective.Remote {
		p := acquire(ctx, e)
		used = append(used, p)
		p.accept(e)
		return p
	}))
	return nil
}

// Try starts the processes of a loss and asks them about a few policies. The error is an *Error.
func Try(ctx context.Context, loss objective.Params) error {
	return With(ctx, loss, func(connected objective.Params) {
		for _, e := range objective.Externals(connected) {
			if err := e.Probe(); err != nil {
				panic(e.Remote.(*process).fault(err.Error(), "the same values for the same columns, to the precision of float64"))
			}
		}
	})
}

// pool are the processes that are not at work, by command and folder, and why some could not be started.
var pool = struct {
	sync.Mutex
	idle   map[string][]*process
	failed map[string]*Error
}{idle: map[string][]*process{}, failed: map[string]*Error{}}

// Close ends the processes that are not at work.
func Close() {
	pool.Lock()
	defer pool.Unlock()
	for _, all := range pool.idle {
		for _, p := range all {
			p.end()
		}
	}
	clear(pool.idle)
	clear(pool.failed)
}

// acquire returns a running process of a loss. One that could not be started once is not tried again.
func acquire(ctx context.Context, e *objective.External) *process {
	key := fmt.Sprintf("%q %q", e.Folder, e.Command)
	pool.Lock()
	failed, all := pool.failed[key], pool.idle[key]
	if n := len(all); n > 0 {
		pool.idle[key] = all[:n-1]
		pool.Unlock()
		all[n-1].attend(ctx)
		return all[n-1]
	}
	pool.Unlock()
	if failed != nil {
		panic(failed)
	}
	p, err := start(ctx, key, e)
	if err != nil {
		pool.Lock()
		defer pool.Unlock()
		if ctx.Err() == nil {
			pool.failed[key] = err
		}
		panic(err)
	}
	return p
}

// release hands a process back, unless it is broken.
func (p *process) release() {
	if p.unattended != nil && !p.unattended() || p.broken {
		p.end()
		return
	}
	pool.Lock()
	defer pool.Unlock()
	pool.idle[p.key] = append(pool.idle[p.key], p)
}

// accept checks the constants of a loss against the parameters that the process says it has.
func (p *process) accept(e *objective.External) {
	for name := range e.Constants {
		if known := slices.Concat(p.hello.Required, p.hello.Optional); !slices.Contains(known, name) && !p.hello.Any {
			allowed := "no constants, for it has no further parameters"
			if len(known) > 0 {
				allowed = "one of its parameters: " + strings.Join(known, ", ")
			}
			panic(&Error{Key: "constants." + name, Wrong: fmt.Sprintf("the process has no parameter %q", name), Allowed: allowed, Near: decode.Nearest(name, known)})
		}
	}
	for _, name := range p.hello.Required {
		if _, given := e.Constants[name]; !given {
			panic(&Error{Key: "constants", Wrong: fmt.Sprintf("the process needs a parameter %q, which is neither a column nor given", name),
				Allowed: "a number for it; the columns are " + strings.Join(objective.ExternalColumns, ", "), Near: decode.Nearest(name, objective.ExternalColumns)})
		}
	}
}
