// Package spec turns a YAML config into a validated Experiment and plans its runs. An experiment is data; a plan is a
// list of runs, each complete in itself.
package spec

import (
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/gold"
	"windtunnel/toy/language"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// Experiment is a config: the settings that all runs share, the objectives and the sweep that tell them apart, and what
// is to be said about the results.
type Experiment struct {
	Head       `yaml:",inline"`
	Extends    string `yaml:"extends,omitempty" doc:"a config, relative to this one, that this one is laid over: mappings merge, lists, swept values and mappings of another kind replace; name and description are not inherited"`
	Settings   `yaml:",inline"`
	Objectives []Objective                `yaml:"objectives" required:"true" doc:"the losses, each with its own parameters and, under train, its own training settings"`
	Sweep      decode.Raw[sweepForm]      `yaml:"sweep" doc:"what varies, combined by product, the last fastest: values by dotted key (a list, {logspace: {from, to, num, base}}, {geomspace: {from, to, num}} or {linspace: {from, to, num}}), or a list of blocks; a bare key is a parameter of the objective, and objective chooses among the objectives by label"`
	Where      decode.Raw[conditionsForm] `yaml:"where" doc:"conditions, as lambda <= 1 or objective == 'typo', over the swept columns, objective, lambda and seed; combinations for which one is false are no runs"`
	Seeds      decode.Raw[seedsForm]      `yaml:"seeds" doc:"how many consecutive seeds from seed on every run is done with, or a list of seeds; the same as sweeping seed last"`
	Summary    *summaries.Settings        `yaml:"summary,omitempty" doc:"how runs are summed up over seeds in summary.csv and losses compared in paired.csv; both are written where some setting has several seeds, or where this is given"`
	Compare    *summaries.Comparison      `yaml:"compare,omitempty" doc:"which loss wins, each at its own best value of a setting: the tables selected.csv and selected_paired.csv"`
	Claims     []Claim                    `yaml:"claims" doc:"statements about the tables that should hold, or with expect: false should not"`
	Figures    []Figure                   `yaml:"figures" doc:"figures drawn from the tables; without the key a metric over what is swept, or over training; [] for none"`
	Theme      string                     `yaml:"theme,omitempty" oneof:"paper,slides,dark" doc:"how figures look that do not say it themselves: for a paper (the default), for slides, or on a dark page"`
	Size       string                     `yaml:"size,omitempty" oneof:"column,full,neurips,article" doc:"width of figures that do not say it themselves"`
}

// Suite is a config that runs other configs and composes figures from their tables.
type Suite struct {
	Head    `yaml:",inline"`
	Members []string `yaml:"suite" required:"true" doc:"configs of experiments to run, relative to this one"`
	Figures []Figure `yaml:"figures" doc:"figures drawn from the tables of the members"`
	Theme   string   `yaml:"theme,omitempty" oneof:"paper,slides,dark" doc:"how figures look that do not say it themselves"`
	Size    string   `yaml:"size,omitempty" oneof:"column,full,neurips,article" doc:"width of figures that do not say it themselves"`
}

// Head opens every config.
type Head struct {
	Name        string `yaml:"name" required:"true" doc:"names the results folder: letters, digits, - and _"`
	Description string `yaml:"description,omitempty" doc:"one or two sentences for readers"`
}

// Settings is what a run needs beside its objective.
type Settings struct {
	setup.Settings `yaml:",inline"`
	Limits         Limits `yaml:"limits,omitempty" doc:"what one run may take before it counts as failed"`
}

// Objective is a loss of an experiment.
type Objective struct {
	Name  string                       `yaml:"name" doc:"label in tables and figures; default the kind"`
	Train decode.Partial[train.Params] `yaml:"train" doc:"settings that override those of train for this objective"`
	Loss  objective.Params             `yaml:",kind"`
}

// Claim is a statement about the tables.
type Claim struct {
	Name   string      `yaml:"name" required:"true" doc:"short name in claims.csv"`
	Text   string      `yaml:"text,omitempty" doc:"the statement in words"`
	Expect bool        `yaml:"expect" doc:"whether the claim should hold; false where the point is that something fails"`
	Test   ClaimParams `yaml:",kind"`
}

// ClaimParams are the parameters of one kind of claim. What they state, only the package that checks claims knows.
type ClaimParams interface{ Refs() tables.Refs }

// SetDefaults makes a claim one that should hold.
func (c *Claim) SetDefaults() { c.Expect = true }

// Figure is a figure of the tables.
type Figure struct {
	Name    string       `yaml:"name" required:"true" doc:"name of the files, without extension"`
	From    string       `yaml:"from,omitempty" doc:"experiment of the suite whose tables are drawn; without it the configuration's own"`
	Caption string       `yaml:"caption,omitempty" doc:"what the figure shows, for the report; not drawn"`
	Theme   string       `yaml:"theme,omitempty" oneof:"paper,slides,dark" doc:"how it looks: for a paper (the default), for slides, or on a dark page"`
	Size    string       `yaml:"size,omitempty" oneof:"column,full,neurips,article" doc:"width in a paper: column (77 mm) or full (160 mm) as in ACL, which fit ICML too, neurips (139.7 mm) or article (121 mm, of LaTeX's class at 10 pt); without it column or full as the number of panels asks for"`
	Width   float64      `yaml:"width,omitempty" range:"[40,1000]" doc:"width in mm, in place of size"`
	Params  FigureParams `yaml:",kind"`
}

// FigureParams are the parameters of one kind of figure. How it is drawn, only the package that draws knows.
type FigureParams interface{ Refs() tables.Refs }

func defaultSettings() Settings {
	return Settings{Settings: setup.Settings{Preferences: &preference.Population{}, Policy: &policy.TabularParams{},
		Solver: setup.SolverTrain, Train: train.DefaultParams()}}
}

// Tables returns the registries of the kinds that runs are made of. Those of claims and figures are added by whoever knows
// them.
func Tables() *decode.Tables {
	t := decode.NewTables()
	for _, r := range Registries() {
		r.register(t)
	}
	return t
}

// Registry is one table of kinds, as `experiments list` shows it.
type Registry struct {
	Name     string // plural, as typed: objectives
	Entries  []registry.Kind[any]
	register func(*decode.Tables)
}

// Registries returns the tables of the kinds that runs are made of, in the order in which a config mentions them.
func Registries() []Registry {
	return []Registry{
		asRegistry("environments", "environment", both(bandit.Kinds(), language.Environments())),
		asRegistry("states", "states", bandit.StateKinds()),
		asRegistry("rewards", "reward", gold.Kinds()),
		asRegistry("preferences", "preferences", both(preference.Kinds(), language.Preferences())),
		asRegistry("proxies", "proxy", preference.Proxies()),
		asRegistry("samplers", "sampler", preference.Samplers()),
		asRegistry("policies", "policy", both(policy.Kinds(), language.Policies())),
		asRegistry("objectives", "objective", both(objective.Kinds(), registry.Table[objective.Params]{objective.ExternalKind})),
		asRegistry("optimizers", "optimizer", train.Optimizers()),
		asRegistry("groups", "groups", train.GroupKinds()),
		asRegistry("schedules", "schedule", train.Schedules()),
	}
}

func asRegistry[T any](plural, one string, kinds registry.Table[T]) Registry {
	return Registry{plural, kinds.Untyped(), func(t *decode.Tables) { decode.Register(t, one, kinds) }}
}

// Schema returns the JSON Schema (draft 2020-12) of a config: an experiment, or a suite where it has the key suite.
func Schema(kinds *decode.Tables) ([]byte, error) {
	return decode.Schema("experiment", &Experiment{Settings: defaultSettings()}, kinds,
		decode.Alternative{Key: "suite", Value: &Suite{}}, decode.Alternative{Key: scorecardKey, Value: &Scorecard{Settings: DefaultScorecard()}},
		decode.Alternative{Key: "environment", Value: &tested{Experiment{Settings: defaultSettings()}, DefaultScorecard()}})
}
