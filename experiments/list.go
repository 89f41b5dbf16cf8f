package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/expression"
	"windtunnel/toy/objective"
	"windtunnel/toy/registry"
)

func newList(stdout io.Writer) *cobra.Command {
	var names []string
	for _, r := range kinds.Registries() {
		names = append(names, r.Name)
	}
	names = append(names, "metrics", "functions")
	return &cobra.Command{
		Use:   "list [" + strings.Join(names, "|") + "] [KIND]",
		Short: "List every registered kind with its parameters, defaults, bounds and source",
		Example: `  experiments list
  experiments list objectives
  experiments list objectives typo`,
		ValidArgs: names,
		Args:      atMost(2, "the name of a list and of a kind in it"),
		RunE: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return listAll(stdout)
			case 1:
				return listOne(stdout, names, args[0], "")
			}
			return listOne(stdout, names, args[0], args[1])
		},
	}
}

// listAll prints the names of all kinds with a sentence each.
func listAll(w io.Writer) error {
	for _, r := range kinds.Registries() {
		fmt.Fprintf(w, "%s\n", r.Name)
		t := newTabs(w)
		for _, e := range r.Entries {
			fmt.Fprintf(t, "  %s\t%s\n", e.Name, e.Summary)
		}
		t.Flush()
	}
	return listMetrics(w, "")
}

// listMetrics prints the measured columns, or the one with a name.
func listMetrics(w io.Writer, name string) error {
	t, found, names := newTabs(w), false, []string(nil)
	fmt.Fprintln(t, "metrics")
	for _, m := range spec.ListedMetrics() {
		names = append(names, m.Name)
		if name == "" || m.Name == name {
			found = true
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", m.Name, m.Unit, m.Summary, m.Source)
		}
	}
	if !found {
		return notListed("list metrics", name, names)
	}
	return t.Flush()
}

// listFunctions prints what formulas of losses may call and name, or one of them.
func listFunctions(w io.Writer, name string) error {
	t, found, names := newTabs(w), false, []string(nil)
	line := func(word, meaning string) {
		names = append(names, word)
		if name == "" || name == word {
			found = true
			fmt.Fprintf(t, "  %s\t%s\n", word, meaning)
		}
	}
	fmt.Fprintln(t, "functions of formulas, + - * / and ^ or ** aside; PyTorch's spelling means the same: torch.relu(x), F.logsigmoid(x), x.detach()")
	for _, f := range expression.Functions() {
		line(f.Name, f.Usage)
	}
	fmt.Fprintln(t, "functionals of distributions pi, ref and star, for dist")
	for _, f := range expression.Functionals() {
		line(f.Name, f.Usage)
	}
	fmt.Fprintln(t, "names in formulas of comparisons, for pair")
	for _, v := range objective.Variables() {
		line(v.Name, v.Meaning)
	}
	if !found {
		return notListed("list functions", name, names)
	}
	return t.Flush()
}

// listOne prints one registry, or one kind of it, with parameters.
func listOne(w io.Writer, names []string, name, kind string) error {
	switch name {
	case "metrics":
		return listMetrics(w, kind)
	case "functions":
		return listFunctions(w, kind)
	}
	for _, r := range kinds.Registries() {
		if r.Name == name {
			return listRegistry(w, r, kind)
		}
	}
	return notListed("list", name, names)
}

func listRegistry(w io.Writer, r spec.Registry, kind string) error {
	var names []string
	found := false
	for _, e := range r.Entries {
		names = append(append(names, e.Name), e.Aliases...)
		if kind == "" || e.Name == kind || slices.Contains(e.Aliases, kind) {
			found = true
			listKind(w, e)
		}
	}
	if !found {
		return notListed("list "+r.Name, kind, names)
	}
	return nil
}

// listKind prints a kind and a line for each of its parameters.
func listKind(w io.Writer, e registry.Kind[any]) {
	fmt.Fprint(w, e.Name)
	if len(e.Aliases) > 0 {
		fmt.Fprintf(w, " (also %s)", strings.Join(e.Aliases, ", "))
	}
	fmt.Fprintf(w, "\n  %s\n  source: %s\n", e.Summary, e.Source)
	if e.TRL != "" {
		fmt.Fprintf(w, "  in TRL: %s\n", e.TRL)
	}
	t := newTabs(w)
	for _, f := range decode.Fields(e.New(), kinds.Tables()) {
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", strings.Join(append([]string{f.Key}, f.Aliases...), "|"), fieldDefault(f), f.Allowed, f.Doc)
	}
	t.Flush()
	fmt.Fprintln(w)
}

func fieldDefault(f decode.Field) string {
	switch {
	case f.Required:
		return "required"
	case f.Default == "":
		return "optional"
	}
	return "default " + f.Default
}

// notListed explains a name that is in no list.
func notListed(command, name string, names []string) error {
	return inputError{decode.Suggest(fmt.Errorf("%s: there is no %q; one of %s", command, name, strings.Join(names, ", ")), name, names)}
}
