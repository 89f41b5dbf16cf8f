package objective_test

import (
	"fmt"

	"windtunnel/toy/objective"
)

// DPO's loss and gradient on two comparisons: the policy has moved towards the chosen response in the first and away
// from it in the second.
func Example() {
	loss := (&objective.DPO{Lambda: 0.5}).Objective()
	batch := &objective.Batch{
		Chosen: []float64{-0.5, -2}, Rejected: []float64{-2, -0.5},
		RefChosen: []float64{-1, -1}, RefRejected: []float64{-1, -1},
		Weight: []float64{0.5, 0.5},
	}
	grad := &objective.Grad{Chosen: make([]float64, 2), Rejected: make([]float64, 2)}
	loss.Grad(batch, grad)
	fmt.Printf("loss %.4f nats\n", loss.Loss(batch))
	fmt.Printf("d loss / d chosen   %.4f\n", grad.Chosen)
	fmt.Printf("d loss / d rejected %.4f\n", grad.Rejected)
	fmt.Println("needs differences only:", loss.DifferenceOnly())
	// Output:
	// loss 0.7619 nats
	// d loss / d chosen   [-0.0802 -0.1698]
	// d loss / d rejected [0.0802 0.1698]
	// needs differences only: true
}
