package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/language"
	"windtunnel/toy/train"
)

// tuning are the flags of tune.
type tuning struct {
	run, out, checkpoint string
	every                int
	sets                 []string
	stdout, stderr       io.Writer
}

func newTune(stdout, stderr io.Writer) *cobra.Command {
	t := &tuning{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "tune CONFIG",
		Short: "Train the language model of one run and write it as a checkpoint",
		Long: "Does one run of a config on a language model and writes the tuned model in llama2.c's format, what an adapter adds\n" +
			"included, for generate and score. With --checkpoint an interrupted training goes on where it was, to the same bytes.",
		Example: `  experiments tune configs/lm_hh.yaml --set preferences.path=hh.jsonl.gz --run dpo -o dpo.bin`,
		Args:    needArgs("a config"),
		RunE:    func(cmd *cobra.Command, args []string) error { return t.perform(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVar(&t.run, "run", "", "`name` of the run, as in runs.csv; needed where there are several")
	f.StringVarP(&t.out, "output", "o", "", "`file` of the tuned model (required)")
	f.StringVar(&t.checkpoint, "checkpoint", "", "`file` to save the training in along the way, and to go on from if it is there; removed at the end")
	f.IntVar(&t.every, "every", 100, "steps between two saves")
	f.StringArrayVar(&t.sets, "set", nil, "change a setting, `key.path=value`; repeatable")
	return cmd
}

func (t *tuning) perform(ctx context.Context, args []string) error {
	switch {
	case len(args) > 1:
		return inputError{fmt.Errorf("tune: there are %d configs; want one", len(args))}
	case t.out == "":
		return inputError{errors.New("tune: --output is missing; want a file for the tuned model")}
	case t.every < 1:
		return inputError{fmt.Errorf("tune: --every is %d; want at least 1", t.every)}
	}
	for flag, path := range map[string]string{"tune: --output": t.out, "tune: --checkpoint": cmp.Or(t.checkpoint, t.out)} {
		if err := publish.PlaceFile(flag, path); err != nil {
			return err
		}
	}
	c, err := kinds.Load(args[0], t.sets)
	if err != nil {
		return inputError{err}
	}
	run, err := t.choose(c)
	if err != nil {
		return inputError{fmt.Errorf("tune: %s: %w", args[0], err)}
	}
	save, err := t.save(run)
	if err != nil {
		return inputError{fmt.Errorf("tune: %w", err)}
	}
	task, err := run.BuildTask(nil, save)
	if err != nil {
		return err
	}
	end, err := task.Run(ctx, language.Reporter{Step: t.step, Evaluation: t.evaluation})
	if err != nil {
		return fmt.Errorf("tune: %s: %w", run, err)
	}
	return t.finish(run, task, end)
}

// choose finds the run that is asked for.
func (t *tuning) choose(c *spec.Config) (*spec.Run, error) {
	if c.Plan == nil {
		return nil, errors.New("is no single experiment; want a config with runs")
	}
	var names []string
	for _, run := range c.Plan.Runs {
		if run.ID == t.run || t.run == "" && len(c.Plan.Runs) == 1 {
			if !run.Language() || !run.Trained() {
				return nil, fmt.Errorf("%s trains no language model", run)
			}
			return run, nil
		}
		names = append(names, run.ID)
	}
	if t.run == "" {
		return nil, fmt.Errorf("there are %d runs; want --run NAME, as --run %s", len(names), names[0])
	}
	return nil, decode.Suggest(fmt.Errorf("there is no run %q; there are %s", t.run, strings.Join(names[:min(10, len(names))], ", ")), t.run, names)
}

// save says where checkpoints go, nil where none are asked for.
func (t *tuning) save(run *spec.Run) (*language.Save, error) {
	if t.checkpoint == "" {
		return nil, nil
	}
	if run.Online() != nil {
		return nil, fmt.Errorf("--checkpoint: %s draws its pairs along the way, of which a checkpoint knows nothing; want preferences that are there from the start", run)
	}
	s := &language.Save{Every: t.every, To: func(write func(io.Writer) error) error {
		var state bytes.Buffer
		if err := write(&state); err != nil {
			return err
		}
		return publish.WriteFile(t.checkpoint, state.Bytes())
	}}
	state, err := os.ReadFile(t.checkpoint)
	switch {
	case err == nil:
		s.From = bytes.NewReader(state)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--checkpoint %w", err)
	}
	return s, nil
}

func (t *tuning) step(r language.Record) error {
	_, err := fmt.Fprintf(t.stderr, "step %d: loss %.4g, gradient %.3g\n", r.Step, r.Loss, r.GradNorm)
	return err
}

// evaluation prints measures of the policy on held-out prompts, or pairs.
func (t *tuning) evaluation(e *language.Evaluation) error {
	text := fmt.Sprintf("after step %d:", e.Step)
	if e.HeldOut != nil {
		text += fmt.Sprintf(" chosen %+.3g, rejected %+.3g nats, accuracy %.3g", e.HeldOut.ChosenShift, e.HeldOut.RejectedShift, e.HeldOut.Accuracy)
	}
	held := slices.DeleteFunc(slices.Clone(e.Prompts), func(p language.Prompt) bool { return !p.Held })
	if len(held) > 0 {
		reward, rate, kl := 0.0, 0.0, 0.0
		for _, p := range held {
			reward, rate, kl = reward+p.Reward, rate+p.WinRate, kl+p.KL
		}
		n := float64(len(held))
		text += fmt.Sprintf(" reward %.3g, win rate %.3g, KL to the reference %.3g nats", reward/n, rate/n, kl/n)
	}
	if e.HeldOut == nil && len(held) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(t.stderr, text)
	return err
}

// finish writes the tuned model.
func (t *tuning) finish(run *spec.Run, task language.Task, end train.Outcome) error {
	if end.Status == train.Diverged {
		return fmt.Errorf("tune: %s diverged: %s", run, end.Reason)
	}
	var model bytes.Buffer
	if err := task.Model().Write(&model); err != nil {
		return err
	}
	if err := publish.WriteFile(t.out, model.Bytes()); err != nil {
		return err
	}
	if t.checkpoint != "" {
		if err := os.Remove(t.checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	_, err := fmt.Fprintf(t.stdout, "%s\n", t.out)
	return err
}
