package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"windtunnel/experiments/explore"
)

// exploreOptions are the flags of explore.
type exploreOptions struct {
	addr   string
	build  string
	noOpen bool
}

func newExplore(stdout, stderr io.Writer) *cobra.Command {
	var o exploreOptions
	cmd := &cobra.Command{
		Use:   "explore [RESULTS...]",
		Short: "Open a page on which losses, policies and lambda are moved by hand",
		Long: "Opens a local page: drag pi_star and pi_ref on the simplex of three responses, choose a loss or write one, move lambda,\n" +
			"and see minimizer, trajectory, landscape and criteria change. The page computes with the harness's own code, compiled to\n" +
			"WebAssembly by the Go toolchain. The policies of results folders are shown beside. Only this machine can reach the page.",
		Example: `  experiments explore
  experiments explore results/interpolation
  experiments explore --build site`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.build != "" && (o.noOpen || cmd.Flags().Changed("addr")) {
				return inputError{errors.New("--build serves nothing; want it without --addr and --no-open")}
			}
			return runExplore(cmd.Context(), o, args, stdout, stderr)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", "127.0.0.1:0", "loopback `HOST:PORT` to listen at; port 0 is any that is free")
	f.StringVar(&o.build, "build", "", "write the page as static files into this new or empty `folder` instead, for any web server")
	f.BoolVar(&o.noOpen, "no-open", false, "print the address without opening a browser")
	return cmd
}

func runExplore(ctx context.Context, o exploreOptions, dirs []string, stdout, stderr io.Writer) error {
	results, err := explored(dirs)
	if err != nil {
		return err
	}
	if o.build != "" {
		return buildPage(ctx, o.build, results, stdout, stderr)
	}
	l, err := explore.Listen(o.addr)
	if err != nil {
		return inputError{err}
	}
	page, err := makePage(ctx, results, stderr)
	if err != nil {
		l.Close()
		return err
	}
	url := "http://" + l.Addr().String() + "/"
	fmt.Fprintf(stdout, "%s\n", url)
	if !o.noOpen {
		if err := openBrowser(url); err != nil {
			fmt.Fprintf(stderr, "%s: no browser was opened (%v); open the address above in one\n", calledAs, err)
		}
	}
	return explore.Serve(ctx, l, page)
}

// explored reads the policies of results folders; a suite's are its members'.
func explored(dirs []string) ([]*explore.Results, error) {
	folders, err := openResults(dirs)
	if err != nil {
		return nil, err
	}
	var all []*explore.Results
	for _, f := range folders {
		members := []string{""}
		if f.Suite != nil {
			members = nil
			for _, m := range f.Members {
				members = append(members, m.Name)
			}
		}
		for _, member := range members {
			r, err := explore.ReadResults(cmp.Or(member, f.Name), f.Tables.From(member))
			if err != nil {
				return nil, inputError{err}
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// makePage assembles the page. Where nothing is compiled yet, that takes a while, of which stderr is told.
func makePage(ctx context.Context, results []*explore.Results, stderr io.Writer) (explore.Page, error) {
	fmt.Fprintln(stderr, calledAs+": compiling the page, the first time for some seconds")
	compute, err := explore.Compile(ctx, "")
	if err != nil {
		return nil, err
	}
	return explore.NewPage(compute, results)
}

// buildPage writes the page into a folder that holds nothing else.
func buildPage(ctx context.Context, dir string, results []*explore.Results, stdout, stderr io.Writer) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return inputError{fmt.Errorf("--build %s: the folder has files already; want a new or empty one", dir)}
	}
	if err != nil && !os.IsNotExist(err) {
		return inputError{fmt.Errorf("--build: %w", err)}
	}
	page, err := makePage(ctx, results, stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range page {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%s\n", filepath.Join(dir, "index.html"))
	return nil
}

// openBrowser opens an address in the user's browser.
func openBrowser(url string) error {
	opener := []string{"xdg-open", url}
	switch runtime.GOOS {
	case "darwin":
		opener[0] = "open"
	case "windows":
		opener = []string{"rundll32", "url.dll,FileProtocolHandler", url}
	}
	cmd := exec.Command(opener[0], opener[1:]...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // how the browser ends is its own matter
	return nil
}
