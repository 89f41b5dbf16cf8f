package expression_test

import (
	"fmt"
	"math"

	"windtunnel/toy/expression"
)

// A loss of one's own on two comparisons, with its gradient by the chosen and rejected log-probabilities.
func Example() {
	loss, err := expression.Parse("softplus(-lambda*u) + 0.1*relu(ref_c - c)", expression.Scope{
		Columns:     []string{"c", "r", "ref_c", "ref_r"},
		Scalars:     []string{"lambda"},
		Definitions: []expression.Definition{{Name: "u", Body: "(c - ref_c) - (r - ref_r)"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	columns := [][]float64{{-0.5, -2}, {-2, -0.5}, {-1, -1}, {-1, -1}}
	value := make([]float64, 2)
	slopes := [][]float64{make([]float64, 2), make([]float64, 2)}
	program := loss.Compile("c", "r")
	program.Value(columns, []float64{0.5}, value)
	program.Grad(columns, []float64{0.5}, slopes)
	fmt.Printf("loss %.4f nats\n", value)
	fmt.Printf("d loss / d chosen   %.4f\n", slopes[0])
	fmt.Printf("d loss / d rejected %.4f\n", slopes[1])
	fmt.Println("needs differences only:", loss.ShiftInvariant([]string{"c", "r"}))
	// Output:
	// loss [0.3869 1.2369] nats
	// d loss / d chosen   [-0.1604 -0.4396]
	// d loss / d rejected [0.1604 0.3396]
	// needs differences only: false
}

// A penalty on a whole policy.
func ExampleDistributionProgram() {
	formula, err := expression.ParseDistributional("lambda*kl(ref, pi)", []string{"lambda"})
	if err != nil {
		fmt.Println(err)
		return
	}
	half, third := []float64{0.5, 0.5}, []float64{1. / 3, 2. / 3}
	d := &expression.Distributions{LogPi: logs(half), Pi: half, LogRef: logs(third), Ref: third}
	slope := make([]float64, 2)
	program := formula.Compile()
	program.Grad(d, []float64{0.1}, slope)
	fmt.Printf("%.6f nats, slopes %.4f\n", program.Value(d, []float64{0.1}), slope)
	// Output: 0.005663 nats, slopes [-0.0333 -0.0667]
}

// A mistake says where it is and what would be right.
func ExampleError() {
	_, err := expression.Parse("softplus(-(lamda*u))", expression.Scope{Columns: []string{"u"}, Scalars: []string{"lambda"}})
	fmt.Println(err)
	// Output: column 12: lamda is not a variable here; want one of lambda, u; did you mean "lambda"?
}

func logs(p []float64) []float64 {
	l := make([]float64, len(p))
	for i, v := range p {
		l[i] = math.Log(v)
	}
	return l
}
