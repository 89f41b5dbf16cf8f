package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/scorecard"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// scorecardName names the results folder of a scorecard without a config.
const scorecardName = "scorecard"

// scorecardOptions are the flags of scorecard and explain.
type scorecardOptions struct {
	out   string
	tests []string // folders of further tests
	jobs  int
	quiet bool
}

func newScorecard(stdout io.Writer) *cobra.Command {
	o := &scorecardOptions{}
	cmd := &cobra.Command{
		Use:   "scorecard [CONFIG]",
		Short: "Put losses through every test: what will each do to a policy?",
		Long: "Measures the objectives of a config, or every registered loss, on the paper's environments and on random ones, and\n" +
			"writes OUT/NAME/ with scorecard.csv, README.md and a figure. (For the config of an experiment the folder is\n" +
			"OUT/NAME-scorecard, since OUT/NAME holds its runs.) A cell is the worst case over the environments. Of a config only\n" +
			"the objectives and what stands under scorecard are read; scorecard.bounds has the bounds. A test a/b is the config\n" +
			"configs/scorecard/a/b.yaml, an experiment that lacks the loss; --tests adds those of a folder of yours. These are\n" +
			"the tests with their bounds:\n\n",
		Example: `  experiments scorecard
  experiments scorecard configs/scorecard.yaml --out /tmp/try
  experiments scorecard mine.yaml --tests mytests
  experiments explain dpo preservation`,
		Args: atMost(1, "one config or none"),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := loadScorecard(args, o.tests)
			if err != nil {
				return err
			}
			return doc.run(cmd.Context(), o, stdout)
		},
	}
	help := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) { // reading the tests takes half of a short command's time
		cmd.Long += testList()
		help(cmd, args)
	})
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "results", "folder for results; a scorecard named X writes `DIR`/X/")
	f.StringSliceVar(&o.tests, "tests", nil, "folder `DIR` of further tests, a file a/b.yaml each; may be repeated")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "environments measured at the same time")
	f.BoolVar(&o.quiet, "quiet", false, "print only what is not well")
	return cmd
}

// testList lists the tests with their bounds and questions.
func testList() string {
	tests, err := scorecard.Load()
	if err != nil { // which a test of this program would have found
		return err.Error()
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, test := range tests {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", test.Name, tables.FormatFloat(test.Bound), test.Asks)
	}
	t.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// scorecardDoc is what a scorecard is made from.
type scorecardDoc struct {
	*spec.Scorecard
	tests  []*spec.Desideratum // those that the settings name
	known  []*spec.Desideratum // all
	config *spec.Config        // nil without one
}

// loss is what objective i is tried with.
func (d *scorecardDoc) loss(i int) (objective.Params, spec.Limits) {
	return d.Objectives[i].Loss, spec.Limits{}
}

// loadScorecard reads the losses and settings of a config of any form but a suite, without one all losses; and the tests, with
// those of further folders.
func loadScorecard(args, dirs []string) (*scorecardDoc, error) {
	var c *spec.Config
	if len(args) > 0 {
		var err error
		if c, err = spec.LoadLosses(args[0], kinds.Tables()); err != nil {
			return nil, err
		}
	}
	return scorecardOf(c, dirs)
}

// scorecardOf takes losses and settings from the config of a scorecard, if there is one.
func scorecardOf(c *spec.Config, dirs []string) (*scorecardDoc, error) {
	known, err := scorecard.Load(dirs...)
	if err != nil {
		return nil, err
	}
	own := spec.Scorecard{Head: spec.Head{Name: scorecardName}, Settings: spec.DefaultScorecard()}
	if c != nil {
		own = *c.Scorecard
	}
	tests, key, name := scorecard.Select(known, own.Settings)
	if key != "" {
		names := scorecard.Names(known)
		return nil, c.Mistake(key, fmt.Sprintf("there is no test %q", name), "one of "+strings.Join(names, ", "), decode.Nearest(name, names))
	}
	for _, t := range tests {
		if bound, ok := own.Settings.Bounds[t.Name]; ok {
			if wrong, allowed := t.Refuses(bound); wrong != "" {
				return nil, c.Mistake("scorecard.bounds."+t.Name, wrong, allowed, "")
			}
		}
	}
	doc := &scorecardDoc{&own, tests, known, c}
	doc.Objectives = slices.Clone(doc.Objectives)
	if len(doc.Objectives) == 0 {
		doc.Objectives = spec.DefaultObjectives()
	}
	for i := range doc.Objectives { // training settings belong to experiments
		doc.Objectives[i].Train = decode.Partial[train.Params]{}
	}
	return doc, nil
}

// scorecardPercent is how much the heap may grow between two collections: minimizers are small and short-lived, and
// collecting them as often as usual takes a tenth of the time.
const scorecardPercent = 400

// run measures, writes the results folder in one step and prints a summary.
func (d *scorecardDoc) run(ctx context.Context, o *scorecardOptions, stdout io.Writer) error {
	if o.jobs < 1 {
		return inputError{fmt.Errorf("--jobs %d: at least 1", o.jobs)}
	}
	if _, err := publish.Place(o.out, d.Name); err != nil {
		return err
	}
	if err := tryLosses(ctx, d.config, d.Objectives, d.loss); err != nil {
		return err
	}
	start := time.Now()
	defer debug.SetGCPercent(debug.SetGCPercent(scorecardPercent))
	card, err := scorecard.Run(ctx, d.Objectives, d.tests, d.Settings, o.jobs)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; %s is as it was: %w", filepath.Join(o.out, d.Name), ctx.Err())
	}
	if err != nil {
		return err
	}
	err = publish.Folder(o.out, d.Name, func(dir string) error {
		if err := d.write(ctx, card, dir); err != nil {
			return err
		}
		manifest := publish.NewManifest(engine.Numerics())
		manifest.Seconds = time.Since(start).Seconds()
		if d.config != nil {
			manifest.Inputs = d.config.InputHashes()
		}
		return manifest.Seal(dir)
	})
	if err != nil {
		return err
	}
	if !o.quiet {
		d.print(stdout, card, filepath.Join(o.out, d.Name), time.Since(start))
	}
	return nil
}

// write fills a folder with the table, its Markdown, the figure and the resolved config.
func (d *scorecardDoc) write(ctx context.Context, card *scorecard.Card, dir string) error {
	table := card.Table()
	if err := tables.WriteTable(dir, table, scorecard.Schema(), tables.CSV); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"README.md":       card.Markdown(),
		spec.ResolvedName: "# every setting written out; run it again with: experiments scorecard FILE\n" + decode.Text(decode.Encode(d.Scorecard, kinds.Tables())),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	folder, err := results.Open(dir)
	if err != nil {
		return err
	}
	drawn, err := folder.DrawInto(ctx, dir, 1)
	if err != nil {
		return err
	}
	return errors.Join(drawn.Undrawn...)
}

// print writes a line a loss, of what it does.
func (d *scorecardDoc) print(w io.Writer, card *scorecard.Card, dir string, took time.Duration) {
	fmt.Fprintf(w, "%s: %d losses, %d tests in %.1f s\n", d.Name, len(card.Losses), len(card.Tests), took.Seconds())
	t := newTabs(w)
	for i, loss := range card.Losses {
		fmt.Fprintf(t, "  %s\t%s\n", loss, card.Summary(i))
	}
	t.Flush()
	fmt.Fprintf(w, "  files: %s\n", dir)
}

// runScorecard is what run does with the config of a scorecard.
func runScorecard(ctx context.Context, c *spec.Config, o *runOptions, stdout io.Writer) error {
	if len(o.sets) > 0 {
		return inputError{fmt.Errorf("%s: --set does not apply to a scorecard", c.Path)}
	}
	doc, err := scorecardOf(c, nil)
	if err != nil {
		return err
	}
	return doc.run(ctx, &scorecardOptions{out: o.out, jobs: o.jobs, quiet: o.quiet}, stdout)
}
