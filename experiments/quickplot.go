package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	"gopkg.in/yaml.v3"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
	"windtunnel/plots"
	"windtunnel/plots/terminal"
)

// quickPlot are the flags of plot, for a figure that no config names and for drawing in the terminal.
type quickPlot struct {
	kind, table, x, y, by, panels, theme, output string
	where, sets                                  []string
	terminal, ascii                              bool
	width                                        int
	color                                        colorFlag
	stdout                                       io.Writer
}

func (q *quickPlot) register(f *pflag.FlagSet) {
	f.StringVar(&q.kind, "kind", "", "`kind` of the figure, as lines or frontier; default lines where another flag asks for a figure")
	f.StringVar(&q.table, "table", "", "`table` to draw")
	f.StringVar(&q.x, "x", "", "`column` on the x axis")
	f.StringVar(&q.y, "y", "", "`column` on the y axis")
	f.StringVar(&q.by, "by", "", "`column` whose values make the lines")
	f.StringVar(&q.panels, "panels", "", "`column` whose values make the panels")
	f.StringArrayVar(&q.where, "where", nil, "select rows, `column=value` or column=[a, b]; repeatable")
	f.StringArrayVar(&q.sets, "set", nil, "any other setting of the figure, `key=value`; repeatable")
	f.StringVar(&q.theme, "theme", "", "paper, slides or dark")
	f.StringVarP(&q.output, "output", "o", "", "`file` to write, .svg, .png, .pdf or .csv by its ending; default KIND in each of them, here")
	f.BoolVar(&q.terminal, "terminal", false, "draw with characters, for a machine without a screen")
	f.BoolVar(&q.ascii, "ascii", false, "nothing but ASCII characters in the terminal; default where the locale has no UTF-8")
	f.IntVar(&q.width, "width", 0, "`columns` of the terminal; default what it has, else 80")
	f.Var(&q.color, "color", "colors in the terminal: auto, always or never")
}

// asked says whether flags ask for more than redrawing.
func (q *quickPlot) asked(f *pflag.FlagSet) bool {
	some := false
	f.Visit(func(*pflag.Flag) { some = true })
	return some
}

// named says whether flags describe a figure.
func (q *quickPlot) named() bool {
	return cmp.Or(q.kind, q.table, q.x, q.y, q.by, q.panels, q.output) != "" || len(q.where)+len(q.sets) > 0
}

func (q *quickPlot) run(dirs []string) error {
	all, err := openResults(dirs)
	if err != nil {
		return err
	}
	if !q.named() {
		if !q.terminal {
			return inputError{errors.New("plot: the flags belong to a figure; want --kind, or --terminal")}
		}
		for i := range all {
			if err := q.sketch(&all[i], kinds.Figures(all[i].config)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) > 1 {
		return inputError{fmt.Errorf("plot: a figure is drawn of one folder, there are %d", len(all))}
	}
	fig, err := q.figure(&all[0])
	if err != nil {
		return err
	}
	if q.terminal {
		return q.sketch(&all[0], []plots.Figure{fig})
	}
	return q.write(&all[0], fig)
}

// figure reads the flags as the figure of a config.
func (q *quickPlot) figure(res *results) (plots.Figure, error) {
	settings := map[string]any{"kind": cmp.Or(q.kind, "lines")}
	settings["name"] = settings["kind"]
	for key, value := range map[string]string{"table": q.table, "x": q.x, "y": q.y, "by": q.by, "panels": q.panels, "theme": q.theme} {
		if value != "" {
			settings[key] = value
		}
	}
	if q.kind == "frontier" && q.y != "" {
		settings["y"] = strings.Split(q.y, ",")
	}
	where := map[string]any{}
	for _, list := range []struct {
		flag string
		of   []string
		to   map[string]any
	}{{"where", q.where, where}, {"set", q.sets, settings}} {
		for _, text := range list.of {
			if err := assign(list.to, list.flag, text); err != nil {
				return plots.Figure{}, inputError{err}
			}
		}
	}
	if len(where) > 0 {
		settings["where"] = where
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return plots.Figure{}, err
	}
	fig, err := kinds.Figure(res.config, string(text))
	if err != nil {
		return fig, mistakes{err}
	}
	return fig, nil
}

// assign reads key=value into settings.
func assign(settings map[string]any, flag, text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return fmt.Errorf("plot: --%s %s is no assignment; want key=value", flag, text)
	}
	var parsed any
	if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
		return fmt.Errorf("plot: --%s %s: %w", flag, text, err)
	}
	settings[key] = parsed
	return nil
}

// write draws a figure into files.
func (q *quickPlot) write(res *results, fig plots.Figure) error {
	ending := filepath.Ext(q.output)
	if q.output != "" {
		fig.Name = strings.TrimSuffix(filepath.Base(q.output), ending)
	}
	files, err := plots.Render(fig, res.src)
	if err != nil {
		return inputError{fmt.Errorf("plot: %w", err)}
	}
	written := 0
	for _, f := range files {
		own := strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) == fig.Name // no twin
		if !own || ending != "" && filepath.Ext(f.Name) != ending {
			continue
		}
		path := filepath.Join(filepath.Dir(q.output), f.Name)
		if err := engine.WriteFile(path, f.Data); err != nil {
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
func (q *quickPlot) sketch(res *results, figures []plots.Figure) error {
	options := q.screen()
	for i, fig := range figures {
		if i > 0 {
			fmt.Fprintln(q.stdout)
		}
		charts, left, err := plots.Charts(fig, res.src)
		switch {
		case errors.Is(err, plots.ErrNoChart):
			fmt.Fprintf(q.stdout, "%s: %v; its files are in %s\n", fig.Name, plots.ErrNoChart, filepath.Join(res.dir, "figures"))
			continue
		case err != nil:
			return inputError{fmt.Errorf("plot: %w", err)}
		}
		if err := terminal.Draw(q.stdout, charts, options); err != nil {
			return err
		}
		if left > 0 {
			fmt.Fprintf(q.stdout, "(%d panels of cells are left out)\n", left)
		}
	}
	return nil
}

// terminalHeight is how many rows a pair of axes has.
const terminalHeight = 18

// screen says what the terminal can show.
func (q *quickPlot) screen() terminal.Options {
	o := terminal.Options{Width: q.width, Height: terminalHeight, ASCII: q.ascii || !unicodeLocale(), Color: q.color.wanted(q.stdout)}
	if o.Width == 0 {
		o.Width = terminalWidth(q.stdout)
	}
	return o
}

// usualWidth is the width in columns of what is no terminal.
const usualWidth = 80

// terminalWidth returns the columns of the terminal that w is, else the usual 80.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return usualWidth
}

// unicodeLocale says whether the locale's characters are UTF-8, as POSIX tells it: LC_ALL before LC_CTYPE before LANG.
func unicodeLocale() bool {
	locale := strings.ToUpper(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
}

// colorFlag says when to use colors.
type colorFlag string

// String returns the choice.
func (c *colorFlag) String() string { return cmp.Or(string(*c), "auto") }

// Set takes a choice.
func (c *colorFlag) Set(text string) error {
	switch text {
	case "auto", "always", "never":
		*c = colorFlag(text)
		return nil
	}
	return errors.New("want auto, always or never")
}

// Type names the flag's argument.
func (c *colorFlag) Type() string { return "when" }

// wanted says whether to use colors on w: by default on a terminal where NO_COLOR (no-color.org) is not set.
func (c *colorFlag) wanted(w io.Writer) bool {
	switch *c {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}
