package spec

import (
	"fmt"
	"strings"

	"windtunnel/experiments/spec/decode"
)

// origin says where in a config the settings of a run were written.
type origin struct {
	l      *loader
	plan   *Plan
	digits []int // of the run, by dimension
}

// key turns a key of the document of a run into the key of the config that the value came from: of the sweep, of the
// training settings of the objective, or of the objective.
func (o *origin) key(key string) string {
	if k, row, rest := o.swept(key); k != nil {
		return k.spelled(row) + rest
	}
	entry := fmt.Sprintf("objectives.%d.", o.plan.product.objective(o.digits))
	if rest, ok := strings.CutPrefix(key, "objective."); ok {
		return entry + rest
	}
	if decode.Lookup(o.l.root, entry+key) != nil {
		return entry + key
	}
	return key
}

// swept returns the swept key, and its row, that gives a key of the document of a run, the one nearest to it; nil if
// none does. rest is what of the key is below it.
func (o *origin) swept(key string) (found *sweptKey, row int, rest string) {
	for d := range o.plan.product.dims {
		keys := o.plan.product.dims[d].keys
		for i := range keys {
			below, ok := strings.CutPrefix(key, keys[i].path)
			nearer := keys[i].path != "" && (found == nil || len(keys[i].path) > len(found.path))
			if ok && nearer && (below == "" || below[0] == '.') && keys[i].node(o.digits[d]) != nil {
				found, row, rest = &keys[i], o.digits[d], below
			}
		}
	}
	return found, row, rest
}

// mistake returns a mistake in a setting of the run, at the place that the setting came from.
func (o *origin) mistake(key, wrong, allowed string) decode.Error {
	at := o.key(key)
	node := o.l.nearestNode(at)
	if k, row, rest := o.swept(key); k != nil {
		node = k.node(row)
		if below := decode.Lookup(node, strings.TrimPrefix(rest, ".")); below != nil {
			node = below
		}
	}
	return o.l.Error(node, at, wrong, allowed)
}

// renamed gives the mistakes of a decoded run the keys of the config.
func (o *origin) renamed(err error) error {
	many := mistakesOf([]error{err})
	for i := range many {
		many[i].Key = o.key(many[i].Key)
	}
	return many
}
