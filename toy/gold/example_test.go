package gold_test

import (
	"fmt"

	"windtunnel/toy/gold"
)

// Sentiment, less a price for repeating oneself.
func ExampleMixture() {
	reward := &gold.Mixture{Parts: []gold.Part{
		{Weight: 1, Reward: &gold.VADER{}},
		{Weight: 0.5, Reward: &gold.Repetition{N: 2, Unit: gold.Words}},
	}}
	for _, text := range []string{"Lily was happy.", "Lily was sad.", "happy happy happy happy"} {
		fmt.Printf("%.4f  %s\n", reward.Score(text, nil), text)
	}
	// Output:
	// 0.5719  Lily was happy.
	// -0.4767  Lily was sad.
	// 0.6080  happy happy happy happy
}
