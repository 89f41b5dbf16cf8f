package expression

import (
	"slices"
	"strconv"
	"strings"
)

// tree is a parsed expression. An operator is a call of the function that bears its sign; the sign of a negative
// number is a call of "-x".
type tree struct {
	offset int
	form   form
	value  float64  // of a number
	name   string   // of a variable, a function or a functional
	over   []string // the distributions that a functional is given
	args   []*tree  // of a function; of a functional, what follows the distributions
}

// form tells the nodes of a tree apart.
type form int

const (
	numberForm form = iota
	variableForm
	callForm
	functionalForm
)

// Precedences, from the loosest.
const (
	sumLevel = iota + 1
	productLevel
	signLevel
	powerLevel
	primaryLevel
)

// level returns the precedence of a tree's outermost operator.
func (t *tree) level() int {
	if t.form != callForm {
		return primaryLevel
	}
	switch t.name {
	case "+", "-":
		return sumLevel
	case "*", "/":
		return productLevel
	case "-x":
		return signLevel
	case "^":
		return powerLevel
	}
	return primaryLevel
}

// String prints the canonical form: no parentheses but those that the precedences ask for, the shortest decimals that
// read back to the same number, spaces around + and - alone.
func (t *tree) String() string {
	var b strings.Builder
	t.print(&b, sumLevel)
	return b.String()
}

// print writes the tree, in parentheses if it binds more loosely than what stands around it.
func (t *tree) print(b *strings.Builder, around int) {
	level := t.level()
	if level < around {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch {
	case t.form == numberForm:
		b.WriteString(strconv.FormatFloat(t.value, 'g', -1, 64))
	case t.form == variableForm:
		b.WriteString(t.name)
	case level == primaryLevel:
		t.printCall(b)
	case level == signLevel:
		b.WriteByte('-')
		t.args[0].print(b, signLevel)
	case level == powerLevel:
		t.args[0].print(b, primaryLevel)
		b.WriteByte('^')
		t.args[1].print(b, signLevel)
	default:
		t.args[0].print(b, level)
		if level == sumLevel {
			b.WriteString(" " + t.name + " ")
		} else {
			b.WriteString(t.name)
		}
		t.args[1].print(b, level+1)
	}
}

func (t *tree) printCall(b *strings.Builder) {
	b.WriteString(t.name + "(" + strings.Join(t.over, ", "))
	for i, arg := range t.args {
		if i > 0 || len(t.over) > 0 {
			b.WriteString(", ")
		}
		arg.print(b, sumLevel)
	}
	b.WriteByte(')')
}

// calls says whether one of the named functions or functionals is called.
func (t *tree) calls(names ...string) bool {
	found := false
	t.walk(func(t *tree) {
		found = found || (t.form == callForm || t.form == functionalForm) && slices.Contains(names, t.name)
	})
	return found
}

// walk calls visit for the tree and everything below it, arguments first.
func (t *tree) walk(visit func(*tree)) {
	for _, arg := range t.args {
		arg.walk(visit)
	}
	visit(t)
}
