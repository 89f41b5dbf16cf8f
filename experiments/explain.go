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
			"reached, what it was held against, why, and which losses do better. Writes DIR/LOSS-TEST.yaml with its data files,\n" +
			"an ordinary config, which run gives the same value.",
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
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "results/explain", "folder for the config, `DIR`")
	f.StringSliceVar(&o.tests, "tests", nil, "folder `DIR` of further tests, a file a/b.yaml each; may be repeated")
	return cmd
}

// explain measures one test of a loss and of all registered ones, prints the certificate of its cell and writes its config.
func explain(ctx context.Context, loss, test string, config []string, o *scorecardOptions, stdout io.Writer) error {
	doc, err := loadScorecard(config, o.tests)
	if err != nil {
		return err
	}
	if err := tryLosses(ctx, doc.config, doc.Objectives, doc.loss); err != nil {
		return err
	}
	if err := doc.only(loss); err != nil {
		return err
	}
	found, ok := scorecard.Find(doc.known, test)
	if !ok {
		return notListed("explain "+loss, test, scorecard.Names(doc.known))
	}
	if err := publish.PlaceFolder(o.out); err != nil {
		return err
	}
	tests, jobs := []*spec.Desideratum{found}, runtime.GOMAXPROCS(0)
	card, err := scorecard.Run(ctx, doc.Objectives, tests, doc.Settings, jobs)
	if err != nil {
		return err
	}
	cell := &card.Cells[0][0]
	var others []scorecard.Cell
	if cell.Verdict == scorecard.Fail {
		settings := doc.Settings
		settings.WorstOf = nil
		all, err := scorecard.Run(ctx, spec.DefaultObjectives(), tests, settings, jobs)
		if err != nil {
			return err
		}
		for _, row := range all.Cells {
			others = append(others, row[0])
		}
	}
	text, err := cell.Certificate(ctx, others)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, text)
	paths, err := writeReproduction(o.out, cell)
	if err != nil {
		return err
	}
	for i, path := range paths {
		fmt.Fprintf(stdout, "%-12s experiments run %s\n", []string{"again", "searched"}[i], path)
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

// writeReproduction writes the config of a cell with its data files, and that of the environment that was searched for. It returns
// the configs' paths, none where the loss cannot be had in the test.
func writeReproduction(out string, cell *scorecard.Cell) (paths []string, err error) {
	name := strings.Trim(unfit.ReplaceAllString(cell.Loss+"-"+cell.Test.Name, "-"), "-")
	text, files := cell.Document(name)
	if text == "" {
		return nil, nil
	}
	if files == nil {
		files = map[string][]byte{}
	}
	files[name+".yaml"] = []byte(text)
	paths = append(paths, filepath.Join(out, name+".yaml"))
	if text := cell.SearchedDocument(name + "-searched"); text != "" {
		files[name+"-searched.yaml"] = []byte(text)
		paths = append(paths, filepath.Join(out, name+"-searched.yaml"))
	}
	for file, data := range files {
		path := filepath.Join(out, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := publish.WriteFile(path, data); err != nil {
			return nil, err
		}
	}
	return paths, nil
}
