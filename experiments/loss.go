package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
	"windtunnel/toy/objective/trl"
)

// lossTolerance is the relative error up to which a value is the given one; of values below 1/100 it is taken relative
// to 1/100, which is an absolute 1e-12.
const (
	lossTolerance = 1e-10
	lossFloor     = 1e-2
)

// longestLine bounds a line of values, in bytes.
const longestLine = 1 << 20

func newLoss(stdout io.Writer) *cobra.Command {
	o := &lossPlot{}
	check, draw := false, false
	cmd := &cobra.Command{
		Use:   "loss [KIND]",
		Short: "Evaluate losses on lines of log-probabilities, check values against others', or draw one loss",
		Long: "Without KIND: reads from standard input a JSON object a line, in TRL's names, such as\n" +
			`  {"trainer": "dpo", "loss_type": "sigmoid", "beta": 0.1, "in": [-1, -2, -1.5, -1.5]}` + "\n" +
			"with in the log-probabilities of chosen and rejected and the reference's of both, and prints the same line with out filled\n" +
			"in: the loss and its derivatives by the first two. With --check it compares with the out of each line instead and prints\n" +
			"the worst relative error of each loss (of values below 1/100 relative to 1/100): status 1 if one is off by more than a\n" +
			"relative 1e-10, which is 1e-12 near zero. Lines may be gzipped.\n\n" +
			"With KIND and --plot: draws the loss and its gradient over the margin and over (chosen, rejected).\n\n" +
			"Losses by trainer/loss_type: " + strings.Join(trl.Names(), ", "),
		Example: `  experiments loss < lines.jsonl > filled.jsonl
  experiments loss --check < lines.jsonl
  experiments loss simpo --set beta=2 --plot --out figures`,
		Args: atMost(1, "one kind of loss"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case draw && check:
				return inputError{errors.New("loss: --plot draws a loss, --check reads lines; one of the two")}
			case len(args) == 1 && draw:
				return o.run(args[0], stdout)
			case len(args) == 1:
				return notToDraw(args[0])
			case draw || cmd.Flags().Changed("set") || cmd.Flags().Changed("out") || cmd.Flags().Changed("span"):
				return inputError{errors.New("loss: --plot, --set, --out and --span need a kind of loss\nexample:\n" + cmd.Example)}
			case check:
				return checkValues(cmd.InOrStdin(), stdout)
			}
			return fillValues(cmd.InOrStdin(), stdout)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&check, "check", false, "compare with the out of each line and report the largest error of each loss")
	f.BoolVar(&draw, "plot", false, "draw KIND as SVG, PNG and PDF, with the values as CSV")
	f.StringArrayVar(&o.sets, "set", nil, "parameter of KIND, as `KEY=VALUE`; may be repeated")
	f.StringVar(&o.out, "out", ".", "folder for the figure")
	f.Float64Var(&o.span, "span", 10, "log-probabilities drawn go from minus this to 0, margins from minus to plus this")
	return cmd
}

// notToDraw is the mistake of naming a loss, or a file, without --plot.
func notToDraw(name string) error {
	if _, ok := objective.Kinds().Find(name); ok {
		return inputError{fmt.Errorf("loss: %s is a loss to be drawn: give --plot too, or no loss to read lines from standard input", name)}
	}
	return inputError{fmt.Errorf("loss: %q is no loss; lines are read from standard input: experiments loss < %s", name, name)}
}

// evaluator turns lines into values. Objectives are kept: a file repeats few settings often.
type evaluator struct {
	decoder decode.Decoder
	known   map[string]*objective.Objective
}

func newEvaluator() *evaluator {
	return &evaluator{decode.Decoder{File: "settings", Tables: spec.Tables()}, map[string]*objective.Objective{}}
}

// evaluate returns the row's loss and gradient.
func (e *evaluator) evaluate(r *trl.Row) ([3]float64, error) {
	settings := *r
	settings.In, settings.Out = nil, nil
	key, err := json.Marshal(settings)
	if err != nil {
		return [3]float64{}, err
	}
	o, ok := e.known[string(key)]
	if !ok {
		params, err := r.Params()
		if err != nil {
			return [3]float64{}, err
		}
		if err := e.check(r, params); err != nil {
			return [3]float64{}, err
		}
		o = r.Objective(params)
		e.known[string(key)] = o
	}
	return r.Evaluate(o), nil
}

// oneLoss is a document of a loss alone.
type oneLoss struct {
	Loss objective.Params `yaml:",kind"`
}

// check holds parameters against the bounds of their tags, by the decoder that configs go through. A mistake is told by the
// name that the line has for the parameter.
func (e *evaluator) check(r *trl.Row, params objective.Params) error {
	var many decode.Errors
	err := e.decoder.Decode(decode.Encode(&oneLoss{params}, e.decoder.Tables), "", &oneLoss{})
	if !errors.As(err, &many) {
		return err
	}
	first := many[0]
	names := []string{first.Key}
	for _, f := range decode.Fields(params, e.decoder.Tables) {
		if f.Key == first.Key {
			names = append(names, f.Aliases...)
		}
	}
	return fmt.Errorf("%s: %s; want %s", r.Setting(names), first.Wrong, first.Allowed)
}

// near adds the nearest known word to a word that is not known.
func near(err error) error {
	var mistake *trl.Mistake
	if !errors.As(err, &mistake) || mistake.Word == "" {
		return err
	}
	if word := decode.Nearest(mistake.Word, mistake.Known); word != "" {
		return fmt.Errorf("%w; did you mean %q?", err, word)
	}
	return err
}

// eachRow calls do with every line that is not blank, its number and its values, and returns how many there were. Reading
// stops at the first mistake, which names its line. Lines may come gzipped.
func eachRow(in io.Reader, do func(n int, line []byte, r *trl.Row, values [3]float64) error) (rows int, err error) {
	in, err = unzipped(in)
	if err != nil {
		return 0, inputError{fmt.Errorf("loss: standard input: it begins as gzip does: %w", err)}
	}
	n := 0
	at := func(err error) error {
		return inputError{fmt.Errorf("loss: standard input: line %d: %w", n, near(err))}
	}
	e, lines := newEvaluator(), bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		n++
		line := lines.Bytes()
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rows++
		r, err := trl.Parse(line)
		var values [3]float64
		if err == nil {
			values, err = e.evaluate(r)
		}
		if err == nil {
			err = do(n, line, r, values)
		}
		if err != nil {
			return rows, at(err)
		}
	}
	n++
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return rows, at(fmt.Errorf("is longer than %d bytes; a JSON object a line is allowed", longestLine))
	case err != nil:
		return rows, at(err)
	}
	return rows, nil
}

// unzipped returns what gzip packed, or in itself if it is not packed.
func unzipped(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	return gzip.NewReader(buffered)
}

// fillValues prints every line with its out, once all have been read: with a mistake in one nothing is printed.
func fillValues(in io.Reader, stdout io.Writer) error {
	var out bytes.Buffer
	_, err := eachRow(in, func(_ int, line []byte, _ *trl.Row, values [3]float64) error {
		filled, err := trl.Fill(line, values)
		out.Write(filled)
		out.WriteByte('\n')
		return err
	})
	if err != nil {
		return err
	}
	_, err = out.WriteTo(stdout)
	return err
}

// tally is what --check finds about one loss.
type tally struct {
	values, off int
	worst       float64 // relative error
	line        int     // of the worst
}

// checkValues compares every line's out.
func checkValues(in io.Reader, stdout io.Writer) error {
	found := map[string]*tally{}
	rows, err := eachRow(in, func(n int, _ []byte, r *trl.Row, values [3]float64) error {
		if r.Out == nil {
			return errors.New("out: missing; --check compares with it: the loss and its derivatives by chosen and rejected")
		}
		t := found[r.Name()]
		if t == nil {
			t = &tally{}
			found[r.Name()] = t
		}
		t.values++
		worst := 0.0
		for i, want := range r.Out {
			worst = max(worst, lossError(values[i], float64(want)))
		}
		if worst > lossTolerance {
			t.off++
		}
		if t.line == 0 || worst > t.worst {
			t.worst, t.line = worst, n
		}
		return nil
	})
	if err == nil && rows == 0 {
		err = inputError{errors.New("loss: standard input: there are no lines to check; a JSON object a line is needed")}
	}
	if err != nil {
		return err
	}
	return tallies(found).print(stdout)
}

// lossError is the relative error of a value; one infinity or NaN is as good as another of its kind.
func lossError(got, want float64) float64 {
	switch {
	case got == want || math.IsNaN(got) && math.IsNaN(want):
		return 0
	case math.IsNaN(got-want) || math.IsInf(got-want, 0):
		return math.Inf(1)
	}
	return math.Abs(got-want) / max(math.Abs(want), lossFloor)
}

// tallies is what --check prints, by loss.
type tallies map[string]*tally

// print writes a line a loss; the error is errVerdict if a value is off.
func (r tallies) print(stdout io.Writer) error {
	t := tabwriter.NewWriter(stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "loss\tlines\toff\tworst relative error\tat line\t")
	well := true
	for _, name := range slices.Sorted(maps.Keys(r)) {
		one := r[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2g\t%d\t\n", name, one.values, one.off, one.worst, one.line)
		well = well && one.off == 0
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if !well {
		return errVerdict
	}
	return nil
}
