package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/scorecard"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
)

func newExplain(stdout io.Writer) *cobra.Command {
	o := &scorecardOptions{}
	cmd := &cobra.Command{
		Use:   "explain LOSS TEST [CONFIG]",
		Short: "Say what one verdict of the scorecard rests on, and write the config that reproduces it",
		Long: "Measures one cell of the scorecard and prints its certificate: the environment with the worst case, the policy\n" +
			"reached, what was expected and why. Writes DIR/LOSS-TEST.yaml with its data files, which run gives the same value.",
		Example: `  experiments explain dpo preservation
  experiments explain my-loss existence/one-pair mine.yaml --out /tmp/try`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 || len(args) == 3 {
				return nil
			}
			return inputError{fmt.Errorf("%s: a loss and a test are needed, and a config may follow\nexample:\n%s", cmd.CommandPath(), cmd.Example)}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(cmd.Context(), args[0], args[1], args[2:], o, stdout)
		},
	}
	cmd.Flags().StringVar(&o.out, "out", "results/explain", "folder for the config, `DIR`")
	return cmd
}

// explain measures one cell, prints its certificate and writes its config.
func explain(ctx context.Context, loss, test string, config []string, o *scorecardOptions, stdout io.Writer) error {
	doc, err := loadScorecard(config)
	if err != nil {
		return err
	}
	if err := doc.only(loss); err != nil {
		return err
	}
	found, ok := scorecard.Find(test)
	if !ok {
		return notListed("explain "+loss, test, scorecard.Names())
	}
	settings := doc.Settings
	settings.Tests = []string{found.Name}
	card, err := scorecard.Run(ctx, doc.Objectives, settings, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	cell := &card.Cells[0][0]
	fmt.Fprint(stdout, cell.Certificate())
	path, alone, err := writeReproduction(o.out, cell, doc.Settings)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%-12s experiments run %s\n", "again", path)
	if alone {
		fmt.Fprintf(stdout, "%-12s %s\n", "", "No experiment measures this value; the config is a scorecard of this one cell and gives the same number.")
	}
	return nil
}

// only leaves the objective of that label or kind alone.
func (d *scorecardDoc) only(loss string) error {
	tables := kinds.Tables()
	var names []string
	for _, o := range d.Objectives {
		entry, _ := decode.KindOf(tables, o.Loss)
		label := o.Label(tables)
		names = append(names, label)
		if label == loss || o.Name == "" && slices.Contains(entry.Aliases, loss) {
			d.Objectives = []spec.Objective{o}
			return nil
		}
	}
	return notListed("explain", loss, names)
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// writeReproduction writes the config of a cell and its data files. It returns the config's path, and whether it is a
// scorecard of the one cell, not an experiment.
func writeReproduction(out string, cell *scorecard.Cell, settings spec.ScorecardSettings) (path string, alone bool, err error) {
	name := strings.Trim(unfit.ReplaceAllString(cell.Loss+"-"+cell.Test.Name, "-"), "-")
	again := cell.Reproduce(name, settings)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", false, err
	}
	for file, data := range again.Files {
		path := filepath.Join(out, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", false, err
		}
		if err := publish.WriteFile(path, data); err != nil {
			return "", false, err
		}
	}
	path = filepath.Join(out, name+".yaml")
	_, alone = again.Document.(*spec.Scorecard)
	return path, alone, publish.WriteFile(path, []byte(spec.EncodeDocument(again.Document, kinds.Tables())))
}
