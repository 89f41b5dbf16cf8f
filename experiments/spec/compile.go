package spec

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// compile checks and compiles a condition. It is nil after a mistake.
func (l *loader) compile(c condition, known map[string]variable) *program {
	tree, err := parser.Parse(c.node.Value)
	if err != nil {
		l.fail(l.conditionError(c, err))
		return nil
	}
	mentioned := &mentions{known: known}
	ast.Walk(&tree.Node, mentioned)
	if !l.allKnown(c, mentioned) {
		return nil
	}
	env := types.Map{}
	for name, v := range known {
		env[name] = v.typ
	}
	code, err := expr.Compile(c.node.Value, expr.Env(env), expr.Patch(&mentions{known: known, patch: true}), expr.AsBool(),
		expr.DisableBuiltin("now"))
	if err != nil {
		l.fail(l.conditionError(c, err))
		return nil
	}
	return &program{condition: c, code: code, names: mentioned.names(), env: map[string]any{}}
}

// allKnown complains about what a condition mentions that is no column.
func (l *loader) allKnown(c condition, mentioned *mentions) bool {
	columns := slices.Sorted(maps.Keys(mentioned.known))
	all := true
	for _, m := range mentioned.list {
		if slices.Contains(columns, m.name) || slices.Contains(mentioned.own, m.name) {
			continue
		}
		e := l.positioned(c, m.from, "there is nothing called "+m.name, "objective, lambda, seed or a swept column: "+strings.Join(columns, ", "))
		e.Near = decode.Nearest(m.name, columns)
		l.fail(e)
		all = false
	}
	return all
}

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
