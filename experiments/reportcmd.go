package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/internal/browser"
	"windtunnel/experiments/kinds"
	reports "windtunnel/experiments/report"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// reportOptions are the flags of report.
type reportOptions struct {
	out string
	pdf bool
}

func newReport(stdout io.Writer) *cobra.Command {
	o := &reportOptions{}
	cmd := &cobra.Command{
		Use:   "report RESULTS...",
		Short: "Write results folders as one HTML page that can be sent",
		Long: "Writes one page with what was run, the verdicts on claims, figures, tables, scorecard, failed runs, the commands to\n" +
			"reproduce it and versions. It needs no network and no other file. The members of a suite are in it. Nothing is\n" +
			"trained. The exit status is 1 if a figure cannot be drawn; the page says which.",
		Example: `  experiments report results/paper
  experiments report results/paper results/scorecard -o paper.html --pdf`,
		Args: needArgs("a results folder"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args, stdout) },
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "report.html", "the page to write, or to replace")
	cmd.Flags().BoolVar(&o.pdf, "pdf", false, "print the page as PDF beside it too, which needs an installed Chromium")
	return cmd
}

// run reads everything before it writes anything.
func (o *reportOptions) run(ctx context.Context, dirs []string, stdout io.Writer) error {
	printed, err := o.check()
	if err != nil {
		return inputError{err}
	}
	folders, err := openReported(dirs)
	if err != nil {
		return err
	}
	page, err := reports.Write(ctx, folders)
	if err != nil {
		return err
	}
	if err := engine.WriteFile(o.out, page.HTML); err != nil {
		return inputError{err}
	}
	fmt.Fprintln(stdout, o.out)
	if o.pdf {
		if err := printPage(ctx, o.out, printed); err != nil {
			return err
		}
		fmt.Fprintln(stdout, printed)
	}
	for _, err := range page.Undrawn {
		fmt.Fprintf(stdout, "  not drawn: %v\n", err)
	}
	if len(page.Undrawn) > 0 {
		return errVerdict
	}
	return nil
}

// check refuses flags that cannot be done, and returns the name of the PDF.
func (o *reportOptions) check() (string, error) {
	if info, err := os.Stat(o.out); err == nil && info.IsDir() {
		return "", fmt.Errorf("--out %s: is a folder; want a file such as %s", o.out, filepath.Join(o.out, "report.html"))
	}
	if info, err := os.Stat(filepath.Dir(o.out)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("--out %s: there is no folder %s", o.out, filepath.Dir(o.out))
	}
	if !o.pdf {
		return "", nil
	}
	if strings.EqualFold(filepath.Ext(o.out), ".pdf") {
		return "", fmt.Errorf("--out %s: names the page; the PDF stands beside it; want a name such as %s", o.out, changeExtension(o.out, ".html"))
	}
	if _, err := browser.Find(); err != nil {
		return "", fmt.Errorf("--pdf: %w", err)
	}
	return changeExtension(o.out, ".pdf"), nil
}

func changeExtension(path, extension string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + extension
}

// printPage prints a page as PDF, in one step.
func printPage(ctx context.Context, page, out string) error {
	dir, err := os.MkdirTemp("", "report-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temporary := filepath.Join(dir, "report.pdf")
	if err := browser.PDF(ctx, page, temporary); err != nil {
		return err
	}
	data, err := os.ReadFile(temporary)
	if err != nil {
		return err
	}
	return engine.WriteFile(out, data)
}

// openReported opens results folders, each followed by the members of its suite, and each once. All mistakes are
// reported together.
func openReported(dirs []string) ([]reports.Folder, error) {
	var folders []reports.Folder
	var errs []error
	seen := map[string]bool{}
	for _, dir := range dirs {
		for _, dir := range withMembers(filepath.Clean(dir)) {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			f, err := openForReport(dir)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			folders = append(folders, *f)
		}
	}
	return folders, joinInput(errs)
}

// withMembers returns a folder and, of a suite, those of its members. What is wrong with it is found when it is opened.
func withMembers(dir string) []string {
	dirs := []string{dir}
	if c, err := kinds.Load(filepath.Join(dir, spec.ResolvedName), nil); err == nil {
		for _, m := range c.Members {
			dirs = append(dirs, filepath.Join(filepath.Dir(dir), m.Head.Name))
		}
	}
	return dirs
}

// shownTables are the tables on the page, those to read first.
var shownTables = []string{"summary", "paired", tables.Runs}

// openForReport opens one folder. Without its table of runs, which a repository may leave out for its size, verdicts
// and figures are those that stand in the folder.
func openForReport(dir string) (*reports.Folder, error) {
	res, err := openOne(dir)
	if err != nil {
		if kept := openKept(dir); kept != nil {
			return kept, nil
		}
		return nil, err
	}
	f := &reports.Folder{Dir: dir, Config: res.config, Sources: res.src}
	if res.config.Experiment != nil {
		for _, v := range evaluate(res.config, res.src) {
			f.Verdicts = append(f.Verdicts, reports.Verdict{Name: v.name, Text: claimText(res.config, v.name), Expect: v.expect,
				Broken: v.broken, Result: v.Result})
		}
	}
	return f, complete(f)
}

// claimText is a claim's statement in words.
func claimText(c *spec.Config, name string) string {
	for _, claim := range c.Experiment.Claims {
		if claim.Name == name {
			return claim.Text
		}
	}
	return ""
}

// complete reads what every folder has: its config, manifest and tables.
func complete(f *reports.Folder) error {
	f.Name = f.Config.Head.Name
	text, err := os.ReadFile(filepath.Join(f.Dir, spec.ResolvedName))
	if err != nil {
		return inputError{err}
	}
	f.Text = string(text)
	if f.Manifest, err = engine.ReadManifest(f.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return inputError{err}
	}
	if f.Schemas, err = declaredSchemas(f.Dir); err != nil {
		return inputError{err}
	}
	for _, name := range shownTables {
		t, err := tables.Open(f.Dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return inputError{err}
		}
		f.Tables = append(f.Tables, reports.Table{Table: t, File: filepath.ToSlash(filepath.Join(f.Dir, name+".csv"))})
	}
	return nil
}

// openKept opens a folder of an experiment that has no table of runs but claims, nil if it is none.
func openKept(dir string) *reports.Folder {
	c, err := kinds.Load(filepath.Join(dir, spec.ResolvedName), nil)
	if err != nil || c.Experiment == nil {
		return nil
	}
	table, err := tables.Open(dir, "claims")
	if err != nil || table.Load(table.Header...) != nil || !table.Has("claim", "holds", "value", "bound", "detail", "expect") {
		return nil
	}
	f := &reports.Folder{Dir: dir, Config: c, Pictures: pictures(dir)}
	for row := range table.Len() {
		v := reports.Verdict{Name: table.Text(row, "claim"), Expect: table.Text(row, "expect") == "true"}
		v.Text = claimText(c, v.Name)
		v.Holds, v.Detail = table.Text(row, "holds") == "true", table.Text(row, "detail")
		v.Value, v.Bound = table.Float(row, "value"), table.Float(row, "bound")
		v.Broken = strings.HasPrefix(v.Detail, unanswered)
		f.Verdicts = append(f.Verdicts, v)
	}
	if complete(f) != nil {
		return nil
	}
	return f
}

// pictures reads the figures of a folder as they were drawn, sorted by name.
func pictures(dir string) []plots.File {
	files := []plots.File{}
	paths, _ := filepath.Glob(filepath.Join(dir, "figures", "*.svg")) // the pattern is sound unless dir is odd; then none
	slices.Sort(paths)
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte("<svg")) {
			files = append(files, plots.File{Name: filepath.Base(path), Data: data})
		}
	}
	return files
}
