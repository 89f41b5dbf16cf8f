package spec

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// origin says where in a config the settings of a run were written.
type origin struct {
	l      *loader
	entry  int // of the objective
	axes   []axis
	values []*yaml.Node // of the axes
}

// key turns a key of the document of a run into the key of the config that the value came from: of the sweep, of the
// training settings of the objective, or of the objective.
func (o *origin) key(key string) string {
	if i, rest := o.swept(key); i >= 0 {
		return "sweep." + o.axes[i].spelled + rest
	}
	entry := fmt.Sprintf("objectives.%d.", o.entry)
	if rest, ok := strings.CutPrefix(key, "objective."); ok {
		return entry + rest
	}
	if decode.Lookup(o.l.root, entry+key) != nil {
		return entry + key
	}
	return key
}

// swept returns the axis that gives a key of the document of a run, -1 if none does, and what of the key is below the
// axis.
func (o *origin) swept(key string) (i int, rest string) {
	for i, a := range o.axes {
		if rest, ok := strings.CutPrefix(key, a.path); ok && (rest == "" || rest[0] == '.') {
			return i, rest
		}
	}
	return -1, ""
}

// mistake returns a mistake in a setting of the run, at the place that the setting came from.
func (o *origin) mistake(key, wrong, allowed string) decode.Error {
	at := o.key(key)
	node := o.l.nearestNode(at)
	if i, rest := o.swept(key); i >= 0 {
		node = o.values[i]
		if below := decode.Lookup(node, strings.TrimPrefix(rest, ".")); below != nil {
			node = below
		}
	}
	return o.l.Error(node, at, wrong, allowed)
}

// renamed gives the mistakes of a decoded run the keys of the config.
func (o *origin) renamed(err error) error {
	many := err.(decode.Errors)
	for i := range many {
		many[i].Key = o.key(many[i].Key)
	}
	return many
}
