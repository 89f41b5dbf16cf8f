package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
)

const (
	longestAnswer = 64 << 20 // bytes
	quoted        = 80       // characters of an answer in a message
	lastLines     = 5        // of stderr in a message
	lastBytes     = 4 << 10
	patience      = time.Second // that a process has for what it still writes to stderr when it is ended
)

// hello is the first line of a process.
type hello struct {
	Columns  []string `json:"columns"`  // that it reads
	Required []string `json:"required"` // constants that it needs
	Optional []string `json:"optional"` // constants that it knows besides
	Any      bool     `json:"any"`      // it takes any constant
}

// process is a running process. It serves one goroutine.
type process struct {
	key        string
	command    *exec.Cmd
	in         io.WriteCloser
	out        *bufio.Reader
	said       tail
	hello      hello
	ctx        context.Context // of the work at hand
	unattended func() bool     // takes back that the process ends with it
	broken     bool
	ended      sync.Once
	text       []byte // of the last question
}

// start starts the process of a loss and reads what it says of itself.
func start(ctx context.Context, key string, e *objective.External) (*process, *Error) {
	p := &process{key: key, command: exec.Command(e.Command[0], e.Command[1:]...)}
	p.command.Dir, p.command.Stderr, p.command.WaitDelay = e.Folder, &p.said, patience
	SetApart(p.command)
	in, errIn := p.command.StdinPipe()
	out, errOut := p.command.StdoutPipe()
	if err := errors.Join(errIn, errOut, p.command.Start()); err != nil {
		var why *exec.Error
		if errors.As(err, &why) {
			err = why.Err
		}
		return nil, &Error{Key: "command.0", Wrong: fmt.Sprintf("%q cannot be run: %v", e.Command[0], err), Allowed: "a program, its path relative to the config"}
	}
	p.in, p.out = in, bufio.NewReaderSize(out, 1<<16)
	p.attend(ctx)
	const want = `as the first line of stdout {"columns": [...]}, the names of what it reads; windtunnel.serve writes it`
	line, err := p.read(want)
	if err == nil && json.Unmarshal(line, &p.hello) != nil {
		err = p.fault("wrote to stdout "+quote(line), want)
	}
	unknown := func(name string) bool { return !slices.Contains(objective.ExternalColumns, name) }
	if at := slices.IndexFunc(p.hello.Columns, unknown); err == nil && at >= 0 {
		name := p.hello.Columns[at]
		err = p.fault(fmt.Sprintf("asks for a column %q", name), "some of "+strings.Join(objective.ExternalColumns, ", "))
		err.Near = decode.Nearest(name, objective.ExternalColumns)
	}
	if err == nil && !slices.ContainsFunc(p.hello.Columns, func(column string) bool { return strings.HasPrefix(column, "policy_") }) {
		err = p.fault("asks for no column of the policy", "one of policy_chosen_logps, policy_rejected_logps, policy_logps, for a loss that there is something to learn from")
	}
	if err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// attend lets the process end with a context.
func (p *process) attend(ctx context.Context) {
	p.ctx, p.unattended = ctx, context.AfterFunc(ctx, p.end)
}

// end ends the process and those that it has started.
func (p *process) end() { p.endAfter(0) }

// endAfter ends the process if it does not end by itself in a time.
func (p *process) endAfter(grace time.Duration) {
	p.ended.Do(func() {
		if grace == 0 { // before it sees the end of stdin and complains of it
			endGroup(p.command)
		}
		_ = p.in.Close()
		late := time.AfterFunc(grace, func() { endGroup(p.command) })
		_ = p.command.Wait()
		late.Stop()
		endGroup(p.command) // what it has started
	})
}

// fault ends the process for what it did.
func (p *process) fault(wrong, allowed string) *Error {
	p.broken = true
	p.end()
	if said := p.said.lines(); len(said) > 0 {
		wrong += "; stderr ends: " + strings.Join(said, " | ")
	}
	return &Error{Key: "command", Wrong: "the process " + wrong, Allowed: allowed}
}

// read returns the next line of stdout.
func (p *process) read(want string) ([]byte, *Error) {
	var line []byte
	for {
		part, err := p.out.ReadSlice('\n')
		if line == nil && err == nil {
			return part, nil
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case len(line) > longestAnswer:
			return nil, p.fault(fmt.Sprintf("wrote more than %d MiB without an end of line", longestAnswer>>20), want)
		case errors.Is(err, bufio.ErrBufferFull):
		case p.ctx.Err() != nil:
			return nil, p.fault("gave no answer and was ended when time was up", "an answer in time")
		default:
			p.endAfter(patience)
			how := p.command.ProcessState.String()
			if len(line) > 0 {
				how += " in the middle of " + quote(line)
			}
			return nil, p.fault("ended: "+how, want)
		}
	}
}

func (p *process) Columns() []string { return p.hello.Columns }

// Ask implements objective.Remote. It panics with an *Error.
func (p *process) Ask(q *objective.Question) float64 {
	if p.broken {
		panic(p.fault("has ended", "one that goes on"))
	}
	var err error
	if p.text, err = question(q); err != nil {
		panic(p.fault("was to be asked what has no JSON: "+err.Error(), "finite log-probabilities"))
	}
	want := `{"value": NUMBER}`
	if q.Gradient {
		want = `{"gradient": {"policy_chosen_logps": [...], ...}}, a list for each column of the policy that it reads`
	}
	if _, err := p.in.Write(p.text); err != nil && p.ctx.Err() != nil {
		panic(p.fault("gave no answer and was ended when time was up", "an answer in time"))
	}
	line, wrong := p.read(want) // where it could not be asked it has ended, and this says how
	if wrong == nil {
		var value float64
		if value, wrong = p.take(line, q, want); wrong == nil {
			return value
		}
	}
	panic(wrong)
}

// notNumbers are the words that JSON does not have and programs write.
var notNumbers = [][]byte{[]byte("NaN"), []byte("Infinity"), []byte("null")}

// take reads an answer.
func (p *process) take(line []byte, q *objective.Question, want string) (float64, *Error) {
	for _, word := range notNumbers {
		if bytes.Contains(line, word) {
			return p.notFinite(line, q)
		}
	}
	var got struct {
		Value    *float64                   `json:"value"`
		Gradient map[string]json.RawMessage `json:"gradient"`
	}
	if json.Unmarshal(line, &got) != nil || !q.Gradient && got.Value == nil || q.Gradient && got.Gradient == nil {
		return 0, p.fault("wrote to stdout "+quote(line), want+"; text goes to stderr")
	}
	if !q.Gradient {
		return *got.Value, nil
	}
	for _, name := range slices.Sorted(maps.Keys(got.Gradient)) {
		if !slices.ContainsFunc(q.Columns, func(c objective.Column) bool { return c.Name == name && c.Grad != nil }) {
			return 0, p.fault(fmt.Sprintf("gives a gradient by %q", name), want)
		}
	}
	for i := range q.Columns {
		c := &q.Columns[i]
		if c.Grad == nil {
			continue
		}
		list, given := got.Gradient[c.Name]
		if !given {
			return 0, p.fault(fmt.Sprintf("gives no gradient by %s", c.Name), want)
		}
		n, entries := 0, len(c.Values)/max(1, c.Width)
		shape := fmt.Sprintf("%d numbers, one a comparison", entries)
		if c.Width == 0 {
			var flat []float64
			if json.Unmarshal(list, &flat) != nil {
				return 0, p.fault(fmt.Sprintf("gives as gradient by %s %s", c.Name, quote(list)), shape)
			}
			n = copy(c.Grad, flat)
			if len(flat) != n || n != entries {
				return 0, p.fault(fmt.Sprintf("gives %d numbers as gradient by %s", len(flat), c.Name), shape)
			}
			continue
		}
		var rows [][]float64
		shape = fmt.Sprintf("%d rows, one a comparison, of %d numbers, one a response", entries, c.Width)
		if json.Unmarshal(list, &rows) != nil || len(rows) != entries {
			return 0, p.fault(fmt.Sprintf("gives %d rows as gradient by %s", len(rows), c.Name), shape)
		}
		for i, row := range rows {
			if copy(c.Grad[i*c.Width:], row); len(row) != c.Width {
				return 0, p.fault(fmt.Sprintf("gives %d numbers in row %d of the gradient by %s", len(row), i, c.Name), shape)
			}
		}
	}
	return 0, nil
}

// notFinite takes an answer that is no number, which is an answer only far from the reference.
func (p *process) notFinite(line []byte, q *objective.Question) (float64, *Error) {
	if q.Near {
		what := "value"
		if q.Gradient {
			what = "gradient"
		}
		return 0, p.fault(fmt.Sprintf("gives a %s that is not finite, %s, for %s", what, quote(line), quote(p.text)), "finite numbers wherever log-probabilities are ordinary")
	}
	for i := range q.Columns {
		for k := range q.Columns[i].Grad {
			q.Columns[i].Grad[k] = math.NaN()
		}
	}
	return math.NaN(), nil
}

// question is a question's line. As keys are sorted, questions about the same policies differ in the first word alone.
func question(q *objective.Question) ([]byte, error) {
	words := map[string]any{"ask": "value", "beta": q.Lambda, "constants": map[string]float64{}}
	if q.Gradient {
		words["ask"] = "gradient"
	}
	if q.Constants != nil {
		words["constants"] = q.Constants
	}
	for _, c := range q.Columns {
		words[c.Name] = c.Values
		if c.Width > 0 {
			words[c.Name] = slices.Collect(slices.Chunk(c.Values, c.Width))
		}
	}
	text, err := json.Marshal(words)
	return append(text, '\n'), err
}

// quote shows the beginning of a line.
func quote(line []byte) string {
	text := []rune(strings.TrimRight(string(line), "\r\n"))
	if len(text) > quoted {
		text = append(text[:quoted], []rune("...")...)
	}
	return strconv.Quote(string(text))
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-lastBytes):]
	return len(p), nil
}

// lines returns the last lines.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for line := range strings.Lines(string(t.text)) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all[max(0, len(all)-lastLines):]
}
