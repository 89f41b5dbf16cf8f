// Package variants gives tests every kind of a table with every word, and some numbers, of its parameters, so that a new kind is
// tested as soon as it is registered.
package variants

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"windtunnel/toy/registry"
)

// Variant is a kind whose parameters are the defaults but for one.
type Variant[T any] struct {
	Name   string // the kind with the parameter: "robust label_smoothing=0.3"
	Params T
}

// Of returns every kind: with its defaults, once for each allowed word of its parameters, and once for some allowed values of
// every number but lambda. set completes parameters that have no default. Those that their own Check refuses are left out.
func Of[T any](kinds registry.Table[T], set func(params T)) []Variant[T] {
	var all []Variant[T]
	for _, kind := range kinds {
		for _, c := range choices(reflect.ValueOf(kind.New()).Elem()) {
			params := kind.New()
			if c.key != "" {
				registry.Set(params, c.key, c.value)
			}
			set(params)
			if c, ok := any(params).(registry.Checker); ok && len(c.Check()) > 0 {
				continue
			}
			all = append(all, Variant[T]{strings.TrimSpace(kind.Name + " " + c.name), params})
		}
	}
	return all
}

// choice is a value of one parameter.
type choice struct {
	name, key string
	value     any
}

// choices returns those of parameters with their defaults, first none.
func choices(params reflect.Value) []choice {
	all := []choice{{}}
	for i := range params.NumField() {
		f, field := params.Type().Field(i), params.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if option == "inline" {
			all = append(all, choices(field)[1:]...)
		}
		for _, word := range registry.Words(f.Tag.Get("oneof")) {
			all = append(all, choice{key + "=" + word, key, word})
		}
		if f.Type.Kind() == reflect.Bool {
			all = append(all, choice{key, key, !field.Bool()})
		}
		for _, text := range []string{"pair", "8"} { // of what a field reads by itself, as reference_samples does
			read := reflect.New(f.Type)
			if reader, ok := read.Interface().(encoding.TextUnmarshaler); ok && reader.UnmarshalText([]byte(text)) == nil {
				all = append(all, choice{key + "=" + text, key, read.Elem().Interface()})
			}
		}
		if f.Name == "Lambda" || f.Tag.Get("range") == "" {
			continue
		}
		for _, number := range within(f.Tag.Get("range")) {
			name := fmt.Sprintf("%s=%g", key, number)
			switch f.Type.Kind() {
			case reflect.Int:
				if number == math.Trunc(number) {
					all = append(all, choice{name, key, int(number)})
				}
			case reflect.Float64, reflect.Pointer:
				all = append(all, choice{name, key, number})
			}
		}
	}
	return all
}

// within returns numbers of ordinary size inside a range tag.
func within(tag string) []float64 {
	var low, high float64
	if _, err := fmt.Sscanf(strings.ReplaceAll(tag[1:len(tag)-1], ",", " "), "%g %g", &low, &high); err != nil {
		panic("variants: the range " + tag)
	}
	numbers := []float64{min(0.8*high, max(low, 0.3)), min(0.8*high, max(low, 2))}
	if tag[0] == '[' {
		numbers = append(numbers, max(low, 1e-3))
		if low >= -10 && (low >= 1e-3 || low <= 0) {
			numbers = append(numbers, low)
		}
	}
	return slices.DeleteFunc(numbers, func(v float64) bool {
		return v == low && tag[0] == '(' || v == high && strings.HasSuffix(tag, ")")
	})
}
