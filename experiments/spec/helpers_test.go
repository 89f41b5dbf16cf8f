package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/claims"
	"windtunnel/plots"
	"windtunnel/toy/train"
)

// head opens the configs of these tests.
const head = `name: test
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
`

// testKinds are all kinds that a config can name.
var testKinds = sync.OnceValue(func() *decode.Tables {
	t := Tables()
	decode.Register(t, "claim", claims.Kinds())
	decode.As[ClaimParams, claims.Params](t)
	decode.Register(t, "figure", plots.Kinds())
	decode.As[FigureParams, plots.Params](t)
	return t
})

func testRegistries() []Registry {
	return append(Registries(), Registry{Name: "claims", Entries: claims.Kinds().Untyped()}, Registry{Name: "figures", Entries: plots.Kinds().Untyped()})
}

func load(path string, sets []string) (*Config, error) { return Load(path, sets, testKinds()) }

// loaded is the config of a text, whose mistakes end the test.
func loaded(t testing.TB, text string, sets ...string) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.yaml")
	testfile.Write(t, path, text)
	return loadedFile(t, path, sets...)
}

func loadedFile(t testing.TB, path string, sets ...string) *Config {
	t.Helper()
	c, err := load(path, sets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// loadedShipped loads a shipped config, the one on human pairs with pairs that stand in for them.
func loadedShipped(t testing.TB, path string) *Config {
	t.Helper()
	if filepath.Base(path) != "lm_hh.yaml" {
		return loadedFile(t, path)
	}
	var lines strings.Builder
	for i := range 240 {
		fmt.Fprintf(&lines, `{"chosen": "\n\nHuman: Day %d?\n\nAssistant: Sunny.", "rejected": "\n\nHuman: Day %d?\n\nAssistant: Rainy."}`+"\n", i, i)
	}
	pairs := filepath.Join(t.TempDir(), "pairs.jsonl")
	testfile.Write(t, pairs, lines.String())
	return loadedFile(t, path, "preferences.path="+pairs)
}

func ids(p *Plan) []string {
	var all []string
	for _, r := range p.Runs {
		all = append(all, r.ID)
	}
	return all
}

func lambdas(p *Plan) []float64 {
	var all []float64
	for _, r := range p.Runs {
		all = append(all, r.Lambda)
	}
	return all
}

func same[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%v\nwant\n%v", what, got, want)
	}
}

// adam returns the run's optimizer, which must be Adam.
func adam(t testing.TB, r *Run) *train.Adam {
	t.Helper()
	a, ok := r.Train.Optimizer.(*train.Adam)
	if !ok {
		t.Fatalf("%s: the optimizer is a %T", r, r.Train.Optimizer)
	}
	return a
}
