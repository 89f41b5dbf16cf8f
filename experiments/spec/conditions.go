package spec

import (
	"errors"
	"fmt"
	"strings"
	"windtunnel/experiments/spec/decode"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"gopkg.in/yaml.v3"
)

// conditionsForm is what conditions look like: one, or a list.
type conditionsForm struct{}

// Either lists the two forms.
func (conditionsForm) Either() []any { return []any{"", []string{}} }

// condition is an expression that is true of the combinations that are runs, in the language of expr-lang.org.
type condition struct {
	key  string // of the config
	node *decode.Node
}

// where reads one condition or a list of them.
func (r *sweepReader) where(at string, n *decode.Node) {
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		for i, entry := range n.Content {
			r.condition(fmt.Sprintf("%s.%d", at, i), entry)
		}
	default:
		r.condition(at, n)
	}
}

func (r *sweepReader) condition(at string, n *decode.Node) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || strings.TrimSpace(n.Value) == "" {
		r.fail(r.Error(n, at, "is no condition", "text such as lambda <= 1 or objective == 'typo'"))
		return
	}
	r.conditions = append(r.conditions, condition{at, n})
}

// variable is what conditions know of a combination under one name.
type variable struct {
	typ   types.Type
	value func(digits []int) any
}

// variables lists what conditions may name: the columns of a plan.
func (p *Plan) variables() map[string]variable {
	all := map[string]variable{
		objectiveColumn: {types.String, func(digits []int) any { return p.labels[p.product.objective(digits)] }},
		"lambda": {types.Float64, func(digits []int) any {
			s, err := p.section(objectiveSection, digits)
			if err != nil {
				return nil
			}
			return s.lambda
		}},
		"seed": {types.Int, func(digits []int) any {
			s, err := p.section(seedSection, digits)
			if err != nil {
				return nil
			}
			return *s.value.(*int)
		}},
	}
	for d := range p.product.dims {
		for _, k := range p.product.dims[d].keys {
			if fixed(k.column) {
				continue
			}
			typ := typeOf(k)
			all[k.column] = variable{typ, func(digits []int) any {
				if v, whole := k.value(digits[d]).(int); whole && typ == types.Float64 {
					return float64(v)
				}
				return k.value(digits[d])
			}}
		}
	}
	return all
}

// typeOf returns the type that all values of a series have.
func typeOf(s series) types.Type {
	var found types.Type
	for i := range s.len() {
		v := s.value(i)
		typ := types.TypeOf(v)
		_, number := v.(float64)
		_, whole := v.(int)
		switch {
		case v == nil:
			return types.Any
		case found == nil || found == typ:
			found = typ
		case (number || whole) && (found == types.Int || found == types.Float64):
			found = types.Float64
		default:
			return types.Any
		}
	}
	return found
}

// program is a compiled condition.
type program struct {
	condition
	code    *vm.Program
	names   []string       // that it mentions
	env     map[string]any // their values
	machine vm.VM
}

// keep takes the combinations of a plan for which every condition is true, and of which no block says anything about
// objectives that it is not for.
func (l *loader) keep(p *Plan, conditions []condition) {
	if len(conditions) == 0 && !p.product.partial() {
		return
	}
	before := len(l.errs)
	known := p.variables()
	var programs []*program
	for _, c := range conditions {
		programs = append(programs, l.compile(c, known))
	}
	if len(l.errs) > before {
		return
	}
	kept := newBitset(p.product.size)
	var digits []int
	most := 0 // conditions that one combination fulfils, from the first
	for c := range p.product.size {
		digits = p.product.digits(c, digits[:0])
		if !p.product.fits(digits) {
			continue
		}
		fulfilled, err := countTrue(programs, known, digits)
		if err != nil {
			l.fail(l.Error(programs[fulfilled].node, programs[fulfilled].key, err.Error(), "a condition that is true or false of every combination"))
			return
		}
		if most = max(most, fulfilled); fulfilled == len(programs) {
			kept.add(c)
		}
	}
	if kept.count == 0 {
		l.fail(l.Error(conditions[most].node, conditions[most].key, "leaves no run", "a condition that some run fulfils"))
		return
	}
	kept.index()
	p.kept = kept
}

// countTrue counts the conditions that are true of a combination up to the first that is false, or has no value, which
// is the error. One about settings that are wrong counts as true: the validation of runs will complain about these.
func countTrue(programs []*program, known map[string]variable, digits []int) (int, error) {
	for i, p := range programs {
		for _, name := range p.names {
			p.env[name] = known[name].value(digits)
		}
		if p.undecoded() {
			continue
		}
		v, err := p.machine.Run(p.code, p.env)
		is, boolean := v.(bool)
		var why *file.Error
		switch {
		case errors.As(err, &why):
			return i, errors.New("has no value: " + why.Message)
		case err != nil:
			return i, fmt.Errorf("has no value: %w", err)
		case !boolean:
			return i, fmt.Errorf("is %v for some combination", v)
		case !is:
			return i, nil
		}
	}
	return len(programs), nil
}

// undecoded says whether a setting that the condition mentions could not be decoded.
func (p *program) undecoded() bool {
	for _, name := range []string{"lambda", "seed"} {
		if v, mentioned := p.env[name]; mentioned && v == nil {
			return true
		}
	}
	return false
}
