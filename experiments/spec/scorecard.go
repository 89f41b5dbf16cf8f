package spec

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
)

// Scorecard is a config of losses to be put through the scorecard's tests. The config of an experiment may hold the settings
// beside its environment: run then does the experiment, and scorecard tests its losses.
type Scorecard struct {
	Head       `yaml:",inline"`
	Objectives []Objective       `yaml:"objectives" doc:"the losses, one row each; none means every registered loss with its defaults"`
	Settings   ScorecardSettings `yaml:"scorecard" doc:"what the losses are tested on, and the bounds"`
}

// ScorecardSettings says what losses are tested on and what passes.
type ScorecardSettings struct {
	Environments int                `yaml:"environments" range:"[0,100000]" doc:"random environments beside the paper's"`
	Seed         int                `yaml:"seed" range:"[0,1e15]" doc:"of the first random environment; the next have the seeds that follow"`
	Bounds       map[string]float64 `yaml:"bounds" doc:"largest value that passes, by test; other tests keep their defaults (experiments scorecard --help lists them)"`
	Tests        []string           `yaml:"tests" doc:"only these tests, by name, or by the part before the slash for all tests under it where no test has that name itself; none means all"`
	WorstOf      []string           `yaml:"worst_of" oneof:"random,search" doc:"random: the paper's and the random environments, which value and verdict are of; search: beside them the environment that a search finds, in columns of its own"`
}

// DefaultScorecard returns the settings of a scorecard that gives none: 100 random environments from seed 1.
func DefaultScorecard() ScorecardSettings {
	return ScorecardSettings{Environments: 100, Seed: 1, WorstOf: []string{"random"}}
}

// scorecardKey tells a scorecard from the other forms of document.
const scorecardKey = "scorecard"

// tested is an experiment that says on what its losses are to be tested.
type tested struct {
	Experiment `yaml:",inline"`
	Settings   ScorecardSettings `yaml:"scorecard" doc:"what the scorecard tests the losses on, and the bounds; running the experiment does not read it"`
}

// tested decodes an experiment with the scorecard's settings in it, which are checked and put aside.
func (l *loader) tested(sets []string) (*Config, error) {
	settings := DefaultScorecard()
	l.fail(l.Decode(decode.Lookup(l.root, scorecardKey), scorecardKey, &settings))
	l.root = without(l.root, scorecardKey)
	return l.experiment(sets)
}

func (l *loader) mistakeAt(key, wrong, allowed, near string) error {
	return decode.Join(l.Error(l.nearestNode(key), key, wrong, allowed).Meant(near))
}

// Label is what tables call the objective: its name, or else its kind.
func (o *Objective) Label(tables *decode.Tables) string {
	if o.Name != "" {
		return o.Name
	}
	entry, _ := decode.KindOf(tables, o.Loss)
	return entry.Name
}

// Direct says whether the objective is no loss but gives the policy itself.
func (o *Objective) Direct() bool {
	_, direct := o.Loss.(objective.Direct)
	return direct
}

// DefaultObjectives returns every registered loss with its default parameters, in the order of the registry. Kinds that
// need parameters, such as a sum's terms, are left out, and so are those that are no losses, such as best-of-n: they have
// no minimizer to test.
func DefaultObjectives() []Objective {
	var all []Objective
	tables := Tables()
	for _, kind := range objective.Kinds() {
		n := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*decode.Node{scalar("kind"), scalar(kind.Name)}}
		d := decode.Decoder{File: kind.Name, Tables: tables}
		var o Objective
		if d.Decode(n, "", &o) == nil && !o.Direct() {
			all = append(all, o)
		}
	}
	return all
}

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
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if name := strings.Trim(unfit.ReplaceAllString(base, "-"), "-_"); l.root.Kind == yaml.MappingNode && name != "" && decode.Lookup(l.root, "name") == nil {
		l.root, _ = decode.Set(l.root, "name", scalar(name)) // setting a top-level key of a mapping cannot fail
	}
	if decode.Lookup(l.root, scorecardKey) == nil && decode.Lookup(l.root, "objectives") == nil {
		l.failAt("objectives", "is missing", "losses to test", "")
	}
	experiment := decode.Lookup(l.root, "environment") != nil
	if l.root.Kind == yaml.MappingNode {
		var others []string // keys that only experiments have
		for key := range l.root.Pairs() {
			if slices.Contains([]string{"name", "description", "objectives", scorecardKey}, key.Value) { // what a scorecard reads
				continue
			}
			if mistake, ok := l.CheckPath(l.root, whole, key.Value, key); !ok {
				l.fail(mistake)
			}
			others = append(others, key.Value)
		}
		l.root = without(l.root, others...)
	}
	return l.scorecard(experiment)
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// scorecard decodes the third form of document, or the losses of an experiment, which may have objectives that are no losses beside
// those that are. The tree has no keys but those of a scorecard.
func (l *loader) scorecard(experiment bool) (*Config, error) {
	card := &Scorecard{Settings: DefaultScorecard()}
	l.root = l.Canonical(l.root, card)
	l.fail(l.Decode(l.root, "", card))
	l.checkName("name", card.Name)
	l.checkLabels(card.Objectives)
	var losses []Objective
	for i, o := range card.Objectives {
		l.settle(o.Loss)
		if o.Loss == nil || !o.Direct() {
			losses = append(losses, o)
		} else if !experiment {
			l.failAt(fmt.Sprintf("objectives.%d", i), o.Label(l.Tables)+" is no loss: it gives a policy, and the tests are about minimizers", "losses", "")
		}
	}
	if experiment {
		card.Name += "-" + scorecardKey
		if len(losses) == 0 && len(card.Objectives) > 0 {
			l.failAt("objectives", "has no losses to test, only policies that need no training", "losses", "")
		}
	}
	card.Objectives = losses
	if len(l.errs) > 0 {
		return nil, decode.Join(l.errs...)
	}
	return &Config{Path: l.path, Head: card.Head, Scorecard: card, kinds: l.Tables, hash: l.hash, parents: l.parents, Mistake: l.mistakeAt}, nil
}
