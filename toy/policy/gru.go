package policy

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// GRUParams asks for a gated recurrent unit that reads sequences token by token.
type GRUParams struct {
	Width int `yaml:"width" range:"[1,1024]" doc:"H, units of the hidden state"`
}

// Build draws the weights uniformly from [-1/sqrt(H), 1/sqrt(H)], as PyTorch does, except those of the output, which
// are 0 so that the policy starts at the reference.
func (p *GRUParams) Build(env *bandit.Env, rng *rand.Rand) (Policy, error) {
	shape, err := sequencesOf(env, gruKind.Name)
	if err != nil {
		return nil, err
	}
	g := &gru{width: p.Width, vocabulary: shape.Vocabulary}
	for i := range env.Prompts {
		g.features = append(g.features, env.Prompts[i].Features)
	}
	weights := make([]float64, g.layout(nil).size)
	bound := 1 / math.Sqrt(float64(p.Width))
	w := g.layout(weights)
	for _, part := range [][]float64{w.input, w.bias, w.recurrent, w.inner} {
		for i := range part {
			part[i] = bound * (2*rng.Float64() - 1)
		}
	}
	return newAutoregressive(env, g, weights, conditionals(env)), nil
}

func (*GRUParams) Random() bool { return true }

// gru is the network of Cho et al. (arXiv 1406.1078) as PyTorch's torch.nn.GRU computes it,
//
//	r = sigmoid(W_r x + b_r + U_r h),  z = sigmoid(W_z x + b_z + U_z h),  n = tanh(W_n x + b_n + r (U_n h + c)),
//	h' = (1 - z) n + z h,
//
// from h = 0, with a linear output. The first input is the prompt's features, then come the tokens, one-hot.
type gru struct {
	width, vocabulary int
	features          [][]float64 // by prompt

	hidden []float64 // nodes x H: h'
	gates  []float64 // nodes x 3H: r, z, n
	update []float64 // nodes x 3H: U h' for the node's children
	dh, du []float64 // derivatives by hidden and update
	in     []float64 // 3H: scratch
	zero   []float64 // 3H zeros: U h and h of the roots
}

// gruWeights are the parts of the parameters, or of their gradient. Rows of three times H are those of r, z and n.
type gruWeights struct {
	input     []float64 // (features + V) x 3H: W, a row an input
	bias      []float64 // 3H: b
	recurrent []float64 // 3H x H: U
	inner     []float64 // H: c
	out       []float64 // V x H
	outBias   []float64 // V
	size      int
}

// layout splits a parameter-shaped slice; nil gives the size alone.
func (g *gru) layout(flat []float64) gruWeights {
	var w gruWeights
	h, v := g.width, g.vocabulary
	for _, part := range []struct {
		of   *[]float64
		size int
	}{
		{&w.input, (len(g.features[0]) + v) * 3 * h}, {&w.bias, 3 * h}, {&w.recurrent, 3 * h * h}, {&w.inner, h},
		{&w.out, v * h}, {&w.outBias, v},
	} {
		if flat != nil {
			*part.of = flat[w.size : w.size+part.size]
		}
		w.size += part.size
	}
	return w
}

func (g *gru) forward(params []float64, f *forest, dst []float64) {
	w, h, v := g.layout(params), g.width, g.vocabulary
	g.fit(f.len())
	for node := range f.len() {
		g.read(&w, f, node)
		before, update := g.parent(f, node)
		hidden, gates := g.hidden[node*h:(node+1)*h], g.gates[node*3*h:(node+1)*3*h]
		for i := range h {
			r := logspace.Sigmoid(g.in[i] + update[i])
			z := logspace.Sigmoid(g.in[h+i] + update[h+i])
			n := math.Tanh(g.in[2*h+i] + r*(update[2*h+i]+w.inner[i]))
			gates[i], gates[h+i], gates[2*h+i] = r, z, n
			hidden[i] = (1-z)*n + z*before[i]
		}
		if node < f.deep {
			for i := range 3 * h {
				g.update[node*3*h+i] = floats.Dot(w.recurrent[i*h:(i+1)*h], hidden)
			}
		}
		for token := range v {
			dst[node*v+token] += w.outBias[token] + floats.Dot(w.out[token*h:(token+1)*h], hidden)
		}
	}
}

func (g *gru) read(w *gruWeights, f *forest, node int) {
	copy(g.in, w.bias)
	if token := f.token[node]; token >= 0 {
		floats.Add(g.in, g.row(w.input, len(g.features[0])+int(token)))
		return
	}
	for i, x := range g.features[f.prompt[node]] {
		if x != 0 {
			floats.AddScaled(g.in, x, g.row(w.input, i))
		}
	}
}

// row returns row i of a matrix with 3H columns.
func (g *gru) row(m []float64, i int) []float64 { return m[i*3*g.width : (i+1)*3*g.width] }

// parent returns h and U h, as a node reads them.
func (g *gru) parent(f *forest, node int) (hidden, update []float64) {
	parent := int(f.parent[node])
	if parent < 0 {
		return g.zero[:g.width], g.zero
	}
	return g.hidden[parent*g.width : (parent+1)*g.width], g.row(g.update, parent)
}

func (g *gru) backward(params []float64, f *forest, d, grad []float64) {
	w, dw, h := g.layout(params), g.layout(grad), g.width
	clear(g.dh)
	clear(g.du)
	for node := f.len() - 1; node >= 0; node-- {
		hidden, dh := g.hidden[node*h:(node+1)*h], g.dh[node*h:(node+1)*h]
		for token, v := range d[node*g.vocabulary : (node+1)*g.vocabulary] {
			dw.outBias[token] += v
			floats.AddScaled(dw.out[token*h:(token+1)*h], v, hidden)
			floats.AddScaled(dh, v, w.out[token*h:(token+1)*h])
		}
		if node < f.deep {
			for i, v := range g.row(g.du, node) {
				floats.AddScaled(dw.recurrent[i*h:(i+1)*h], v, hidden)
				floats.AddScaled(dh, v, w.recurrent[i*h:(i+1)*h])
			}
		}
		g.throughGates(&w, &dw, f, node)
		floats.Add(dw.bias, g.in)
		g.spread(&dw, f, node)
	}
}

// throughGates leaves the derivatives by W x + b in in, and adds those by the parent's h and U h to its own.
func (g *gru) throughGates(w, dw *gruWeights, f *forest, node int) {
	h, gates, dh := g.width, g.row(g.gates, node), g.dh[node*g.width:(node+1)*g.width]
	before, update := g.parent(f, node)
	parent := int(f.parent[node])
	for i, v := range dh {
		r, z, n := gates[i], gates[h+i], gates[2*h+i]
		dn := v * (1 - z) * (1 - n*n)
		dz := v * (before[i] - n) * z * (1 - z)
		dr := dn * (update[2*h+i] + w.inner[i]) * r * (1 - r)
		g.in[i], g.in[h+i], g.in[2*h+i] = dr, dz, dn
		dw.inner[i] += dn * r
		if parent >= 0 {
			g.dh[parent*h+i] += v * z
			du := g.row(g.du, parent)
			du[i] += dr
			du[h+i] += dz
			du[2*h+i] += dn * r
		}
	}
}

// spread adds the derivatives in in to the rows of the node's inputs.
func (g *gru) spread(dw *gruWeights, f *forest, node int) {
	if token := f.token[node]; token >= 0 {
		floats.Add(g.row(dw.input, len(g.features[0])+int(token)), g.in)
		return
	}
	for i, x := range g.features[f.prompt[node]] {
		if x != 0 {
			floats.AddScaled(g.row(dw.input, i), x, g.in)
		}
	}
}

func (g *gru) fit(nodes int) {
	h := g.width
	g.hidden, g.dh = grown(g.hidden, nodes*h), grown(g.dh, nodes*h)
	g.gates, g.update, g.du = grown(g.gates, nodes*3*h), grown(g.update, nodes*3*h), grown(g.du, nodes*3*h)
	if g.in == nil {
		g.in, g.zero = make([]float64, 3*h), make([]float64, 3*h)
	}
}

var gruKind = registry.Kind[Params]{
	Name:    "gru",
	Summary: "for sequences: a gated recurrent unit that reads the prompt's features and then the tokens, added to log pi_ref",
	Source:  "Cho et al. 2014, arXiv 1406.1078",
	New:     func() Params { return &GRUParams{Width: 16} },
}
