package objective

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of losses in README.md anew")

// TestReadme: the table of all losses in README.md is what registry and formulas say.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const title = "## Every loss\n"
	before, table, found := strings.Cut(string(data), title)
	if !found {
		t.Fatalf("README.md has no line %q", title)
	}
	if want := lossTable(t); *update {
		err = os.WriteFile("README.md", []byte(before+title+want), 0o644)
	} else if table != want {
		err = fmt.Errorf("the table of losses is not that of the registry; write it by: go test ./toy/objective -run TestReadme -update")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lossTable has a row a loss, with its formula where formulas_test.go has one.
func lossTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("\nFormulas are of one comparison, in the words of [a formula of your own](#a-formula-of-your-own), `lambda` being beta; a test " +
		"compares\nthem with the losses, values and derivatives. Settings in parentheses are those that the formula is written for, the default where none\n" +
		"are. Written by `go test ./toy/objective -run TestReadme -update`.\n\n| loss | what it is | formula | source; in TRL |\n| --- | --- | --- | --- |\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	for _, kind := range Kinds() {
		names := "`" + kind.Name + "`"
		for _, alias := range kind.Aliases {
			names += ", " + alias
		}
		formula := noFormula[kind.Name].reason
		switch {
		case kind.Name == "sum":
			formula = "its terms', with weights"
		case formula != "":
			formula = "none: " + formula
		default:
			formula = formulaText(t, kind.New())
		}
		source := kind.Source
		if kind.TRL != "" {
			source += "; " + kind.TRL
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", names, cell(kind.Summary), formula, cell(source))
	}
	return b.String()
}

// formulaText is the first formula of a loss, with the settings that it is written for.
func formulaText(t *testing.T, defaults Params) string {
	i := slices.IndexFunc(ownFormulas, func(f ownFormula) bool { return reflect.TypeOf(f.builtin) == reflect.TypeOf(defaults) })
	if i < 0 {
		t.Fatalf("%T has no formula", defaults)
	}
	var parts, settings []string
	c := ownFormulas[i].custom
	for _, part := range []struct{ name, formula string }{{"", c.Pair}, {"dist: ", c.Dist}, {"psi: ", c.Psi}, {"mu: ", c.Mu}} {
		if part.formula != "" {
			parts = append(parts, part.name+"`"+part.formula+"`")
		}
	}
	have, given := reflect.ValueOf(ownFormulas[i].builtin).Elem(), reflect.ValueOf(defaults).Elem()
	for f := range have.NumField() {
		key, _, _ := strings.Cut(have.Type().Field(f).Tag.Get("yaml"), ",")
		if value := reflect.Indirect(have.Field(f)); key != "lambda" && key != "terms" && key != "" && value.IsValid() &&
			!reflect.DeepEqual(have.Field(f).Interface(), given.Field(f).Interface()) && fmt.Sprint(value) != "" {
			settings = append(settings, fmt.Sprintf("%s %v", key, value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Constants)) {
		settings = append(settings, fmt.Sprintf("%s = %v", name, c.Constants[name]))
	}
	text := strings.ReplaceAll(strings.Join(parts, ", "), "|", `\|`)
	if len(settings) > 0 {
		text += " (" + strings.Join(settings, ", ") + ")"
	}
	return text
}
