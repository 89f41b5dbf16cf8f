package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/train"
)

// sectionKind is one top-level key of the document of a run. Runs are put together from decoded sections, which all
// runs share that have the same values there.
type sectionKind struct {
	key   string
	field func(doc *runDoc) any     // what the key gives a run, by a pointer
	keep  func(doc *runDoc) any     // a copy of it, by a pointer
	give  func(run *Run, value any) // puts what keep returned into a run
	apart bool                      // no part of the run's content
	costs bool                      // the expected cost depends on it
}

// The keys of runDoc, as indices of sectionKinds.
const (
	seedSection = iota
	environmentSection
	preferencesSection
	policySection
	solverSection
	trainSection
	constraintSection
	limitsSection
	objectiveSection
	sectionCount
)

var sectionKinds = [sectionCount]sectionKind{
	seedSection:        setting("seed", func(s *Settings) *int { return &s.Seed }),
	environmentSection: setting("environment", func(s *Settings) *bandit.Params { return &s.Environment }).costing(),
	preferencesSection: setting("preferences", func(s *Settings) *preference.Params { return &s.Preferences }).costing(),
	policySection:      setting("policy", func(s *Settings) *policy.Params { return &s.Policy }),
	solverSection:      setting("solver", func(s *Settings) *string { return &s.Solver }).costing(),
	trainSection:       setting("train", func(s *Settings) *train.Params { return &s.Train }).costing(),
	constraintSection:  setting("constraint", func(s *Settings) *train.Constraint { return &s.Constraint }),
	limitsSection:      setting("limits", func(s *Settings) *Limits { return &s.Limits }).asideFromContent(),
	objectiveSection: {
		key:   "objective",
		field: func(doc *runDoc) any { return &doc.Objective.Loss },
		keep:  func(doc *runDoc) any { return doc.Objective.Loss },
		give:  func(run *Run, value any) { run.Loss = value.(objective.Params) },
	},
}

// setting is the section of one key of Settings.
func setting[T any](key string, field func(s *Settings) *T) sectionKind {
	return sectionKind{
		key:   key,
		field: func(doc *runDoc) any { return field(&doc.Settings) },
		keep:  func(doc *runDoc) any { v := *field(&doc.Settings); return &v },
		give:  func(run *Run, value any) { *field(&run.Settings) = *value.(*T) },
	}
}

func (k sectionKind) asideFromContent() sectionKind { k.apart = true; return k }

func (k sectionKind) costing() sectionKind { k.costs = true; return k }

// section is the decoded value of one key of the document of a run.
type section struct {
	index  int // in the facet of its sections
	value  any
	lambda float64           // of an objective, NaN where it has none
	hash   [sha256.Size]byte // of its canonical encoding
	files  []registry.File   // that it names
}

// mostCached bounds how many sections of one kind are kept; others are decoded anew when they are needed.
const mostCached = 1 << 16

// sections are the values that one key has over a plan.
type sections struct {
	kind  *sectionKind
	facet facet                     // the dimensions that say something about the key
	keys  []place                   // what they say, in the order in which it is put into the document
	slots []atomic.Pointer[section] // by index, modulo their number
}

// place is a swept key of a dimension.
type place struct{ dim, key int }

// newSections finds the dimensions that touch a key. A whole mapping is put into the document before what is below it,
// whatever the order in which the sweep has them.
func (p *Plan) newSections(kind *sectionKind) *sections {
	all := &sections{kind: kind}
	marked := make([]bool, len(p.product.dims))
	for d := range p.product.dims {
		for i := range p.product.dims[d].keys {
			if p.product.dims[d].keys[i].in(kind.key) {
				marked[d] = true
				all.keys = append(all.keys, place{d, i})
			}
		}
	}
	slices.SortStableFunc(all.keys, func(a, b place) int { return cmp.Compare(p.depth(a), p.depth(b)) })
	first := decode.Lookup(p.trees[0], kind.key)
	for _, tree := range p.trees {
		if decode.Lookup(tree, kind.key) != first {
			marked[p.product.chooser] = true
		}
	}
	all.facet = p.product.newFacet(marked)
	all.slots = make([]atomic.Pointer[section], min(all.facet.size, mostCached))
	return all
}

func (p *Plan) depth(at place) int {
	return strings.Count(p.product.dims[at.dim].keys[at.key].path, ".")
}

// in says whether the swept key stands in the section of a top-level key.
func (k *sweptKey) in(section string) bool {
	rest, ok := strings.CutPrefix(k.path, section)
	return ok && (rest == "" || rest[0] == '.')
}

// section returns section i of a combination. The error is that of decoding.
func (p *Plan) section(i int, digits []int) (*section, error) {
	all := p.sections[i]
	index := all.facet.index(digits)
	slot := &all.slots[index%len(all.slots)]
	if s := slot.Load(); s != nil && s.index == index {
		return s, nil
	}
	s, err := p.decodeSection(all, digits)
	if err != nil {
		return nil, err
	}
	s.index = index
	slot.Store(s)
	return s, nil
}

// decodeSection decodes one section of a combination.
func (p *Plan) decodeSection(all *sections, digits []int) (*section, error) {
	tree, err := p.tree(all, digits)
	if err != nil {
		return nil, err
	}
	doc := newRunDoc()
	if err := p.decoder.DecodeKey(tree, all.kind.key, doc); err != nil {
		return nil, err
	}
	content := p.contentNode(all.kind, doc)
	s := &section{value: all.kind.keep(doc), lambda: math.NaN(), hash: sha256.Sum256(appendNode(nil, content)),
		files: filesOf(all.kind.field(doc))}
	if n := decode.Lookup(content, "lambda"); n != nil {
		s.lambda = tables.ParseFloat(n.Value)
	}
	return s, nil
}

// tree returns the document of a run with the values that the sweep gives one of its sections.
func (p *Plan) tree(all *sections, digits []int) (*decode.Node, error) {
	tree := p.trees[p.product.objective(digits)]
	for _, at := range all.keys {
		k := &p.product.dims[at.dim].keys[at.key]
		value := k.node(digits[at.dim])
		if value == nil {
			continue
		}
		var err error
		if tree, err = decode.Set(tree, k.path, value); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// contentNode encodes a section as far as it counts: not where its data file lies, whose content counts instead, and not
// what the objective is called.
func (p *Plan) contentNode(kind *sectionKind, doc *runDoc) *decode.Node {
	n := decode.Encode(kind.field(doc), p.decoder.Tables)
	hideFiles(kind, doc, n)
	return n
}

// take puts a section into a run.
func (p *Plan) take(run *Run, i int, s *section) {
	run.sections[i] = s
	sectionKinds[i].give(run, s.value)
	run.files = p.files
	if i == objectiveSection {
		run.Lambda = s.lambda
	}
}

// appendNode appends an encoding of a tree that differs from that of every other tree.
func appendNode(b []byte, n *decode.Node) []byte {
	if n == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(append(b, byte(n.Kind)), uint64(len(n.Content)))
	for _, text := range [...]string{n.Tag, n.Value} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	for _, c := range n.Content {
		b = appendNode(b, c)
	}
	return b
}
