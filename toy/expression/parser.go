package expression

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"windtunnel/toy/registry"
)

// longestSource bounds a formula, in characters, and so its depth and its nodes.
const longestSource = 4000

// vocabulary is what names may stand for while an expression is parsed.
type vocabulary struct {
	variables     []string
	distributions []string // none where functionals of distributions are out of place
	table         table
	functionals   []functional // none likewise
	batch         bool         // statistics of the batch can be had
}

// The parser is expr-lang's, of which only numbers, names, arithmetic and calls are taken. The names of its own functions mean nothing.
var grammar = func() *conf.Config {
	c := conf.CreateNew()
	for _, f := range builtin.Builtins {
		c.Disabled[f.Name] = true
	}
	return c
}()

// PyTorch's spelling: modules whose functions are those of the table, and functions that have another name there.
var (
	modules  = []string{"F", "torch", "nn.functional", "torch.nn.functional"}
	synonyms = map[string]string{"detach": "stopgrad", "pow": "^", "maximum": "max", "minimum": "min", "arctan": "atan"}
)

// statement is what stands before the formula in a line of a program: "return", or a name that it is assigned to.
var statement = regexp.MustCompile(`^\s*(?:return\s|[A-Za-z_]\w*\s*=)`)

// what is allowed where something is out of place.
const (
	allowedSigns = "numbers, names, + - * / ^, parentheses and commas"
	allowedForm  = "a formula such as -logsigmoid(beta*u) + 0.1*relu(ref_c - c)"
)

// parse reads a whole source into a tree of numbers, names, signs, operators and calls of what the vocabulary has.
func parse(source string, words *vocabulary) (ast.Node, *Error) {
	if n := utf8.RuneCountInString(source); n > longestSource {
		return nil, mistake(source, longestSource, "the expression is too long", fmt.Sprintf("at most %d characters", longestSource), "")
	}
	for i, r := range source {
		if strings.ContainsRune("\"'`#?:;[]{}|&!%$@", r) || strings.HasPrefix(source[i:], "//") || strings.HasPrefix(source[i:], "/*") {
			return nil, mistake(source, utf8.RuneCountInString(source[:i]), fmt.Sprintf("%q is no part of a formula", source[i:i+1]), allowedSigns, "")
		}
	}
	formula := source
	if lead := statement.FindString(source); lead != "" && !strings.HasPrefix(source[len(lead):], "=") {
		formula = strings.Repeat(" ", len(lead)) + source[len(lead):] // positions stay
	}
	tree, err := parser.ParseWithConfig(namedArguments(formula), grammar)
	if err != nil {
		return nil, syntaxError(source, err.(*file.Error))
	}
	r := &reader{source: []rune(source), words: words}
	read := r.read(tree.Node)
	return read, r.wrong
}

// namedArguments writes the sign of a named argument, as in clamp(x, min=0), as one that the grammar has: <, which binds loosest and
// means nothing here.
func namedArguments(source string) string {
	text := []byte(source)
	for i := 1; i+1 < len(text); i++ {
		if text[i] == '=' && strings.IndexByte("<>=!", source[i-1]) < 0 && source[i+1] != '=' {
			text[i] = '<'
		}
	}
	return string(text)
}

// syntaxError puts the parser's error into the words of the configuration's errors.
func syntaxError(source string, err *file.Error) *Error {
	text := []rune(source)
	from, to := min(err.From, len(text)), min(err.To, len(text))
	switch {
	case strings.HasSuffix(err.Message, "token EOF"):
		return mistake(source, len(text), "the end is out of place", allowedForm, "")
	case strings.HasPrefix(err.Message, "unexpected token"):
		return mistake(source, from, fmt.Sprintf("%q is out of place", string(text[from:to])), allowedForm, "")
	case strings.HasPrefix(err.Message, "invalid ") || strings.HasPrefix(err.Message, "bad number"):
		for from > 0 && strings.ContainsRune(".+-", text[from-1]) || from > 0 && isWord(text[from-1]) {
			from--
		}
		for to < len(text) && isWord(text[to]) {
			to++
		}
		number := strings.TrimLeft(string(text[from:to]), "+-")
		from = to - utf8.RuneCountInString(number)
		if strings.HasSuffix(err.Message, "out of range") {
			return mistake(source, from, number+" is too large", "a number below 1.8e308, written with an exponent", "")
		}
		return mistake(source, from, number+" is not a number", "a number such as 1, 0.5 or 1e-3", "")
	}
	return mistake(source, from, err.Message, allowedForm, "")
}

func isWord(r rune) bool {
	return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// reader makes a tree of what the language has of one of the parser's. The first mistake stays.
type reader struct {
	source []rune
	words  *vocabulary
	wrong  *Error
}

// fail keeps the first mistake and returns a number in place of what is wrong.
func (r *reader) fail(at ast.Node, wrong, allowed, near string) ast.Node {
	if r.wrong == nil {
		r.wrong = mistake(string(r.source), at.Location().From, wrong, allowed, near)
	}
	return &ast.FloatNode{Value: math.NaN()}
}

func located[T ast.Node](n T, at ast.Node) T {
	n.SetLocation(at.Location())
	return n
}

func (r *reader) read(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return located(&ast.FloatNode{Value: float64(n.Value)}, n)
	case *ast.FloatNode:
		return n
	case *ast.IdentifierNode:
		return r.variable(n, n.Value)
	case *ast.UnaryNode:
		switch n.Operator {
		case "+":
			return r.read(n.Node)
		case "-":
			return located(&ast.UnaryNode{Operator: "-", Node: r.read(n.Node)}, n)
		}
	case *ast.BinaryNode:
		operator := n.Operator
		if operator == "**" {
			operator = "^"
		}
		if slices.Contains([]string{"+", "-", "*", "/", "^"}, operator) {
			return located(&ast.BinaryNode{Operator: operator, Left: r.read(n.Left), Right: r.read(n.Right)}, n)
		}
	case *ast.MemberNode: // self.beta
		property, is := n.Property.(*ast.StringNode)
		if base, named := n.Node.(*ast.IdentifierNode); is && named && base.Value == "self" {
			return r.variable(n, property.Value)
		} else if is && r.words.table[cmp.Or(synonyms[property.Value], property.Value)] != nil {
			return r.fail(n, property.Value+" is a function", property.Value+"(...)", "")
		}
	case *ast.BuiltinNode:
		return r.unknownFunction(n, n.Name)
	case *ast.CallNode:
		switch callee := n.Callee.(type) {
		case *ast.IdentifierNode:
			return r.call(n, callee.Value, n.Arguments, false)
		case *ast.MemberNode:
			if name, is := callee.Property.(*ast.StringNode); is {
				args := n.Arguments
				if !slices.Contains(modules, callee.Node.String()) { // x.detach()
					args = append([]ast.Node{callee.Node}, args...)
				}
				return r.call(n, name.Value, args, true)
			}
		}
	}
	from, to := n.Location().From, n.Location().To
	return r.fail(n, fmt.Sprintf("%q is no part of a formula", string(r.source[from:max(from, min(to, len(r.source)))])), allowedSigns, "")
}

// variable resolves a name without arguments.
func (r *reader) variable(at ast.Node, name string) ast.Node {
	switch {
	case slices.Contains(r.words.variables, name):
		return located(&ast.IdentifierNode{Value: name}, at)
	case slices.Contains(r.words.distributions, name):
		return r.fail(at, name+" is a distribution, not a number", "it as an argument of "+oneOf(names(r.words.functionals)), "")
	case slices.Contains(callable(), name):
		return r.fail(at, name+" is a function", name+"(...)", "")
	}
	variables := slices.Sorted(slices.Values(r.words.variables))
	return r.fail(at, name+" is not a variable here", cmp.Or(oneOf(variables), "a number"), registry.Nearest(name, variables))
}

// call resolves the function or functional that is called. PyTorch's functions may have named arguments.
func (r *reader) call(at *ast.CallNode, name string, args []ast.Node, torch bool) ast.Node {
	if i := slices.IndexFunc(r.words.functionals, func(f functional) bool { return f.name == name }); i >= 0 && !torch {
		return r.functional(at, &r.words.functionals[i], args)
	}
	public := cmp.Or(synonyms[name], name)
	f := r.words.table[public]
	if f == nil || public != "^" && !slices.Contains(callable(), public) {
		return r.unknownFunction(at, name)
	}
	var read []ast.Node
	options := map[string]ast.Node{}
	for _, arg := range args {
		if b, is := arg.(*ast.BinaryNode); is && b.Operator == "<" && r.source[b.Location().From] == '=' {
			options[b.Left.String()] = b.Right
			continue
		}
		read = append(read, r.read(arg))
	}
	wrong := ""
	switch {
	case f.batch && !r.words.batch:
		return r.fail(at, name+" is of a batch, which this formula does not see", "it in a formula of comparisons (pair)", "")
	case public == "std" && torch:
		if n := options["correction"]; (n == nil || n.String() != "0") && (options["unbiased"] == nil || options["unbiased"].String() != "False") {
			return r.fail(at, "torch.std divides by n-1", "std(x), which divides by n, or torch.std(x, correction=0)", "")
		}
		delete(options, "correction")
		delete(options, "unbiased")
	case public == "clamp" && len(options) > 0 && len(read) == 1:
		bounded := read[0]
		for _, bound := range [][2]string{{"min", "max"}, {"max", "min"}} {
			if n, given := options[bound[0]]; given {
				bounded = located(&ast.CallNode{Callee: &ast.IdentifierNode{Value: bound[1]}, Arguments: []ast.Node{bounded, r.read(n)}}, at)
				delete(options, bound[0])
			}
		}
		if len(options) == 0 {
			return bounded
		}
	case public == "^" && len(read) == 2 && len(options) == 0:
		return located(&ast.BinaryNode{Operator: "^", Left: read[0], Right: read[1]}, at)
	case len(read) < f.least, f.most >= f.least && len(read) > f.most, len(read) == 1 && (public == "min" || public == "max") && !r.words.batch:
		wrong = fmt.Sprintf("%s has %d arguments", name, len(read))
		if len(read) == 1 {
			wrong = name + " has 1 argument"
		}
	}
	for option := range options {
		wrong = fmt.Sprintf("%s has no argument called %s", name, option)
	}
	if wrong != "" {
		return r.fail(at, wrong, f.usage, "")
	}
	return located(&ast.CallNode{Callee: &ast.IdentifierNode{Value: public}, Arguments: read}, at)
}

// unknownFunction says what a name with arguments could have been.
func (r *reader) unknownFunction(at ast.Node, name string) ast.Node {
	switch {
	case slices.Contains(names(functionals()), name):
		return r.fail(at, name+" compares whole distributions", "it in a distribution expression", "")
	case slices.Contains(r.words.variables, name):
		return r.fail(at, name+" is a variable, not a function", `an operator between it and "("`, "")
	}
	known := slices.Sorted(slices.Values(append(names(r.words.functionals), callable()...)))
	return r.fail(at, name+" is not a function", oneOf(known), registry.Nearest(name, known))
}

// functional reads the distributions, then the numbers, that a functional takes.
func (r *reader) functional(at ast.Node, f *functional, args []ast.Node) ast.Node {
	if len(args) != f.distributions+f.orders {
		return r.fail(at, fmt.Sprintf("%s has %d arguments", f.name, len(args)), f.usage, "")
	}
	read := slices.Clone(args[:f.distributions])
	for _, arg := range read {
		if name, is := arg.(*ast.IdentifierNode); !is || !slices.Contains(r.words.distributions, name.Value) {
			return r.fail(arg, fmt.Sprintf("%q is not a distribution", arg.String()),
				f.usage+" of "+strings.Join(r.words.distributions, ", "), registry.Nearest(arg.String(), r.words.distributions))
		}
	}
	for _, arg := range args[f.distributions:] {
		order := r.read(arg)
		for _, call := range calls(order) {
			if r.words.table[nameOf(call)] == nil {
				return r.fail(call, nameOf(call)+" depends on the policy", "an order made of numbers and constants", "")
			}
		}
		read = append(read, order)
	}
	return located(&ast.CallNode{Callee: &ast.IdentifierNode{Value: f.name}, Arguments: read}, at)
}

// nameOf is the function that is called.
func nameOf(call *ast.CallNode) string { return call.Callee.(*ast.IdentifierNode).Value }

// visit is called for every node of a tree.
type visit func(ast.Node)

func (v visit) Visit(n *ast.Node) { v(*n) }

// calls lists the calls of a tree, arguments first.
func calls(tree ast.Node) (all []*ast.CallNode) {
	ast.Walk(&tree, visit(func(n ast.Node) {
		if call, is := n.(*ast.CallNode); is {
			all = append(all, call)
		}
	}))
	return all
}

// callsOne says whether one of the named functions or functionals is called.
func callsOne(tree ast.Node, names []string) bool {
	return slices.ContainsFunc(calls(tree), func(c *ast.CallNode) bool { return slices.Contains(names, nameOf(c)) })
}

// longestName is the length of names, in bytes.
const longestName = 64

// ValidName says whether a word can name a variable: ASCII letters, digits and underscores, no digit first, and no word of the
// language or name of a function.
func ValidName(word string) bool {
	if word == "" || len(word) > longestName || strings.ContainsFunc(word, func(r rune) bool { return !isWord(r) || r == '.' }) {
		return false
	}
	tree, err := parser.ParseWithConfig(word, grammar)
	if err != nil {
		return false
	}
	_, name := tree.Node.(*ast.IdentifierNode)
	return name && !slices.Contains(callable(), word) && synonyms[word] == "" && !slices.Contains(append(modules, "self"), word)
}

// Error is a mistake in the source of an expression, in the words of the configuration's own errors.
type Error struct {
	Column  int    // where, counted in characters from 1; one beyond the last where the end is wrong
	Wrong   string // what is wrong: `lamda is not a variable here`
	Allowed string // what is allowed: `one of c, r, lambda`; "" where Wrong says it all
	Near    string // the allowed spelling nearest to what was written; "" where none is near
}

// Error returns one line, `column 4: what is wrong; want what is allowed; did you mean "lambda"?`.
func (e *Error) Error() string {
	text := fmt.Sprintf("column %d: %s", e.Column, e.Wrong)
	if e.Allowed != "" {
		text += "; want " + e.Allowed
	}
	if e.Near != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	return text
}

// mistake returns the error after so many characters of source.
func mistake(source string, after int, wrong, allowed, near string) *Error {
	return &Error{min(after, utf8.RuneCountInString(source)) + 1, wrong, allowed, near}
}

// oneOf lists what is allowed.
func oneOf(names []string) string {
	if len(names) > 1 {
		return "one of " + strings.Join(names, ", ")
	}
	return strings.Join(names, "")
}
