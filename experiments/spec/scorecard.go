package spec

import (
	"slices"

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
	Only         string             `yaml:"only,omitempty" doc:"only this environment, as the table names it"`
}

// DefaultScorecard returns the settings of a scorecard that gives none: 100 random environments from seed 1.
func DefaultScorecard() ScorecardSettings { return ScorecardSettings{Environments: 100, Seed: 1} }

// newScorecard returns the defaults of the third form of document.
func newScorecard() *Scorecard { return &Scorecard{Settings: DefaultScorecard()} }

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
	at := 0
	for at < len(l.root.Content) && l.root.Content[at].Value != scorecardKey {
		at += 2
	}
	l.fail(l.Decode(l.root.Content[at+1], scorecardKey, &settings))
	l.root.Content = slices.Delete(slices.Clone(l.root.Content), at, at+2)
	return l.experiment(sets)
}

// mistakeAt returns a mistake at a key of the config.
func (l *loader) mistakeAt(key, wrong, allowed, near string) error {
	e := l.Error(l.nearestNode(key), key, wrong, allowed)
	e.Near = near
	return decode.Join(e)
}

// Mistake returns a mistake at a key of a scorecard's file, for checks that only its user can make.
func (c *Config) Mistake(key, wrong, allowed, near string) error {
	return c.at(key, wrong, allowed, near)
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
// no minimizer that a test could look at.
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

// EncodeDocument writes a config of any form as YAML that Load reads, every setting written out.
func EncodeDocument(document any, kinds *decode.Tables) string {
	return decode.Text(decode.Encode(document, kinds))
}
