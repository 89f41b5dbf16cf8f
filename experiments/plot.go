package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/plots"
)

func newPlot(stdout io.Writer) *cobra.Command {
	q := &plotOptions{stdout: stdout}
	cmd := &cobra.Command{
		Use:   "plot RESULTS...",
		Short: "Redraw the figures of results folders from their tables, or draw another one, without training",
		Long: "Without --kind the figures that the folders' configs name are drawn again, in place. With it, one figure is drawn of one\n" +
			"folder and written beside where you are, or to --output; `experiments list figures` tells of the kinds and their settings.\n" +
			"--terminal draws with characters instead, and writes nothing.",
		Example: `  experiments plot results/preservation
  experiments plot results/*
  experiments plot results/preservation --kind lines --x lambda --y tv_star --by objective
  experiments plot results/preservation --terminal`,
		Args: needArgs("a results folder"),
		RunE: func(cmd *cobra.Command, args []string) error { return q.run(cmd.Context(), args, cmd.ErrOrStderr()) },
	}
	f := cmd.Flags()
	f.StringVar(&q.kind, "kind", "", "`kind` of the figure, as lines or frontier; default lines where another flag asks for a figure")
	f.StringVar(&q.table, "table", "", "`table` to draw")
	f.StringVar(&q.x, "x", "", "`column` on the x axis")
	f.StringVar(&q.y, "y", "", "`column` on the y axis")
	f.StringVar(&q.by, "by", "", "`column` whose values make the lines")
	f.StringVar(&q.panels, "panels", "", "`column` whose values make the panels")
	f.StringArrayVar(&q.where, "where", nil, "select rows, `column=value` or column=[a, b]; repeatable")
	f.StringArrayVar(&q.sets, "set", nil, "any other setting of the figure, `key=value`; repeatable")
	f.StringVar(&q.theme, "theme", "", "paper, slides or dark")
	f.StringVar(&q.size, "size", "", "column, full, neurips or article")
	f.StringVarP(&q.output, "output", "o", "", "`file` to write, .svg, .png, .pdf or .csv by its ending; default KIND in each of them, here")
	f.BoolVar(&q.terminal, "terminal", false, "draw with characters, for a machine without a screen")
	q.screen.register(f)
	return cmd
}

// openResults opens results folders. All mistakes are reported together.
func openResults(dirs []string) ([]*results.Folder, error) {
	var all []*results.Folder
	var errs []error
	for _, dir := range dirs {
		f, err := results.Open(filepath.Clean(dir))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, f)
	}
	return all, joinInput(errs)
}

// redraw draws the figures that each folder's config names, in another theme or size where one is asked for.
func (q *plotOptions) redraw(ctx context.Context, all []*results.Folder) error {
	well := true
	for _, folder := range all {
		if err := folder.Restyle(q.theme, q.size); err != nil {
			return inputError{fmt.Errorf("plot: %w", err)}
		}
		drawn, err := folder.Redraw(ctx)
		if err != nil {
			return err
		}
		for _, path := range drawn.Pictures(folder.Dir) {
			fmt.Fprintln(q.stdout, path)
		}
		if lacking := results.Lacking(drawn.Files); lacking != "" {
			fmt.Fprintf(q.stdout, "  warning: %s\n", lacking)
		}
		for _, err := range drawn.Undrawn {
			fmt.Fprintf(q.stdout, "  not drawn: %v\n", err)
		}
		well = well && len(drawn.Undrawn) == 0
	}
	return verdict(well)
}

// plotOptions are the flags of plot, for a figure that no config names and for drawing in the terminal.
type plotOptions struct {
	kind, table, x, y, by, panels, theme, size, output string
	where, sets                                        []string
	terminal                                           bool
	screen                                             screen
	stdout                                             io.Writer
}

// named says whether flags describe a figure.
func (q *plotOptions) named() bool {
	return cmp.Or(q.kind, q.table, q.x, q.y, q.by, q.panels, q.output) != "" || len(q.where)+len(q.sets) > 0
}

func (q *plotOptions) run(ctx context.Context, dirs []string, stderr io.Writer) error {
	if !q.named() && !q.terminal && q.screen != (screen{}) {
		return inputError{errors.New("plot: the flags belong to a figure; want --kind, or --terminal")}
	}
	all, err := openResults(dirs)
	if err != nil {
		return err
	}
	warnChanged(stderr, all)
	switch {
	case !q.named() && !q.terminal:
		return q.redraw(ctx, all)
	case !q.named():
		for _, folder := range all {
			if err := q.sketch(folder, folder.Figures); err != nil {
				return err
			}
		}
		return nil
	case len(all) > 1:
		return inputError{fmt.Errorf("plot: a figure is drawn of one folder, there are %d", len(all))}
	}
	fig, err := q.figure(all[0])
	if err != nil {
		return err
	}
	if q.terminal {
		return q.sketch(all[0], []plots.Figure{fig})
	}
	return q.write(all[0], fig)
}

// figure reads the flags as the figure of a config.
func (q *plotOptions) figure(folder *results.Folder) (plots.Figure, error) {
	kind := cmp.Or(q.kind, "lines")
	named := map[string]string{"kind": kind, "name": kind, "table": q.table, "x": q.x, "y": q.y, "by": q.by, "panels": q.panels, "theme": q.theme, "size": q.size}
	maps.DeleteFunc(named, func(_, value string) bool { return value == "" })
	where, wrongWhere := assigned(kind, "where", "where.", q.where)
	sets, wrongSet := assigned(kind, "set", "", q.sets)
	if err := cmp.Or(wrongWhere, wrongSet); err != nil {
		return plots.Figure{}, inputError{err}
	}
	settings := map[string]*decode.Node{}
	if kind == "frontier" && q.y != "" {
		settings["y"] = decode.Encode(strings.Split(q.y, ","), nil)
	}
	maps.Copy(settings, sets)
	if len(where) > 0 {
		settings["where"] = decode.Encode(where, nil)
	}
	return folder.Figure(decode.Replace(decode.Encode(named, nil), decode.Encode(settings, nil)))
}

// assigned reads every key=value of a flag as a setting of a kind of figure below a path.
func assigned(kind, flag, below string, texts []string) (settings map[string]*decode.Node, err error) {
	d, root := decode.Decoder{File: "plot", Tables: kinds.Tables()}, decode.Encode(map[string]string{"kind": kind}, nil)
	settings = map[string]*decode.Node{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("plot: --%s %s is no assignment; want key=value", flag, text)
		}
		if settings[key], err = d.Assigned(root, &spec.Figure{}, below+key, "plot: --"+flag+" "+text, value); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// write draws a figure into files.
func (q *plotOptions) write(folder *results.Folder, fig plots.Figure) error {
	ending := filepath.Ext(q.output)
	if q.output != "" {
		fig.Name = strings.TrimSuffix(filepath.Base(q.output), ending)
		first := q.output
		if ending == "" {
			first += ".svg"
		}
		if err := publish.PlaceFile("plot: --output", first); err != nil {
			return err
		}
	}
	files, err := plots.Render(fig, folder.Tables)
	if err != nil {
		return inputError{fmt.Errorf("plot: %w", err)}
	}
	if lacking := results.Lacking(files); lacking != "" {
		fmt.Fprintf(q.stdout, "  warning: %s\n", lacking)
	}
	written := 0
	for _, f := range files {
		own := strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) == fig.Name // no twin
		if !own || ending != "" && filepath.Ext(f.Name) != ending {
			continue
		}
		path := filepath.Join(filepath.Dir(q.output), f.Name)
		if err := publish.WriteFile(path, f.Data); err != nil {
			return err
		}
		written++
		fmt.Fprintln(q.stdout, path)
	}
	if written == 0 {
		return inputError{fmt.Errorf("plot: --output %s: want an ending of .svg, .png, .pdf or .csv", q.output)}
	}
	return nil
}

// sketch draws figures in the terminal. Maps of cells cannot be drawn with so few characters, which it says.
func (q *plotOptions) sketch(folder *results.Folder, figures []plots.Figure) error {
	options := q.screen.options(q.stdout)
	for i, fig := range figures {
		if i > 0 {
			fmt.Fprintln(q.stdout)
		}
		text, err := options.Draw(fig, folder.Tables)
		switch {
		case errors.Is(err, plots.ErrNoChart):
			text = fmt.Sprintf("%s: %v; its files are in %s\n", fig.Name, plots.ErrNoChart, filepath.Join(folder.Dir, "figures"))
		case err != nil:
			return inputError{fmt.Errorf("plot: %w", err)}
		}
		if _, err := io.WriteString(q.stdout, text); err != nil {
			return err
		}
	}
	return nil
}
