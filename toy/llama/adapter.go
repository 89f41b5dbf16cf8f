package llama

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"windtunnel/toy/kernel"
	"windtunnel/toy/registry"
)

// LoRA asks for low-rank adaptation (Hu et al. 2022): each target matrix W (out x in) acts as W + Alpha/Rank B A, where
// only A (Rank x in) and B (out x Rank) are trained.
type LoRA struct {
	Rank    int      `yaml:"rank" range:"[0,1e4]" doc:"of the change of each weight matrix; 0 trains the whole model"`
	Alpha   float64  `yaml:"alpha" range:"(0,1e6]" doc:"the change is scaled by alpha/rank"`
	Targets []string `yaml:"targets" oneof:"q,k,v,o,gate,up,down" doc:"the matrices that are changed, in every layer"`
}

// Check returns the targets that are unknown or given twice, and their absence.
func (l *LoRA) Check() []registry.Problem {
	if l.Rank == 0 {
		return nil
	}
	allowed := "q, k, v, o, gate, up or down, each once"
	if len(l.Targets) == 0 {
		return []registry.Problem{{Key: "targets", Wrong: "is empty", Allowed: allowed}}
	}
	var problems []registry.Problem
	for i, name := range l.Targets {
		key := fmt.Sprintf("targets.%d", i)
		if !slices.Contains(targetNames[:], name) {
			problems = append(problems, registry.Problem{Key: key, Wrong: fmt.Sprintf("is %q", name), Allowed: allowed})
		} else if slices.Contains(l.Targets[:i], name) {
			problems = append(problems, registry.Problem{Key: key, Wrong: fmt.Sprintf("is %q again", name), Allowed: allowed})
		}
	}
	return problems
}

// Adapter is the trained part of a low-rank adaptation, for models of one shape.
type Adapter[T kernel.Float] struct {
	LoRA
	config Config
	scale  T
	params []T           // by layer, then by target in the order of targetNames: A, then B
	at     [targets]int  // offset of a target's A within a layer
	on     [targets]bool // whether a target is adapted
	stride int           // parameters of one layer
}

// NewAdapter returns an adapter for models of the given shape. A is drawn from rng, uniformly between +-1/sqrt(in) as
// in Hugging Face's PEFT, and B is 0, so that it changes nothing before it is trained. Settings out of range are an
// error.
func NewAdapter[T kernel.Float](c Config, l LoRA, rng *rand.Rand) (*Adapter[T], error) {
	if problems := l.Check(); problems != nil {
		return nil, fmt.Errorf("adapter: %s %s, allowed is %s", problems[0].Key, problems[0].Wrong, problems[0].Allowed)
	}
	if l.Rank < 1 || !(l.Alpha > 0) || math.IsInf(l.Alpha, 0) {
		return nil, fmt.Errorf("adapter: rank %d and alpha %v, allowed are a rank from 1 and a finite alpha above 0", l.Rank, l.Alpha)
	}
	a := &Adapter[T]{LoRA: l, config: c, scale: T(l.Alpha / float64(l.Rank))}
	for t := range targets {
		if a.on[t] = slices.Contains(l.Targets, targetNames[t]); a.on[t] {
			out, in := c.shape(t)
			a.at[t] = a.stride
			a.stride += l.Rank * (in + out)
		}
	}
	a.params = make([]T, c.Layers*a.stride)
	for layer := range c.Layers {
		for t := range targets {
			low, _ := a.factors(a.params, layer, t)
			_, in := c.shape(t)
			bound := 1 / math.Sqrt(float64(in))
			for i := range low {
				low[i] = T(bound * (2*rng.Float64() - 1))
			}
		}
	}
	return a, nil
}

// factors returns A (Rank x in) and B (out x Rank) of one matrix within flat, which is laid out like the adapter's
// parameters. Both are nil where the target is not adapted.
func (a *Adapter[T]) factors(flat []T, layer int, t target) (low, high []T) {
	if !a.on[t] {
		return nil, nil
	}
	out, in := a.config.shape(t)
	part := flat[layer*a.stride+a.at[t]:]
	return part[:a.Rank*in], part[a.Rank*in:][:out*a.Rank]
}

// factorsOf returns A and B of one matrix, nil where it is not adapted or there is no adapter.
func (a *Adapter[T]) factorsOf(layer int, t target) (low, high []T) {
	if a == nil {
		return nil, nil
	}
	return a.factors(a.params, layer, t)
}
