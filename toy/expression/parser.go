package expression

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

const (
	mostTokens = 4000 // numbers, names and symbols
	deepest    = 200  // nested parentheses, signs and powers
)

// vocabulary is what names may stand for while an expression is parsed.
type vocabulary struct {
	variables     []string
	distributions []string // none where functionals of distributions are out of place
	table         table
	functionals   []functional // none likewise
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
	switch {
	case slices.Contains(p.words.variables, t.text):
		return &tree{offset: t.offset, form: variableForm, name: t.text}, nil
	case slices.Contains(p.words.distributions, t.text):
		return nil, mistake(p.source, t.offset, t.text+" is a distribution, not a number",
			"it as an argument of "+oneOf(names(p.words.functionals)), "")
	case p.words.table[t.text] != nil:
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
	f := p.words.table[t.text]
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
	switch {
	case slices.Contains(names(functionals()), t.text):
		return mistake(p.source, t.offset, t.text+" compares whole distributions", "it in a distribution expression", "")
	case slices.Contains(p.words.variables, t.text):
		return mistake(p.source, t.offset, t.text+" is a variable, not a function", `an operator between it and "("`, "")
	}
	known := sorted(append(names(p.words.functionals), callable()...))
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
	if t.kind == nameToken && slices.Contains(p.words.distributions, t.text) {
		return t.text, p.advance()
	}
	return "", mistake(p.source, t.offset, t.describe()+" is not a distribution",
		f.usage+" of "+strings.Join(p.words.distributions, ", "), nearest(t.text, p.words.distributions))
}

// functional returns the functional of that name if this vocabulary has it.
func (w *vocabulary) functional(name string) *functional {
	if i := slices.IndexFunc(w.functionals, func(f functional) bool { return f.name == name }); i >= 0 {
		return &w.functionals[i]
	}
	return nil
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

// kind tells tokens apart.
type kind int

const (
	endToken kind = iota
	numberToken
	nameToken
	symbolToken // one of + - * / ^ ( ) ,
)

// token is a word of the source.
type token struct {
	kind   kind
	offset int     // of its first byte
	text   string  // as written
	value  float64 // of a number
}

// describe names the token in an error.
func (t token) describe() string {
	if t.kind == endToken {
		return "the end"
	}
	return strconv.Quote(t.text)
}

const (
	symbols = "+-*/^(),"
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
)

// ValidName says whether a word can name a variable: ASCII letters, digits and underscores, no digit first, and not
// the name of a function.
func ValidName(word string) bool {
	if word == "" || span(word, letters) == 0 || span(word, letters+digits) != len(word) {
		return false
	}
	return newTable()[word] == nil && !slices.Contains(names(functionals()), word)
}

// span returns the length of the longest prefix of s that is made of the given bytes.
func span(s, bytes string) int {
	rest := strings.TrimLeft(s, bytes)
	return len(s) - len(rest)
}

// next reads the token at or after offset.
func next(source string, offset int) (token, *Error) {
	offset += span(source[offset:], " \t\r\n")
	rest := source[offset:]
	switch {
	case rest == "":
		return token{kind: endToken, offset: offset}, nil
	case strings.HasPrefix(rest, "**"):
		return token{}, mistake(source, offset, `"**" is not an operator`, "", "^")
	case strings.IndexByte(symbols, rest[0]) >= 0:
		return token{kind: symbolToken, offset: offset, text: rest[:1]}, nil
	case span(rest, letters) > 0:
		return token{kind: nameToken, offset: offset, text: rest[:span(rest, letters+digits)]}, nil
	case span(rest, digits+".") > 0:
		return number(source, offset)
	}
	first, _ := utf8.DecodeRuneInString(rest)
	return token{}, mistake(source, offset, fmt.Sprintf("%q is no part of an expression", first),
		"numbers, names, + - * / ^, parentheses and commas", "")
}

// number reads digits with an optional fraction and exponent.
func number(source string, offset int) (token, *Error) {
	rest := source[offset:]
	end := span(rest, digits+".")
	if end < len(rest) && (rest[end] == 'e' || rest[end] == 'E') {
		exponent := end + 1
		if exponent < len(rest) && (rest[exponent] == '+' || rest[exponent] == '-') {
			exponent++
		}
		if n := span(rest[exponent:], digits); n > 0 {
			end = exponent + n
		}
	}
	text := rest[:end]
	value, err := strconv.ParseFloat(text, 64)
	if math.IsInf(value, 0) {
		return token{}, mistake(source, offset, text+" is too large", "a number below 1.8e308", "")
	}
	if err != nil || span(rest[end:], letters+digits) > 0 {
		wrong := rest[:end+span(rest[end:], letters+digits)]
		return token{}, mistake(source, offset, wrong+" is not a number", "a number such as 1, 0.5 or 1e-3", "")
	}
	return token{kind: numberToken, offset: offset, text: text, value: value}, nil
}

// Error is a mistake in the source of an expression, in the words of the configuration's own errors.
type Error struct {
	Offset  int    // bytes before the mistake, from 0 to the length of the source
	Column  int    // the same place counted in characters, from 1
	Wrong   string // what is wrong: `lamda is not a variable here`
	Allowed string // what is allowed: `one of c, r, lambda`; "" where Wrong says it all
	Near    string // the allowed spelling nearest to what was written; "" where none is near
}

// Error returns one line, `column 4: what is wrong; want what is allowed; did you mean "lambda"?`.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "column %d: %s", e.Column, e.Wrong)
	if e.Allowed != "" {
		b.WriteString("; want " + e.Allowed)
	}
	if e.Near != "" {
		fmt.Fprintf(&b, "; did you mean %q?", e.Near)
	}
	return b.String()
}

// mistake returns the error at a byte offset of source.
func mistake(source string, offset int, wrong, allowed, near string) *Error {
	return &Error{offset, utf8.RuneCountInString(source[:offset]) + 1, wrong, allowed, near}
}

// longestName is the length in bytes above which no spelling is looked up; names are far shorter.
const longestName = 64

// nearest returns the candidate with the fewest edits from word, or "" if none is near: up to 4 letters allow one
// edit, 5 to 8 two, more three. Case does not count.
func nearest(word string, candidates []string) string {
	if len(word) > longestName {
		return ""
	}
	best, fewest := "", longestName
	for _, c := range candidates {
		edits := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c))
		if edits <= min((max(len(c), len(word))+3)/4, 3) && edits < len(c) && edits < fewest {
			best, fewest = c, edits
		}
	}
	return best
}

// oneOf lists what is allowed.
func oneOf(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return "one of " + strings.Join(names, ", ")
}

// sorted returns a sorted copy.
func sorted(names []string) []string {
	return slices.Sorted(slices.Values(names))
}
