package expression

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// Averaged returns an expression whose mean over the batch rises and falls with this one's value, given the scalars, so that both are least
// at the same policies: where this one is a multiple of a mean, of the logarithm of one that is wanted large, or of logmeanexp, up to a number.
// It is nil where the form does not show that.
func (e *Expression) Averaged(scalars []float64) *Expression {
	number := func(n ast.Node) (float64, bool) {
		sub := &Expression{formula: formula{n}, scope: e.scope, definitions: e.definitions}
		program, out := sub.Compile(), make([]float64, 1)
		if len(sub.Columns()) > 0 || program.Statistical() {
			return 0, false
		}
		program.Value(nil, scalars, out)
		return out[0], true
	}
	factor, at := 1.0, e.tree
	for {
		switch n := at.(type) {
		case *ast.UnaryNode:
			factor, at = -factor, n.Node
		case *ast.BinaryNode:
			left, isLeft := number(n.Left)
			right, isRight := number(n.Right)
			switch {
			case n.Operator == "*" && isLeft:
				factor, at = factor*left, n.Right
			case n.Operator == "*" && isRight:
				factor, at = factor*right, n.Left
			case n.Operator == "/" && isRight:
				factor, at = factor/right, n.Left
			case n.Operator == "+" && isLeft:
				at = n.Right
			case n.Operator == "-" && isLeft:
				factor, at = -factor, n.Right
			case (n.Operator == "+" || n.Operator == "-") && isRight:
				at = n.Left
			default:
				return nil
			}
		case *ast.CallNode:
			form, name := "%v*(%s)", nameOf(n)
			if name == "log" && factor < 0 {
				if mean, is := n.Arguments[0].(*ast.CallNode); is {
					n, name = mean, nameOf(mean)
				}
			} else if name == "logmeanexp" {
				form, name = "%v*expm1(%s)", "mean"
			}
			if name != "mean" || factor == 0 {
				return nil
			}
			averaged, err := Parse(fmt.Sprintf(form, factor, n.Arguments[0]), e.scope)
			if err != nil { // a factor that is no finite number
				return nil
			}
			return averaged
		default:
			return nil
		}
	}
}
