package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/internal/browser"
	"windtunnel/experiments/report"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
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
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, stdout, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "report.html", "the page to write, or to replace")
	cmd.Flags().BoolVar(&o.pdf, "pdf", false, "print the page as PDF beside it too, which needs an installed Chromium")
	return cmd
}

// run reads everything before it writes anything.
func (o *reportOptions) run(ctx context.Context, dirs []string, stdout, stderr io.Writer) error {
	if err := publish.PlaceFile("--out", o.out); err != nil {
		return inputError{err}
	}
	extension := filepath.Ext(o.out)
	stem := strings.TrimSuffix(o.out, extension)
	if ending := strings.ToLower(extension); ending != ".html" && ending != ".htm" { // so that no config or table is replaced by a slip
		return inputError{fmt.Errorf("--out %s: names the page, beside which a PDF stands; want a name such as %s", o.out, stem+".html")}
	}
	if o.pdf {
		if _, err := browser.Find(); err != nil {
			return inputError{fmt.Errorf("--pdf: %w", err)}
		}
	}
	folders, err := openReported(dirs)
	if err != nil {
		return err
	}
	for _, f := range folders {
		warnChanged(stderr, []*results.Folder{{Dir: f.Dir}})
	}
	page, err := report.Write(ctx, folders)
	if err != nil {
		return err
	}
	if err := publish.WriteFile(o.out, page.HTML); err != nil {
		return inputError{err}
	}
	fmt.Fprintln(stdout, o.out)
	if o.pdf {
		printed, err := browser.PDF(ctx, o.out)
		if err == nil {
			err = publish.WriteFile(stem+".pdf", printed)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, stem+".pdf")
	}
	for _, err := range page.Undrawn {
		fmt.Fprintf(stdout, "  not drawn: %v\n", err)
	}
	return verdict(len(page.Undrawn) == 0)
}

// openReported opens results folders, each followed by the members of its suite, and each once. All mistakes are
// reported together.
func openReported(dirs []string) ([]*results.Reported, error) {
	var folders []*results.Reported
	var errs []error
	seen := map[string]bool{}
	for _, dir := range dirs {
		dir = filepath.Clean(dir)
		for _, dir := range append([]string{dir}, results.MemberDirs(dir)...) {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			f, err := results.OpenReported(dir)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			folders = append(folders, f)
		}
	}
	return folders, joinInput(errs)
}
