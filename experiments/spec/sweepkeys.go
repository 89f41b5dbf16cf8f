package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics"
	"windtunnel/metrics/tables"
)

// fixedKeys are keys of the objective that tell one from another, or that other settings override.
var fixedKeys = []string{"kind", "name", "train", objectiveColumn}

// sweepable says what keys a sweep may have.
const sweepable = "a parameter of every objective, as lambda, or the dotted path of a setting, as train.epochs"

// objectiveColumn is the swept key, and the column, that chooses among the objectives.
const objectiveColumn = "objective"

// columnPattern is what a column may be called that is named by hand, so that conditions can name it.
var columnPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// chooseObjectives finds the dimension that chooses among the objectives. It returns a dimension that takes all of them
// where there is none.
func (r *sweepReader) chooseObjectives() []dimension {
	found := false
	for i := range r.dims {
		for j := range r.dims[i].keys {
			k := &r.dims[i].keys[j]
			if k.written == nil || k.written.Value != objectiveColumn && k.written.Value != objectiveColumn+"s" {
				continue
			}
			k.column = objectiveColumn
			if found {
				continue // the second key of this name is a mistake, as of any name
			}
			found = true
			if r.dims[i].only != nil {
				r.fail(r.Error(k.written, k.spelled(k.first()), "chooses objectives, and so does for beside it", "one of the two"))
				r.dims[i].only, r.dims[i].choices = nil, make([]int, r.dims[i].rows)
				continue
			}
			r.choose(&r.dims[i], k)
		}
	}
	if found {
		return nil
	}
	for i := range r.labels {
		r.chosen = append(r.chosen, i)
	}
	return []dimension{{rows: len(r.labels), choices: r.chosen}}
}

// choose turns labels of objectives into the choices of a dimension.
func (r *sweepReader) choose(d *dimension, k *sweptKey) {
	d.choices = make([]int, d.rows)
	for row := range d.rows {
		n := k.values[row].node
		if n == nil {
			at, entry := d.source(row)
			r.fail(r.Error(entry, at, "chooses no objective, as other settings do", "an objective in every setting, or in none"))
			continue
		}
		choice := slices.Index(r.labels, n.Value)
		if choice < 0 {
			r.fail(r.Error(n, k.spelled(row), fmt.Sprintf("there is no objective %q", cellText(n)), "one of "+strings.Join(r.labels, ", ")).
				Meant(decode.Nearest(n.Value, r.labels)))
			continue
		}
		d.choices[row] = choice
		if !slices.Contains(r.chosen, choice) {
			r.chosen = append(r.chosen, choice)
		}
	}
}

// resolve finds out what the keys of a dimension are, drops those that are wrong and says whether any are left.
func (r *sweepReader) resolve(d *dimension) bool {
	kept := d.keys[:0]
	for _, k := range d.keys {
		if k.column == "" && !r.resolveKey(d, &k) {
			continue
		}
		if earlier, taken := r.columns[k.column]; taken {
			r.fail(r.Error(k.written, k.spelled(k.first()), "is the same key as "+earlier, "each key once"))
			continue
		}
		reserved := slices.Concat((&Plan{}).Columns(tables.Runs), []string{metrics.ProxyReward.Name, tables.WorstGroupLoss},
			tables.Measured(slices.Concat(metrics.OfGames(), metrics.OfRewards())).Names())
		if k.written == nil && slices.Contains(reserved, k.column) {
			at, n := d.source(0)
			r.fail(r.Error(n, at, "has the column "+k.column+", which tables have already", "another column"))
			continue
		}
		for row, v := range k.values {
			switch _, text := v.typed.(string); {
			case !text || v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str":
			case strings.HasPrefix(v.text, "-"): // as formulas do; spreadsheets would take the cell for one of theirs
				k.values[row].text = "(" + v.text + ")"
			default:
				r.checkCell(k.spelled(row), v.text)
			}
		}
		r.columns[k.column] = k.spelled(k.first())
		r.warnOverridden(d, &k)
		kept = append(kept, k)
	}
	d.keys = kept
	return len(kept) > 0
}

// warnOverridden warns of values that an objective, or --set, gives a key which the sweep then gives another value in every run.
func (r *sweepReader) warnOverridden(d *dimension, k *sweptKey) {
	if k.path == "" || k.spelled(0) == "seeds" && decode.Lookup(r.root, "seeds").Kind == yaml.ScalarNode { // these count on from the seed
		return
	}
	for _, objective := range r.objectivesOf(d, k) {
		if r.exp.Objectives[objective].Loss == nil { // a mistake that has been said
			continue
		}
		everywhere := true
		for row := range k.values {
			mine := d.choices == nil || d.choices[row] == objective
			everywhere = everywhere && (!mine || k.values[row].node != nil)
		}
		at := fmt.Sprintf("objectives.%d.%s", objective, strings.TrimPrefix(k.path, objectiveColumn+"."))
		n := decode.Lookup(r.root, at)
		if n == nil || !strings.HasPrefix(k.path, objectiveColumn+".") && !strings.HasPrefix(k.path, "train.") {
			if at, n = k.path, decode.Lookup(r.trees[objective], k.path); n == nil || !n.From(setLabel) {
				continue
			}
		}
		same := func(v value) bool { return v.node != nil && v.text == cellText(n) }
		// A value that the sweep has too can surprise nobody, and a default that is written out, as results do, says nothing.
		kind, _ := decode.KindOf(r.Tables, r.exp.Objectives[objective].Loss)
		usual := decode.Lookup(decode.Encode(kind.New(), r.Tables), strings.TrimPrefix(k.path, objectiveColumn+"."))
		if everywhere && !slices.ContainsFunc(k.values, same) && (n.From(setLabel) || usual == nil || cellText(n) != cellText(usual)) {
			r.warn(fmt.Sprintf("%s: %s has no effect: %s gives every run of %s a value of its own", at, cellText(n), k.spelled(k.first()), r.labels[objective]))
		}
	}
}

// resolveKey finds the path of a swept key in the documents of the runs that it applies to.
func (r *sweepReader) resolveKey(d *dimension, k *sweptKey) bool {
	path, at := k.written.Value, k.spelled(k.first())
	first, _, _ := strings.Cut(path, ".")
	bare := !slices.Contains(settingKeys, first)
	if bare && slices.Contains(fixedKeys, first) {
		r.fail(r.Error(k.written, at, "cannot be swept", sweepable))
		return false
	}
	if bare {
		path = objectiveColumn + "." + path
	}
	var missing []error
	objectives := r.objectivesOf(d, k)
	if len(objectives) == 0 {
		if d.only != nil {
			r.fail(r.Error(k.written, at, "is for objectives that no run has", "labels of chosen objectives in for"))
		}
		return false // without any objective, which is a mistake that has been said
	}
	for _, objective := range objectives {
		tree, mistake, ok := r.treeWith(objective, path, k.written)
		if !ok {
			missing = append(missing, sweepMistake(mistake, at, k.written.Value, objective))
		} else if k.path == "" {
			k.path = r.CanonicalPath(tree, newRunDoc(), path)
		}
	}
	// Conditions may leave out the objectives that have no such key, which the validation of the runs finds out.
	if len(missing) > 0 && (k.path == "" || len(r.conditions) == 0) {
		r.fail(missing[0])
		return false
	}
	k.column = strings.TrimPrefix(k.path, objectiveColumn+".")
	return true
}

// objectivesOf lists the objectives of the runs that a key of a dimension gives values to.
func (r *sweepReader) objectivesOf(d *dimension, k *sweptKey) []int {
	if d.only != nil {
		return slices.DeleteFunc(slices.Clone(r.chosen), func(objective int) bool { return !d.only[objective] })
	}
	if d.choices == nil {
		return r.chosen
	}
	var all []int
	for row, choice := range d.choices {
		if k.values[row].node != nil && !slices.Contains(all, choice) {
			all = append(all, choice)
		}
	}
	return all
}

// mostTried bounds how many values of an enclosing key are tried for one in which a path exists.
const mostTried = 100

// treeWith returns the document of a run of an objective in which a path can exist: as it is before the sweep, or with
// a value that the sweep gives to a mapping around the path, such as {kind: low-rank} to policy for policy.rank.
func (r *sweepReader) treeWith(objective int, path string, blame *decode.Node) (tree *decode.Node, mistake decode.Error, ok bool) {
	tree = r.trees[objective]
	if mistake, ok = r.CheckPath(tree, newRunDoc(), path, blame); ok {
		return tree, mistake, true
	}
	for i := range r.dims {
		for j := range r.dims[i].keys {
			k := &r.dims[i].keys[j]
			if k.written == nil || !strings.HasPrefix(path, k.written.Value+".") {
				continue
			}
			for row := range min(len(k.values), mostTried) {
				with, err := decode.Set(tree, k.written.Value, k.values[row].node)
				if err != nil || k.values[row].node == nil {
					continue
				}
				if _, ok := r.CheckPath(with, newRunDoc(), path, blame); ok {
					return with, decode.Error{}, true
				}
			}
		}
	}
	return tree, mistake, false
}

// sweepMistake puts a wrong path of an objective's runs in the terms of the sweep. at is the key of the config, spelled
// what of it is the swept key.
func sweepMistake(mistake decode.Error, at, spelled string, objective int) decode.Error {
	first, rest, dotted := strings.Cut(spelled, ".")
	mistake.Key, mistake.Near = at, strings.TrimPrefix(mistake.Near, objectiveColumn+".")
	if slices.Contains(settingKeys, first) {
		if objective > 0 {
			mistake.Wrong += fmt.Sprintf(" of objectives.%d", objective)
		}
	} else {
		mistake.Wrong, mistake.Allowed = fmt.Sprintf("objectives.%d has no such parameter", objective), sweepable
		if near := decode.Nearest(first, settingKeys); mistake.Near == "" && near != "" {
			mistake.Near = near + map[bool]string{true: "." + rest}[dotted]
		}
	}
	if mistake.Near == spelled || slices.Contains(fixedKeys, mistake.Near) && !slices.Contains(settingKeys, mistake.Near) {
		mistake.Near = ""
	}
	return mistake
}

// distinct refuses rows that would give two runs one name.
func (r *sweepReader) distinct(d *dimension) {
	seen := make(map[string]bool, d.rows)
	var name []byte
	for row := range d.rows {
		name = d.appendName(name[:0], row)
		what := len(name)
		if d.choices != nil {
			name = fmt.Appendf(name, " %d", d.choices[row])
		}
		if seen[string(name)] {
			at, n := d.source(row)
			text := "the value " + d.keys[0].values[row].text
			if len(d.keys) > 1 {
				text = "the values " + strings.ReplaceAll(strings.TrimPrefix(string(name[:what]), "/"), "/", ", ")
			}
			r.fail(r.Error(n, at, "has "+text+" twice", "each value once"))
		}
		seen[string(name)] = true
	}
}
