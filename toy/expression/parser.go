package expression

import (
	"fmt"
	"strings"
)

const (
	mostTokens = 4000 // numbers, names and symbols
	deepest    = 200  // nested parentheses, signs and powers
)

// vocabulary is what names may stand for while an expression is parsed.
type vocabulary struct {
	variables     []string
	distributions []string // none where functionals of distributions are out of place
	table         *table
	functionals   []functional
}

// parser reads the grammar
//
//	sum     = product { ("+" | "-") product }
//	product = sign { ("*" | "/") sign }
//	sign    = "-" sign | power
//	power   = primary [ "^" sign ]
//	primary = number | variable | name "(" sum { "," sum } ")" | "(" sum ")"
//
// by recursive descent, with now the token in hand. The first mistake ends it.
type parser struct {
	source string
	words  *vocabulary
	now    token
	tokens int // read so far
	depth  int // of the recursion
}

// parse reads a whole source.
func parse(source string, words *vocabulary) (*tree, *Error) {
	p := &parser{source: source, words: words}
	if err := p.advance(); err != nil {
		return nil, err
	}
	t, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.now.kind != endToken {
		return nil, p.unexpected("an operator or the end")
	}
	return t, nil
}

// advance reads the next token into now.
func (p *parser) advance() *Error {
	t, err := next(p.source, p.now.offset+len(p.now.text))
	if err != nil {
		return err
	}
	if p.tokens++; p.tokens > mostTokens {
		return mistake(p.source, t.offset, "the expression is too long", fmt.Sprintf("at most %d numbers, names and signs", mostTokens), "")
	}
	p.now = t
	return nil
}

// is says whether the token in hand is the given symbol.
func (p *parser) is(symbol string) bool { return p.now.kind == symbolToken && p.now.text == symbol }

// unexpected is the error that the token in hand is not what must stand there.
func (p *parser) unexpected(allowed string) *Error {
	return mistake(p.source, p.now.offset, p.now.describe()+" is out of place", allowed, "")
}

// expect takes the given symbol.
func (p *parser) expect(symbol, allowed string) *Error {
	if !p.is(symbol) {
		return p.unexpected(allowed)
	}
	return p.advance()
}

func (p *parser) sum() (*tree, *Error) { return p.leftToRight("+-", p.product) }

func (p *parser) product() (*tree, *Error) { return p.leftToRight("*/", p.sign) }

// leftToRight reads operands joined by left-associative operators.
func (p *parser) leftToRight(operators string, operand func() (*tree, *Error)) (*tree, *Error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for p.now.kind == symbolToken && strings.Contains(operators, p.now.text) {
		operator := p.now
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		left = &tree{offset: operator.offset, form: callForm, name: operator.text, args: []*tree{left, right}}
	}
	return left, nil
}

// sign reads a power or the negative of one. All recursion passes through here, so here its depth is bounded.
func (p *parser) sign() (*tree, *Error) {
	if p.depth++; p.depth > deepest {
		return nil, mistake(p.source, p.now.offset, "the expression is nested too deeply", fmt.Sprintf("at most %d levels", deepest), "")
	}
	defer func() { p.depth-- }()
	if !p.is("-") {
		return p.power()
	}
	offset := p.now.offset
	if err := p.advance(); err != nil {
		return nil, err
	}
	operand, err := p.sign()
	if err != nil {
		return nil, err
	}
	return &tree{offset: offset, form: callForm, name: "-x", args: []*tree{operand}}, nil
}

func (p *parser) power() (*tree, *Error) {
	base, err := p.primary()
	if err != nil || !p.is("^") {
		return base, err
	}
	offset := p.now.offset
	if err := p.advance(); err != nil {
		return nil, err
	}
	exponent, err := p.sign()
	if err != nil {
		return nil, err
	}
	return &tree{offset: offset, form: callForm, name: "^", args: []*tree{base, exponent}}, nil
}

func (p *parser) primary() (*tree, *Error) {
	t := p.now
	switch {
	case t.kind == numberToken:
		return &tree{offset: t.offset, form: numberForm, value: t.value}, p.advance()
	case t.kind == nameToken:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.is("(") {
			return p.call(t)
		}
		return p.variable(t)
	case p.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		inner, err := p.sum()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")", `an operator or ")"`)
	}
	return nil, p.unexpected(`a number, a variable, a function, "-" or "("`)
}

// variable resolves a name without arguments.
func (p *parser) variable(t token) (*tree, *Error) {
	for _, name := range p.words.variables {
		if name == t.text {
			return &tree{offset: t.offset, form: variableForm, name: t.text}, nil
		}
	}
	for _, name := range p.words.distributions {
		if name == t.text {
			return nil, mistake(p.source, t.offset, t.text+" is a distribution, not a number",
				"it as an argument of "+oneOf(names(p.words.functionals)), "")
		}
	}
	if p.words.table.find(t.text) != nil {
		return nil, mistake(p.source, t.offset, t.text+" is a function", t.text+"(...)", "")
	}
	variables := sorted(p.words.variables)
	return nil, mistake(p.source, t.offset, t.text+" is not a variable here", oneOf(variables), nearest(t.text, variables))
}

// call reads the arguments of the function or functional that t names; "(" is in hand.
func (p *parser) call(t token) (*tree, *Error) {
	if f := p.words.functional(t.text); f != nil {
		return p.functional(t, f)
	}
	f := p.words.table.find(t.text)
	if f == nil {
		return nil, p.unknownFunction(t)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	args, err := p.arguments(nil)
	if err != nil {
		return nil, err
	}
	if len(args) < f.least || f.most >= f.least && len(args) > f.most {
		return nil, mistake(p.source, t.offset, fmt.Sprintf("%s has %d arguments", t.text, len(args)), f.usage, "")
	}
	return &tree{offset: t.offset, form: callForm, name: t.text, args: args}, p.expect(")", `an operator, "," or ")"`)
}

// unknownFunction says what t, a name with arguments, could have been.
func (p *parser) unknownFunction(t token) *Error {
	for _, name := range names(functionals()) {
		if name == t.text {
			return mistake(p.source, t.offset, t.text+" compares whole distributions", "it in a distribution expression", "")
		}
	}
	for _, name := range p.words.variables {
		if name == t.text {
			return mistake(p.source, t.offset, t.text+" is a variable, not a function", `an operator between it and "("`, "")
		}
	}
	known := sorted(append(names(p.words.allowedFunctionals()), p.words.table.names()...))
	return mistake(p.source, t.offset, t.text+" is not a function", oneOf(known), nearest(t.text, known))
}

// arguments reads sums divided by commas, up to but not including the closing parenthesis.
func (p *parser) arguments(args []*tree) ([]*tree, *Error) {
	for {
		arg, err := p.sum()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if !p.is(",") {
			return args, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// functional reads the distributions, then the numbers, that a functional takes.
func (p *parser) functional(t token, f *functional) (*tree, *Error) {
	call, separator := &tree{offset: t.offset, form: functionalForm, name: t.text}, "("
	for i := range f.distributions + f.orders {
		if err := p.expect(separator, f.usage); err != nil {
			return nil, err
		}
		separator = ","
		if i < f.distributions {
			name, err := p.distribution(f)
			if err != nil {
				return nil, err
			}
			call.over = append(call.over, name)
			continue
		}
		order, err := p.sum()
		if err != nil {
			return nil, err
		}
		if inside := firstFunctional(order); inside != nil {
			return nil, mistake(p.source, inside.offset, inside.name+" depends on the policy", "an order made of numbers and constants", "")
		}
		call.args = append(call.args, order)
	}
	return call, p.expect(")", f.usage)
}

// distribution takes the name of a distribution.
func (p *parser) distribution(f *functional) (string, *Error) {
	t := p.now
	for _, name := range p.words.distributions {
		if t.kind == nameToken && t.text == name {
			return name, p.advance()
		}
	}
	return "", mistake(p.source, t.offset, t.describe()+" is not a distribution",
		f.usage+" of "+strings.Join(p.words.distributions, ", "), nearest(t.text, p.words.distributions))
}

// functional returns the functional of that name if this vocabulary has it.
func (w *vocabulary) functional(name string) *functional {
	for i, f := range w.allowedFunctionals() {
		if f.name == name {
			return &w.functionals[i]
		}
	}
	return nil
}

func (w *vocabulary) allowedFunctionals() []functional {
	if len(w.distributions) == 0 {
		return nil
	}
	return w.functionals
}

// firstFunctional returns a functional inside the tree, or nil.
func firstFunctional(t *tree) *tree {
	var found *tree
	t.walk(func(t *tree) {
		if found == nil && t.form == functionalForm {
			found = t
		}
	})
	return found
}
