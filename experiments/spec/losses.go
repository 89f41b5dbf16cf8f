package spec

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// LoadLosses reads a config of any form but a suite for its losses, and for what they are to be tested on, as a Scorecard.
// An environment, training settings, a sweep and what else the config of an experiment has are neither needed nor read,
// and so may name data files that are not there. The losses of an experiment get a name beside its own, NAME-scorecard;
// without a name there is that of the file. The error is a decode.Errors.
func LoadLosses(path string, kinds *decode.Tables) (*Config, error) {
	l, err := open(path, kinds)
	if err != nil {
		return nil, err
	}
	if l.isSuite() {
		return nil, l.mistakeAt("suite", "has no losses of its own", "the config of an experiment or of a scorecard", "")
	}
	whole := &tested{Experiment{Settings: defaultSettings()}, DefaultScorecard()}
	root, ok := l.inherited(&whole.Experiment, l.Canonical(l.root, whole), path, nil)
	if !ok {
		return nil, decode.Join(l.errs...)
	}
	l.root = root
	l.nameAfterFile()
	if decode.Lookup(l.root, scorecardKey) == nil && decode.Lookup(l.root, "objectives") == nil {
		l.failAt("objectives", "is missing", "losses to test", "")
	}
	experiment := decode.Lookup(l.root, "environment") != nil
	l.dropOthers(whole)
	if experiment {
		return l.lossesOfExperiment()
	}
	return l.scorecard()
}

// lossKeys are the keys of a config that a scorecard reads.
var lossKeys = []string{"name", "description", "objectives", scorecardKey}

// dropOthers takes the keys that only experiments have out of the tree, and refuses those that nothing has.
func (l *loader) dropOthers(whole *tested) {
	if l.root.Kind != yaml.MappingNode {
		return
	}
	var others []string
	for i := 0; i < len(l.root.Content); i += 2 {
		key := l.root.Content[i]
		if slices.Contains(lossKeys, key.Value) {
			continue
		}
		if mistake, ok := l.CheckPath(l.root, whole, key.Value, key); !ok {
			l.fail(mistake)
		}
		others = append(others, key.Value)
	}
	l.root = without(l.root, others...)
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// nameAfterFile gives a config without a name that of its file.
func (l *loader) nameAfterFile() {
	base := strings.TrimSuffix(filepath.Base(l.path), filepath.Ext(l.path))
	name := strings.Trim(unfit.ReplaceAllString(base, "-"), "-_")
	if l.root.Kind != yaml.MappingNode || name == "" || decode.Lookup(l.root, "name") != nil {
		return
	}
	l.root, _ = decode.Set(l.root, "name", scalar(name)) // setting a top-level key of a mapping cannot fail
}

// lossesOfExperiment is scorecard for an experiment, which may have objectives that are no losses beside those that are.
func (l *loader) lossesOfExperiment() (*Config, error) {
	card := l.decodeLosses()
	card.Name += "-" + scorecardKey
	all := len(card.Objectives)
	card.Objectives = slices.DeleteFunc(card.Objectives, func(o Objective) bool { return o.Loss != nil && o.Direct() })
	if all > 0 && len(card.Objectives) == 0 {
		l.failAt("objectives", "has no losses to test, only policies that need no training", "losses", "")
	}
	return l.losses(card)
}

// scorecard decodes the third form of document.
func (l *loader) scorecard() (*Config, error) {
	card := l.decodeLosses()
	for i := range card.Objectives {
		if o := &card.Objectives[i]; o.Loss != nil && o.Direct() {
			l.failAt(fmt.Sprintf("objectives.%d", i), o.Label(l.Tables)+" is no loss: it gives a policy, and the tests are about minimizers", "losses", "")
		}
	}
	return l.losses(card)
}

// decodeLosses decodes the tree, which has no keys but those of a scorecard.
func (l *loader) decodeLosses() *Scorecard {
	card := newScorecard()
	l.root = l.Canonical(l.root, card)
	l.fail(l.Decode(l.root, "", card))
	l.checkName("name", card.Name)
	l.checkLabels(card.Objectives)
	return card
}

// losses returns the config of a decoded scorecard, or the mistakes.
func (l *loader) losses(card *Scorecard) (*Config, error) {
	if len(l.errs) > 0 {
		return nil, decode.Join(l.errs...)
	}
	return &Config{Path: l.path, Head: card.Head, Scorecard: card, kinds: l.Tables, hash: l.hash, parents: l.parents, at: l.mistakeAt}, nil
}
