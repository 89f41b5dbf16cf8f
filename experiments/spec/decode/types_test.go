package decode

import (
	"errors"
	"fmt"
	"strconv"

	"windtunnel/toy/registry"
)

// A small configuration language that has every kind of field.

type optimizer interface{ step() }

type sgd struct {
	LR float64 `yaml:"lr" alias:"learning_rate" range:"(0,inf)" doc:"learning rate"`
}

type adam struct {
	LR    float64   `yaml:"lr" alias:"learning_rate" range:"(0,inf)" doc:"learning rate"`
	Betas []float64 `yaml:"betas" range:"[0,1)" doc:"decay of the two means"`
}

func (*sgd) step()  {}
func (*adam) step() {}

// Check wants two betas.
func (a *adam) Check() []registry.Problem {
	if len(a.Betas) == 2 {
		return nil
	}
	return []registry.Problem{{Key: "betas", Wrong: fmt.Sprintf("has %d entries", len(a.Betas)), Allowed: "2"}}
}

func optimizers() registry.Table[optimizer] {
	return registry.Table[optimizer]{
		{Name: "adam", Aliases: []string{"adam_1"}, Summary: "Adam", Source: "Kingma and Ba", New: func() optimizer {
			return &adam{LR: 1e-3, Betas: []float64{0.9, 0.999}}
		}},
		{Name: "sgd", Summary: "gradient descent", Source: "Cauchy", New: func() optimizer { return &sgd{LR: 0.1} }},
	}
}

type loss interface{ name() string }

type dpo struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength"`
}

type fdpo struct {
	Lambda     float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength"`
	Divergence string  `yaml:"divergence" oneof:"alpha,js,rkl" required:"true" doc:"the divergence"`
}

type sum struct {
	Terms []term `yaml:"terms" required:"true" doc:"the summands"`
}

type term struct {
	Weight weight `yaml:"weight" doc:"a number or lambda"`
	Loss   loss   `yaml:",kind"`
}

func (*dpo) name() string  { return "dpo" }
func (*fdpo) name() string { return "f-dpo" }
func (*sum) name() string  { return "sum" }

// weight is a number or the word lambda, which is kept as NaN.
type weight struct{ text string }

// UnmarshalText reads it.
func (w *weight) UnmarshalText(text []byte) error {
	if _, err := strconv.ParseFloat(string(text), 64); err != nil && string(text) != "lambda" {
		return errors.New("a number or lambda")
	}
	w.text = string(text)
	return nil
}

// MarshalText writes it; the zero weight is 1.
func (w weight) MarshalText() ([]byte, error) {
	if w.text == "" {
		return []byte("1"), nil
	}
	return []byte(w.text), nil
}

func losses() registry.Table[loss] {
	return registry.Table[loss]{
		{Name: "dpo", Summary: "DPO, -log sigmoid(lambda u) < 1", Source: "Rafailov", New: func() loss { return &dpo{Lambda: 0.1} }},
		{Name: "f-dpo", Aliases: []string{"fdpo"}, Summary: "f-DPO", Source: "Wang", New: func() loss { return &fdpo{Lambda: 0.1} }},
		{Name: "sum", Summary: "a sum", Source: "here", New: func() loss { return &sum{} }},
	}
}

type clipping struct {
	ClipNorm float64 `yaml:"clip_norm" range:"[0,inf]" doc:"largest gradient norm; .inf does not clip"`
}

type training struct {
	Optimizer optimizer `yaml:"optimizer" doc:"how gradients become steps"`
	Epochs    int       `yaml:"epochs" range:"[1,inf)" doc:"passes"`
	Shuffle   bool      `yaml:"shuffle" doc:"a new order each epoch"`
	clipping  `yaml:",inline"`
}

type prompt struct {
	Name   string    `yaml:"name" required:"true" doc:"name"`
	PiStar []float64 `yaml:"pi_star" required:"true" range:"(0,1)" doc:"true policy"`
}

// Check wants a sum of 1.
func (p *prompt) Check() []registry.Problem {
	total := 0.0
	for _, v := range p.PiStar {
		total += v
	}
	if total > 0.999 && total < 1.001 {
		return nil
	}
	return []registry.Problem{{Key: "pi_star", Wrong: fmt.Sprintf("sums to %.3g", total), Allowed: "probabilities that sum to 1"}}
}

type objective struct {
	Label string            `yaml:"name,omitempty" doc:"label in tables"`
	Train Partial[training] `yaml:"train" doc:"overrides of train"`
	Loss  loss              `yaml:",kind" doc:"the loss"`
}

type experiment struct {
	Name       string               `yaml:"name" required:"true" doc:"name of the folder"`
	Prompts    []prompt             `yaml:"prompts" doc:"the prompts"`
	Train      training             `yaml:"train" doc:"how to train"`
	Backup     optimizer            `yaml:"backup" doc:"another optimizer"`
	Objectives []objective          `yaml:"objectives" required:"true" doc:"the losses"`
	Sweep      map[string][]float64 `yaml:"sweep" doc:"values by path"`
	Where      map[string][]string  `yaml:"where" doc:"selection of rows"`
	Basis      [][]float64          `yaml:"basis" range:"[-1,1]" doc:"vectors"`
	Seed       *int64               `yaml:"seed" range:"[0,inf)" doc:"of the run"`
	Solver     string               `yaml:"solver" oneof:"exact,gradient" doc:"how"`
	Metrics    []string             `yaml:"metrics" oneof:"kl,tv" doc:"what to record"`
	Extra      *Node                `yaml:"extra" doc:"anything"`
	Hidden     chan int             `yaml:"-"`
}

func newExperiment() *experiment {
	return &experiment{
		Solver: "gradient",
		Train:  training{Optimizer: &adam{LR: 1e-2, Betas: []float64{0.8, 0.9}}, Epochs: 10, clipping: clipping{10}},
	}
}

func tables() *Tables {
	t := NewTables()
	Register(t, "optimizer", optimizers())
	Register(t, "objective", losses())
	return t
}

func decoder() *Decoder { return &Decoder{File: "c.yaml", Tables: tables()} }
