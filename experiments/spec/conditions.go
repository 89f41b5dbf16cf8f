package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// conditionsForm is what conditions look like: one, or a list.
type conditionsForm struct{}

// Either lists the two forms.
func (conditionsForm) Either() []any { return []any{"", []string{}} }

// condition is an expression that is true of the combinations that are runs, in the language of expr-lang.org.
type condition struct {
	key  string // of the config
	node *yaml.Node
}

// where reads one condition or a list of them.
func (r *sweepReader) where(at string, n *yaml.Node) {
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

func (r *sweepReader) condition(at string, n *yaml.Node) {
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

// keep takes the combinations of a plan for which every condition is true.
func (l *loader) keep(p *Plan, conditions []condition) {
	if len(conditions) == 0 {
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

// compile checks and compiles a condition.
func (l *loader) compile(c condition, known map[string]variable) *program {
	tree, err := parser.Parse(c.node.Value)
	if err != nil {
		l.fail(l.conditionError(c, err))
		return nil
	}
	mentioned := &mentions{known: known}
	ast.Walk(&tree.Node, mentioned)
	before := len(l.errs)
	for _, m := range mentioned.list {
		if _, ok := known[m.name]; ok || slices.Contains(mentioned.own, m.name) {
			continue
		}
		var names []string
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		e := l.positioned(c, m.from, fmt.Sprintf("there is nothing called %s", m.name), "the swept columns, objective, lambda and seed: "+strings.Join(names, ", "))
		e.Near = decode.Nearest(m.name, names)
		l.fail(e)
	}
	if len(l.errs) > before {
		return nil
	}
	env := types.Map{}
	for name, v := range known {
		env[name] = v.typ
	}
	code, err := expr.Compile(c.node.Value, expr.Env(env), expr.Patch(&mentions{known: known, patch: true}), expr.AsBool(), expr.DisableBuiltin("now"))
	if err != nil {
		l.fail(l.conditionError(c, err))
		return nil
	}
	return &program{condition: c, code: code, names: mentioned.names(), env: map[string]any{}}
}

// conditionError puts an error of the language into the terms of the config.
func (l *loader) conditionError(c condition, err error) decode.Error {
	var at *file.Error
	if errors.As(err, &at) {
		return l.positioned(c, at.From, at.Message, "an expression that is true or false, as lambda <= 1 or objective == 'typo'")
	}
	return l.Error(c.node, c.key, err.Error(), "an expression that is true or false, as lambda <= 1 or objective == 'typo'")
}

// positioned is a mistake at a character of a condition.
func (l *loader) positioned(c condition, from int, wrong, allowed string) decode.Error {
	e := l.Error(c.node, c.key, wrong, allowed)
	quoted := c.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	switch {
	case e.Line == 0 || c.node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
	case quoted:
		e.Column += 1 + from
	default:
		e.Column += from
	}
	return e
}

// mention is a name in a condition.
type mention struct {
	name string
	from int
	node ast.Node
}

// mentions collects the names of a condition, members of known columns as one: train.lr. With patch it makes
// identifiers of these.
type mentions struct {
	known map[string]variable
	patch bool
	list  []mention
	own   []string // variables that the condition declares
}

// Visit is called for every node, children first.
func (m *mentions) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		m.list = append(m.list, mention{n.Value, n.Location().From, n})
	case *ast.VariableDeclaratorNode:
		m.own = append(m.own, n.Name)
	case *ast.MemberNode:
		name := dottedName(n)
		if name == "" {
			return
		}
		if _, ok := m.known[name]; ok && m.patch {
			ast.Patch(node, &ast.IdentifierNode{Value: name})
			return
		}
		// The longer name takes the place of what it begins with.
		if last := len(m.list) - 1; last >= 0 && (m.list[last].node == n.Node) {
			_, shorter := m.known[m.list[last].name]
			if _, longer := m.known[name]; longer || !shorter {
				m.list[last] = mention{name, m.list[last].from, n}
			}
		}
	}
}

// names lists the columns that the condition mentions, each once.
func (m *mentions) names() []string {
	var names []string
	for _, one := range m.list {
		if _, ok := m.known[one.name]; ok && !slices.Contains(names, one.name) {
			names = append(names, one.name)
		}
	}
	return names
}

// dottedName spells a chain of members as a column is spelled, "" for what is no such chain.
func dottedName(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		front, last := dottedName(n.Node), ""
		switch property := n.Property.(type) {
		case *ast.StringNode:
			last = property.Value
		case *ast.IntegerNode:
			last = strconv.Itoa(property.Value)
		}
		if front != "" && last != "" {
			return front + "." + last
		}
	}
	return ""
}
