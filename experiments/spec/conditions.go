package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

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
type conditionsForm = decode.Or[string, []string]

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
		r.fail(r.Error(n, at, decode.Got(n), "a condition, text such as lambda <= 1 or objective == 'typo'"))
		return
	}
	r.conditions = append(r.conditions, condition{at, n})
}

// variable is what conditions know of a combination under one name.
type variable struct {
	typ   types.Type
	value func(rows []int) any // nil where the setting cannot be decoded
}

// variables lists what conditions may name: the columns of a plan.
func (p *planner) variables() map[string]variable {
	all := map[string]variable{
		objectiveColumn: {types.String, func(rows []int) any { return p.labels[p.choice(rows)] }},
		"lambda":        {types.Float64, p.decoded(objectiveSection, func(s *section) any { return s.lambda })},
		"seed":          {types.Int, p.decoded(seedSection, func(s *section) any { return s.seed })},
	}
	for d := range p.dims {
		for i := range p.dims[d].keys {
			k := &p.dims[d].keys[i]
			if fixed(k.column) {
				continue
			}
			typ := typeOf(k.values)
			if p.dims[d].only != nil {
				typ = types.Any
			}
			all[k.column] = variable{typ, func(rows []int) any {
				v := k.at(rows[d]).typed
				if whole, is := v.(int); is && typ == types.Float64 {
					return float64(whole)
				}
				return v
			}}
		}
	}
	return all
}

// decoded returns what a section of a combination is decoded to, nil where it cannot be.
func (p *planner) decoded(i int, value func(s *section) any) func(rows []int) any {
	return func(rows []int) any {
		if s := p.section(i, rows); s.err == nil {
			return value(s)
		}
		return nil
	}
}

// typeOf returns the type that all values of a key have.
func typeOf(values []value) types.Type {
	var found types.Type
	number := func(typ types.Type) bool { return typ == types.Int || typ == types.Float64 }
	for i := range values {
		typ := types.TypeOf(values[i].typed)
		switch {
		case values[i].typed == nil:
			return types.Any
		case found == nil || found == typ:
			found = typ
		case number(typ) && number(found):
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
	loops   bool                // it goes over a list or a range
	left    *atomic.Bool        // it is left alone, and ends at the next round of a loop
	known   map[string]variable // that it mentions
	env     map[string]any      // their values
	machine vm.VM
}

// countTrue counts the conditions that are true of a combination up to the first that is false, or has no value, which
// is the error, as is coming to the deadline. One about settings that are wrong counts as true: the validation of runs will complain about these.
func countTrue(programs []*program, rows []int, deadline time.Time) (int, error) {
	for i, one := range programs {
		undecoded := false
		for name, v := range one.known {
			one.env[name] = v.value(rows)
			undecoded = undecoded || one.env[name] == nil && (name == "lambda" || name == "seed")
		}
		if undecoded {
			continue
		}
		v, err := one.run(deadline)
		is, boolean := v.(bool)
		var why *file.Error
		switch {
		case errors.As(err, &why):
			return i, errors.New("has no value: " + why.Message)
		case err != nil:
			return i, err
		case !boolean:
			return i, fmt.Errorf("is %v for some combination", v)
		case !is:
			return i, nil
		}
	}
	return len(programs), nil
}

// How long a condition with a loop may take of one combination, and the conditions of a plan of all of them.
const (
	longestCondition  = 2 * time.Second
	longestConditions = time.Minute
)

// run evaluates the condition. Where it has a loop, which may not end for long, it is left alone after a while.
func (p *program) run(deadline time.Time) (any, error) {
	if time.Now().After(deadline) {
		return nil, fmt.Errorf("takes more than %v of all combinations", longestConditions)
	}
	if !p.loops {
		return p.machine.Run(p.code, p.env)
	}
	type outcome struct {
		v   any
		err error
	}
	done, env := make(chan outcome, 1), maps.Clone(p.env)
	go func() {
		v, err := new(vm.VM).Run(p.code, env)
		done <- outcome{v, err}
	}()
	late := time.NewTimer(longestCondition)
	defer late.Stop()
	select {
	case o := <-done:
		return o.v, o.err
	case <-late.C:
		p.left.Store(true)
		return nil, fmt.Errorf("takes more than %v of one combination", longestCondition)
	}
}

// compile checks and compiles a condition, given what it may name. It is nil after a mistake.
func (l *loader) compile(c condition, variables map[string]variable) *program {
	tree, err := parser.Parse(c.node.Value)
	if err != nil {
		l.fail(l.conditionError(c, err))
		return nil
	}
	before := len(l.errs)
	mentioned := &mentions{known: variables}
	ast.Walk(&tree.Node, mentioned)
	known, aliases, columns := map[string]variable{}, map[string]string{}, slices.Sorted(maps.Keys(variables))
	for _, m := range mentioned.list {
		if slices.Contains(mentioned.own, m.name) {
			continue
		}
		column := m.name
		if own := aliased(m.name, columns, l.Tables); own != "" {
			aliases[m.name], column = own, own
		}
		v, ok := variables[column]
		if !ok {
			l.fail(l.positioned(c, m.from, "there is nothing called "+m.name, "objective, lambda, seed or a swept column: "+strings.Join(columns, ", ")).
				Meant(decode.Nearest(m.name, columns)))
		}
		known[column] = v
	}
	if len(l.errs) > before {
		return nil
	}
	env := types.Map{}
	for name, v := range variables {
		env[name] = v.typ
	}
	left := new(atomic.Bool)
	code, err := expr.Compile(c.node.Value, expr.Env(env), expr.Patch(&mentions{known: variables, aliases: aliases, patch: true}), expr.AsBool(),
		expr.DisableBuiltin("now"), expr.Function(everyRound, func(...any) (any, error) {
			if left.Load() {
				return nil, errors.New("left alone")
			}
			return nil, nil
		}))
	if err != nil {
		l.fail(l.conditionError(c, err))
		return nil
	}
	return &program{condition: c, code: code, loops: mentioned.loops, left: left, known: known, env: map[string]any{}}
}

// everyRound is the function that is called before each round of a loop, under a name that no condition can spell.
const everyRound = "every round"

// expression says what a condition is.
const expression = "an expression that is true or false, as lambda <= 1 or objective == 'typo'"

// conditionError puts an error of the language into the terms of the config.
func (l *loader) conditionError(c condition, err error) decode.Error {
	var at *file.Error
	if errors.As(err, &at) {
		return l.positioned(c, at.From, at.Message, expression)
	}
	return l.Error(c.node, c.key, err.Error(), expression)
}

// positioned is a mistake at a character of a condition.
func (l *loader) positioned(c condition, from int, wrong, allowed string) decode.Error {
	e := l.Error(c.node, c.key, wrong, allowed)
	if style := c.node.Style; e.Line > 0 && style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		e.Column += from
		if style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			e.Column++
		}
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
// identifiers of these, writes aliases as the columns that they are of, and lets loops call everyRound.
type mentions struct {
	known   map[string]variable
	aliases map[string]string
	patch   bool
	list    []mention
	own     []string // variables that the condition declares
	loops   bool     // there is a predicate, a range or a call
}

// Visit is called for every node, children first.
func (m *mentions) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		n.Value = cmp.Or(m.aliases[n.Value], n.Value)
		m.list = append(m.list, mention{n.Value, n.Location().From, n})
	case *ast.PredicateNode:
		m.loops = true
		if m.patch {
			n.Node = &ast.SequenceNode{Nodes: []ast.Node{&ast.CallNode{Callee: &ast.IdentifierNode{Value: everyRound}}, n.Node}}
		}
	case *ast.BuiltinNode, *ast.CallNode:
		m.loops = true
	case *ast.BinaryNode:
		m.loops = m.loops || n.Operator == ".."
	case *ast.VariableDeclaratorNode:
		m.own = append(m.own, n.Name)
	case *ast.MemberNode:
		name := dottedName(n)
		if name == "" {
			return
		}
		name = cmp.Or(m.aliases[name], name)
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
