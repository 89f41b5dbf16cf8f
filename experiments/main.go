// Command experiments runs preference-optimization experiments described in YAML, draws their figures and checks what
// is claimed of them.
//
//	go run ./experiments configs/interpolation.yaml
//
// is the same as the subcommand run. See `experiments help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec/decode"
)

// calledAs is the name by which the program was called. Messages are written with "experiments", for which said puts it.
var calledAs = "experiments"

func main() {
	calledAs = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	ctx := context.Background()
	if !slices.Equal(os.Args[1:], []string{engine.WorkerArgument}) { // which a signal ends; a canceled run would be a failed one
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the process, whatever it does
	}
	os.Exit(Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses of the command.
const (
	exitWell    = 0
	exitVerdict = 1 // a claim's verdict is not the expected one, or a run broke
	exitInput   = 2 // the input is wrong; nothing was written
)

// errVerdict ends a command whose work is done but whose claims or runs are not all well. What went wrong has been
// printed.
var errVerdict = errors.New("not all well")

// verdict is the error of a command whose work is done: none if all is well.
func verdict(well bool) error {
	if well {
		return nil
	}
	return errVerdict
}

// inputError is a mistake of the caller's.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// Main runs the command line and returns the exit status: 0 all well; 1 a claim's verdict is not the expected one or a
// run broke; 2 the input is wrong, and then nothing was written. A canceled context stops the work cleanly.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	defer bridge.Close()
	out := &checkedOutput{Writer: stdout}
	status := perform(ctx, args, out, stderr)
	if status == exitWell && out.err != nil {
		fmt.Fprintf(stderr, "%s: not all could be printed: %v\n", calledAs, out.err)
		return exitVerdict
	}
	return status
}

// saying puts the program's name into the commands that a text tells of, but for those of `go run ./experiments`.
func saying(root *cobra.Command, program string) (said func(text string) string) {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	told := regexp.MustCompile(`(^|[^/\w])experiments( (?:configs/|` + strings.Join(names, "|") + `))`)
	named := "${1}" + strings.ReplaceAll(program, "$", "$$") + "$2"
	return func(text string) string { return told.ReplaceAllString(text, named) }
}

// perform is Main but for what could not be printed.
func perform(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == engine.WorkerArgument {
		if err := engine.Worker(ctx, os.Stdin, stdout); err != nil { // a single run in this process for another one
			fmt.Fprintln(stderr, err)
			return exitVerdict
		}
		return exitWell
	}
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	said := saying(root, calledAs)
	for _, c := range append(root.Commands(), root) {
		c.Example = said(c.Example)
		for _, below := range c.Commands() {
			below.Example = said(below.Example)
		}
	}
	err := root.ExecuteContext(ctx)
	var input inputError
	var occupied publish.TakenError
	var wrong mistakes
	var located decode.Errors
	text, status := fmt.Sprintf("%s: %v", calledAs, err), exitInput
	switch {
	case err == nil:
		return exitWell
	case errors.Is(err, errVerdict):
		return exitVerdict
	case errors.As(err, &wrong):
		text = fewer(wrong)
	case errors.As(err, &located):
		text = fewer(located)
	case errors.As(err, &occupied):
	case errors.As(err, &input):
		text = fmt.Sprintf("%s: %v", calledAs, input.error)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS): // of a folder or a file that the caller named
	default:
		status = exitVerdict
	}
	fmt.Fprintln(stderr, said(text))
	return status
}

// newRoot assembles the command line. Without a subcommand the arguments are configs to run.
func newRoot(stdout, stderr io.Writer) *cobra.Command {
	run := newRun(stdout, stderr)
	root := &cobra.Command{
		Use:   calledAs + " [CONFIG...]",
		Short: "Measure what preference losses do to a policy",
		Long: "Runs preference-optimization experiments described in YAML, draws their figures and checks what is claimed\n" +
			"of them. Without a subcommand the arguments are configs to run.",
		Example: `  experiments configs/paper.yaml                        run the paper's experiments
  experiments run configs/interpolation.yaml --dry-run  see what would be run
  experiments list objectives                           see every loss`,
		Args:          cobra.ArbitraryArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && cmd.Flags().NFlag() == 0 {
			return cmd.Help()
		}
		if err := run.Args(run, args); err != nil {
			return err
		}
		if _, err := os.Stat(args[0]); err != nil && filepath.Ext(args[0]) == "" {
			return unknownCommand(root, args[0])
		}
		return run.RunE(cmd, args)
	}
	root.Flags().AddFlagSet(run.Flags())
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		cmd.Flags().Visit(func(f *pflag.Flag) { // an empty $OUT would be the folder one stands in
			if f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "prompt" {
				err = inputError{fmt.Errorf("--%s: is empty; want a value, or leave the flag out", f.Name)}
			}
		})
		return err
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return inputError{err} })
	root.AddCommand(run, newPlot(stdout), newCheck(stdout), newList(stdout), newSchema(stdout))
	root.AddCommand(newScorecard(stdout), newExplain(stdout), newLoss(stdout), newVectors(stdout))
	root.AddCommand(newMerge(stdout), newCache(stdout, stderr), newCompare(stdout), newExport(stdout))
	root.AddCommand(newSubmit(stdout, stderr), newStatus(stdout, stderr))
	root.AddCommand(newExplore(stdout, stderr), newReport(stdout))
	root.AddCommand(newGenerate(stdout), newScore(stdout, stderr), newData(stdout), newTune(stdout, stderr))
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Example = "  source <(experiments completion bash)"
	}
	return root
}

// unknownCommand explains an argument that is neither a subcommand nor a config.
func unknownCommand(root *cobra.Command, word string) error {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return inputError{decode.Suggest(fmt.Errorf("%s: neither a subcommand (%s) nor a config file", word, strings.Join(names, ", ")), word, names)}
}

// atMost refuses more than n arguments; what says what they are.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return inputError{fmt.Errorf("%s: %q is one argument too many; it takes %s\nexample:\n%s", cmd.CommandPath(), args[n], what, cmd.Example)}
	}
}

// needArgs refuses a call without arguments; what says what they are.
func needArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return inputError{fmt.Errorf("%s: %s is missing\nexample:\n%s", cmd.CommandPath(), what, cmd.Example)}
	}
}

// joinInput joins mistakes of the caller's, nil if there are none. Mistakes of configs keep their order of positions.
func joinInput(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return mistakes{errors.Join(errs...)}
}

// mistakes are wrong input that is printed as it stands, line by line.
type mistakes struct{ error }
