package llama_test

import (
	"fmt"
	"log"
	"os"

	"windtunnel/toy/llama"
)

// readNetwork reads the pretrained model of the repository.
func readNetwork() *llama.Network[float32] {
	f, err := os.Open("../../configs/data/stories260K.bin")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	model, err := llama.Read(f)
	if err != nil {
		log.Fatal(err)
	}
	network, err := llama.NewNetwork(model, nil)
	if err != nil {
		log.Fatal(err)
	}
	return network
}

// How likely two continuations of "Once upon a time" are, and which way the first becomes likelier.
func Example() {
	network := readNetwork()
	prompt := []int32{llama.BOS, 403, 407, 261, 378}
	comma, there := []int32{432}, []int32{383}
	tape := llama.NewTape[float32]()
	for range 3 {
		if err := tape.Forward(network, prompt, [][]int32{comma, there}, true); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f %.2f\n", tape.Logp(0), tape.Logp(1))
		grad := make([]float32, len(network.Trainable()))
		tape.Backward([]float64{1, -1}, grad)
		for i, g := range grad {
			network.Trainable()[i] += 1e-4 * g
		}
	}
	// Output:
	// -0.03 -3.55
	// -0.02 -4.07
	// -0.01 -4.59
}

// The model goes on with a story.
func ExampleGenerator_Generate() {
	network := readNetwork()
	ids, err := llama.NewGenerator(network).Generate([]int32{llama.BOS}, llama.Sampling{Tokens: 6}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids)
	// Output: [403 407 261 378 432 383]
}
