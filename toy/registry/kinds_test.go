package registry_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/gold"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/train"
)

// tables are the registries under toy/.
var tables = map[string]registry.Table[any]{
	"bandit.Kinds":      bandit.Kinds().Untyped(),
	"bandit.StateKinds": bandit.StateKinds().Untyped(),
	"gold.Kinds":        gold.Kinds().Untyped(),
	"objective.Kinds":   objective.Kinds().Untyped(),
	"policy.Kinds":      policy.Kinds().Untyped(),
	"preference.Kinds":  preference.Kinds().Untyped(),
	"train.GroupKinds":  train.GroupKinds().Untyped(),
	"train.Optimizers":  train.Optimizers().Untyped(),
	"train.Schedules":   train.Schedules().Untyped(),
}

func TestTables(t *testing.T) {
	for name, kinds := range tables {
		t.Run(name, func(t *testing.T) {
			if len(kinds) == 0 {
				t.Fatal("no kinds")
			}
			byName := func(a, b registry.Kind[any]) int { return strings.Compare(a.Name, b.Name) }
			if !slices.IsSortedFunc(kinds, byName) {
				t.Error("not sorted by name")
			}
			seen := map[string]bool{}
			for _, e := range kinds {
				for _, word := range append([]string{e.Name}, e.Aliases...) {
					if word == "" || seen[word] {
						t.Errorf("%s: the name %q is empty or taken", e.Name, word)
					}
					seen[word] = true
				}
				if e.Summary == "" || e.Source == "" {
					t.Errorf("%s: summary %q, source %q", e.Name, e.Summary, e.Source)
				}
			}
		})
	}
}

func TestParameters(t *testing.T) {
	for name, kinds := range tables {
		for _, e := range kinds {
			t.Run(name+"/"+e.Name, func(t *testing.T) {
				v, again := reflect.ValueOf(e.New()), reflect.ValueOf(e.New())
				if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
					t.Fatalf("New gives a %v, want a pointer to a struct", v.Type())
				}
				if v.Elem().NumField() > 0 && v.Pointer() == again.Pointer() {
					t.Error("New gives the same struct twice")
				}
				if !reflect.DeepEqual(v.Interface(), again.Interface()) {
					t.Errorf("defaults differ: %+v and %+v", v.Elem(), again.Elem())
				}
				checkFields(t, v.Elem(), map[string]bool{})
			})
		}
	}
}

// checkFields checks the tags of a parameter struct and of the structs that it holds.
func checkFields(t *testing.T, v reflect.Value, keys map[string]bool) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		key, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			checkFields(t, v.Field(i), keys)
			continue
		case option == "kind" || key == "-":
			continue
		}
		if key == "" || sf.Tag.Get("doc") == "" {
			t.Errorf("%s: key %q, doc %q", sf.Name, key, sf.Tag.Get("doc"))
		}
		for _, word := range append(registry.Words(sf.Tag.Get("alias")), key) {
			if keys[word] {
				t.Errorf("%s: the key %q is taken", sf.Name, word)
			}
			keys[word] = true
		}
		words := registry.Words(sf.Tag.Get("oneof"))
		if text := v.Field(i); words != nil && !slices.Contains(words, text.String()) && (option != "omitempty" || text.String() != "") {
			t.Errorf("%s: default %q is none of %q", sf.Name, v.Field(i), words)
		}
		switch sf.Type.Kind() {
		case reflect.Float64, reflect.Int:
			checkDefault(t, sf, v.Field(i))
		case reflect.Slice:
			if sf.Type.Elem().Kind() == reflect.Struct {
				checkFields(t, reflect.Zero(sf.Type.Elem()), map[string]bool{})
			}
		}
	}
}

// checkDefault requires that a number has a range and that its default lies inside.
func checkDefault(t *testing.T, sf reflect.StructField, v reflect.Value) {
	tag := sf.Tag.Get("range")
	var open, shut rune
	var low, high float64
	if _, err := fmt.Sscanf(strings.ReplaceAll(tag, ",", " "), "%c%g %g%c", &open, &low, &high, &shut); err != nil {
		t.Errorf("%s: range %q: %v", sf.Name, tag, err)
		return
	}
	x := v.Convert(reflect.TypeFor[float64]()).Float()
	if x < low || x > high || x == low && open == '(' || x == high && shut == ')' {
		t.Errorf("%s: default %v is not in %s", sf.Name, x, tag)
	}
}
