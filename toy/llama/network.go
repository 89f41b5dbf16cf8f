package llama

import (
	"fmt"

	"windtunnel/toy/kernel"
)

// Network is a model with or without an adapter, ready to run. It holds no activations: many Tapes and Generators may
// read it at once, as long as nobody writes its parameters.
type Network[T kernel.Float] struct {
	model    *Model[T]
	adapter  *Adapter[T]
	weights  weights[T]
	cos, sin []T // rotations by position, SeqLen x headSize/2
}

// NewNetwork returns a network of the model, with the adapter if it is not nil. It shares their parameters: when these
// change, so does the network. An adapter for another shape is an error.
func NewNetwork[T kernel.Float](m *Model[T], a *Adapter[T]) (*Network[T], error) {
	if a != nil && a.config != m.Config {
		return nil, fmt.Errorf("the adapter is for a model of shape %+v, not %+v", a.config, m.Config)
	}
	n := &Network[T]{model: m, adapter: a, weights: viewOf(m.Config, m.params)}
	n.cos, n.sin = rotations[T](m.Config)
	return n, nil
}

// Config returns the shape of the model.
func (n *Network[T]) Config() Config { return n.model.Config }

// Model returns the model without the adapter.
func (n *Network[T]) Model() *Model[T] { return n.model }

// Adapter returns the adapter, or nil.
func (n *Network[T]) Adapter() *Adapter[T] { return n.adapter }

// Trainable returns what training changes: the adapter's parameters, or all weights where there is none. It is their
// own memory, not a copy.
func (n *Network[T]) Trainable() []T {
	if n.adapter != nil {
		return n.adapter.params
	}
	return n.model.params
}

// Merged returns a new model with the network's outputs: the weights with Alpha/Rank B A added.
func (n *Network[T]) Merged() *Model[T] {
	m := n.model.Clone()
	if n.adapter == nil {
		return m
	}
	a, w := n.adapter, viewOf(m.Config, m.params)
	for layer := range m.Layers {
		for t := range targets {
			low, high := a.factors(a.params, layer, t)
			if low == nil {
				continue
			}
			out, in := m.shape(t)
			scaled := make([]T, len(high))
			for i, v := range high {
				scaled[i] = a.scale * v
			}
			kernel.MulNN(out, in, a.Rank, scaled, a.Rank, low, in, w.matrix(layer, t), in, true)
		}
	}
	return m
}
