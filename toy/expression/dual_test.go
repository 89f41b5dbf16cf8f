package expression

import (
	"math"

	"github.com/expr-lang/expr/ast"
)

// dual is a value with its gradient and Hessian by two variables: a second, independent way to differentiate. It walks
// the tree, knows nothing of graphs and tapes, and takes each derivative from a textbook.
type dual struct {
	v float64
	d [2]float64
	h [2][2]float64
	// size bounds the numbers on the way here and the factors by which their rounding errors have grown.
	size float64
}

// lift applies f to x, given f, f' and f” at x.v.
func lift(x dual, f, f1, f2 float64) dual {
	y := dual{v: f, size: max(math.Abs(f), max(1, x.size)*max(1, math.Abs(f1), math.Abs(f2)))}
	for i := range 2 {
		y.d[i] = f1 * x.d[i]
		for j := range 2 {
			y.h[i][j] = f1*x.h[i][j] + f2*x.d[i]*x.d[j]
		}
	}
	return y
}

// join applies f to x and y, given f's value, gradient and Hessian there.
func join(x, y dual, f float64, g [2]float64, h [2][2]float64) dual {
	growth := max(1, math.Abs(g[0]), math.Abs(g[1]), math.Abs(h[0][0]), math.Abs(h[0][1]), math.Abs(h[1][1]))
	z := dual{v: f, size: max(math.Abs(f), max(1, x.size, y.size)*growth)}
	for i := range 2 {
		z.d[i] = g[0]*x.d[i] + g[1]*y.d[i]
		for j := range 2 {
			z.h[i][j] = g[0]*x.h[i][j] + g[1]*y.h[i][j] + h[0][0]*x.d[i]*x.d[j] + h[1][1]*y.d[i]*y.d[j] +
				h[0][1]*(x.d[i]*y.d[j]+y.d[i]*x.d[j])
		}
	}
	return z
}

// walkDual evaluates a tree and collects the distances from kinks and singularities.
func walkDual(t ast.Node, env map[string]dual, kinks *[]float64) dual {
	var name string
	var nodes []ast.Node
	switch n := t.(type) {
	case *ast.FloatNode:
		return dual{v: n.Value}
	case *ast.IdentifierNode:
		return env[n.Value]
	case *ast.UnaryNode:
		name, nodes = "-x", []ast.Node{n.Node}
	case *ast.BinaryNode:
		name, nodes = n.Operator, []ast.Node{n.Left, n.Right}
	case *ast.CallNode:
		name, nodes = nameOf(n), n.Arguments
	}
	args := make([]dual, len(nodes))
	for i, arg := range nodes {
		args[i] = walkDual(arg, env, kinks)
	}
	if len(args) == 1 {
		return unaryDual(name, args[0], kinks)
	}
	switch name {
	case "min", "max":
		best := args[0]
		for _, a := range args[1:] {
			*kinks = append(*kinks, a.v-best.v)
			if name == "min" && a.v < best.v || name == "max" && a.v > best.v {
				best = a
			}
		}
		return best
	case "clamp":
		*kinks = append(*kinks, args[0].v-args[1].v, args[0].v-args[2].v, args[1].v-args[2].v)
		switch {
		case max(args[0].v, args[1].v) > args[2].v:
			return args[2]
		case args[0].v < args[1].v:
			return args[1]
		}
		return args[0]
	}
	switch name {
	case "/":
		*kinks = append(*kinks, args[1].v)
	case "^":
		*kinks = append(*kinks, args[0].v)
	}
	return binaryDual(name, args[0], args[1])
}

func binaryDual(name string, x, y dual) dual {
	a, b := x.v, y.v
	switch name {
	case "+":
		return join(x, y, a+b, [2]float64{1, 1}, [2][2]float64{})
	case "-":
		return join(x, y, a-b, [2]float64{1, -1}, [2][2]float64{})
	case "*":
		return join(x, y, a*b, [2]float64{b, a}, [2][2]float64{{0, 1}, {1, 0}})
	case "/":
		return join(x, y, a/b, [2]float64{1 / b, -a / (b * b)}, [2][2]float64{{0, -1 / (b * b)}, {-1 / (b * b), 2 * a / (b * b * b)}})
	}
	if y.d == ([2]float64{}) { // a power with a constant exponent; its base may be negative
		return lift(x, math.Pow(a, b), nonzero(b, math.Pow(a, b-1)), nonzero(b*(b-1), math.Pow(a, b-2)))
	}
	f, l := math.Pow(a, b), math.Log(a)
	cross := f/a + f*l*b/a
	return join(x, y, f, [2]float64{b * f / a, f * l}, [2][2]float64{{b * (b - 1) * f / (a * a), cross}, {cross, f * l * l}})
}

func nonzero(factor, v float64) float64 {
	if factor == 0 {
		return 0
	}
	return factor * v
}

func unaryDual(name string, x dual, kinks *[]float64) dual {
	v := x.v
	s := 1 / (1 + math.Exp(-v))
	slope := s * (1 / (1 + math.Exp(v)))
	switch name {
	case "-x":
		return lift(x, -v, -1, 0)
	case "sigmoid":
		return lift(x, s, slope, -slope*math.Tanh(v/2))
	case "softplus":
		return lift(x, max(v, 0)+math.Log1p(math.Exp(-math.Abs(v))), s, slope)
	case "logsigmoid":
		return lift(x, min(v, 0)-math.Log1p(math.Exp(-math.Abs(v))), 1/(1+math.Exp(v)), -slope)
	case "exp":
		return lift(x, math.Exp(v), math.Exp(v), math.Exp(v))
	case "expm1":
		return lift(x, math.Expm1(v), math.Exp(v), math.Exp(v))
	case "log":
		*kinks = append(*kinks, v)
		return lift(x, math.Log(v), 1/v, -1/(v*v))
	case "log1p":
		*kinks = append(*kinks, 1+v)
		return lift(x, math.Log1p(v), 1/(1+v), -1/((1+v)*(1+v)))
	case "log1mexp":
		*kinks = append(*kinks, v)
		e := math.Exp(v)
		return lift(x, math.Log(-math.Expm1(v)), e/math.Expm1(v), -e/(math.Expm1(v)*math.Expm1(v)))
	case "sqrt":
		*kinks = append(*kinks, v)
		return lift(x, math.Sqrt(v), 0.5/math.Sqrt(v), -0.25/(v*math.Sqrt(v)))
	case "tanh":
		c := 1 / (math.Cosh(v) * math.Cosh(v))
		return lift(x, math.Tanh(v), c, -2*math.Tanh(v)*c)
	case "atan":
		return lift(x, math.Atan(v), 1/(1+v*v), -2*v/((1+v*v)*(1+v*v)))
	case "cos":
		return lift(x, math.Cos(v), -math.Sin(v), -math.Cos(v))
	case "sin":
		return lift(x, math.Sin(v), math.Cos(v), -math.Sin(v))
	case "square":
		return lift(x, v*v, 2*v, 2)
	case "stopgrad":
		return dual{v: v, size: x.size}
	}
	*kinks = append(*kinks, v)
	switch {
	case name == "abs" && v < 0:
		return lift(x, -v, -1, 0)
	case name == "relu" && v < 0:
		return dual{size: x.size}
	}
	return x
}
