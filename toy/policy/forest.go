package policy

import (
	"slices"

	"windtunnel/toy/bandit"
)

// forest is a set of prefixes of responses, closed under leaving out the last token: for every prompt a tree whose root
// is the empty prefix. What sequences have in common is computed once. Nodes are numbered level by level, so that parents
// come before children.
type forest struct {
	shape   bandit.Sequences
	perTree int   // all prefixes of a prompt: (V^T - 1)/(V - 1)
	below   []int // by length t of the prefix, V^(T-t) responses begin with it
	first   []int // by length, the number of shorter prefixes of a prompt

	prompt []int   // of each node
	prefix []int   // of each node, its number among all prefixes of its prompt: shorter ones first, then as sequences are
	parent []int32 // position of the node without the last token; -1 for roots
	token  []int32 // the last token; -1 for roots
	deep   int     // nodes from here on are of length T-1: no node has them as parent

	position []int32 // by prompt and prefix: the node's position + 1, 0 if absent
	path     []int32 // of items, T a piece: the nodes along them, root first
}

func newForest(shape bandit.Sequences, prompts int) *forest {
	f := &forest{shape: shape}
	for t, responses := 0, shape.Responses(); t < shape.Length; t++ {
		f.below = append(f.below, responses)
		f.first = append(f.first, f.perTree)
		f.perTree += shape.Responses() / responses
		responses /= shape.Vocabulary
	}
	f.position = make([]int32, prompts*f.perTree)
	return f
}

func (f *forest) len() int { return len(f.prefix) }

func (f *forest) clear() {
	for i, prefix := range f.prefix {
		f.position[f.prompt[i]*f.perTree+prefix] = 0
	}
	f.prompt, f.prefix, f.parent, f.token = f.prompt[:0], f.prefix[:0], f.parent[:0], f.token[:0]
}

// collect makes the forest that of the items' prefixes.
func (f *forest) collect(items []Item) {
	f.clear()
	length := f.shape.Length
	f.path = slices.Grow(f.path[:0], len(items)*length)[:len(items)*length]
	for t := range length {
		f.deep = f.len()
		for i, item := range items {
			parent := int32(-1)
			if t > 0 {
				parent = f.path[i*length+t-1]
			}
			f.path[i*length+t] = f.node(item.Prompt, t, item.Response/f.below[t], parent)
		}
	}
}

// all makes the forest that of all prefixes of one prompt; a node's position is then its prefix.
func (f *forest) all(prompt int) {
	f.clear()
	for t := range f.shape.Length {
		f.deep = f.len()
		for i := range f.shape.Responses() / f.below[t] {
			parent := -1
			if t > 0 {
				parent = f.first[t-1] + i/f.shape.Vocabulary
			}
			f.node(prompt, t, i, int32(parent))
		}
	}
}

// node returns the position of the i-th prefix of t tokens, adding it if it is new.
func (f *forest) node(prompt, t, i int, parent int32) int32 {
	prefix := f.first[t] + i
	at := &f.position[prompt*f.perTree+prefix]
	if *at > 0 {
		return *at - 1
	}
	token := -1
	if t > 0 {
		token = i % f.shape.Vocabulary
	}
	f.prompt, f.prefix = append(f.prompt, prompt), append(f.prefix, prefix)
	f.parent, f.token = append(f.parent, parent), append(f.token, int32(token))
	*at = int32(f.len())
	return *at - 1
}

// next returns the token that a response has after its first t.
func (f *forest) next(response, t int) int {
	return response / (f.below[t] / f.shape.Vocabulary) % f.shape.Vocabulary
}
