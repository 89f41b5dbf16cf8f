// Package explore serves the explorer: a page on which a loss, pi_star, pi_ref and lambda are chosen by hand and its
// minimizer, trajectory and landscape are drawn at once. The page computes with the packages under toy/ and metrics/
// themselves, compiled to WebAssembly (explore/wasm, explore/model); the server only hands out files.
package explore

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"windtunnel/metrics/tables"
)

//go:embed page
var sources embed.FS

// Names of the files that are not part of the sources.
const (
	computeName = "explore.wasm"
	glueName    = "wasm_exec.js"
	resultsName = "results.json"
	indexName   = "index.html"
)

// Page is the explorer as static files: the content by name. It has no folders.
type Page map[string][]byte

// NewPage assembles the page from what Compile made and the results to show beside it, which may be none.
func NewPage(c *Compute, results []*Results) (Page, error) {
	page := Page{computeName: c.Wasm, glueName: c.Glue}
	entries, err := fs.ReadDir(sources, "page")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if page[e.Name()], err = sources.ReadFile(path.Join("page", e.Name())); err != nil {
			return nil, err
		}
	}
	if results == nil {
		results = []*Results{}
	}
	if page[resultsName], err = json.Marshal(results); err != nil {
		return nil, fmt.Errorf("explore: results: %w", err)
	}
	return page, nil
}

// Compute is the model as a browser runs it.
type Compute struct {
	Wasm []byte // explore/wasm for GOOS=js GOARCH=wasm
	Glue []byte // wasm_exec.js of the same Go
}

// wasmPackage is the command that is compiled.
const wasmPackage = "windtunnel/experiments/explore/wasm"

// Compile builds the model with the Go toolchain that is found, from the module in dir or around it; "" is the current
// folder. The same sources and the same Go give the same bytes.
func Compile(ctx context.Context, dir string) (*Compute, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("explore: the page's compute is built from the sources, and there is no Go toolchain: the command go is not in PATH")
	}
	root, err := run(ctx, goTool, dir, nil, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	target := []string{"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0"}
	if _, err := run(ctx, goTool, dir, target, "list", wasmPackage); err != nil {
		return nil, fmt.Errorf("explore: the page's compute is built from the sources, which are not here; run this in a checkout, as "+
			"`go run ./experiments explore`: %w", err)
	}
	c := &Compute{}
	if c.Glue, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", glueName)); err != nil {
		return nil, fmt.Errorf("explore: this Go toolchain cannot make pages: %w", err)
	}
	folder, err := os.MkdirTemp("", "explore-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	out := filepath.Join(folder, computeName)
	if _, err := run(ctx, goTool, dir, target, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, wasmPackage); err != nil {
		return nil, err
	}
	c.Wasm, err = os.ReadFile(out)
	return c, err
}

// run runs the go command in a folder and returns what it prints. The error holds what it says.
func run(ctx context.Context, goTool, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, goTool, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// Results are the final policies of a results folder over three responses, as the page shows them.
type Results struct {
	Name     string   `json:"name"`
	Policies []Policy `json:"policies"`
	Omitted  int      `json:"omitted"` // policies beyond the most that are shown
}

// Policy is a run's final policy on one prompt.
type Policy struct {
	Run       string    `json:"run"`
	Objective string    `json:"objective"`
	Lambda    string    `json:"lambda"` // "" where the loss has none
	Prompt    string    `json:"prompt"`
	Pi        []float64 `json:"pi"`
	Ref       []float64 `json:"ref"`
	Star      []float64 `json:"star"` // null where there is no pi_star
}

// mostPolicies is how many policies of a folder a page shows.
const mostPolicies = 2000

// simplexResponses is the number of responses whose policies can be drawn.
const simplexResponses = 3

// ReadResults reads the policies of the tables of a folder. Prompts with another number of responses and runs without a
// final policy are left out; the error says so where nothing is left.
func ReadResults(name string, src tables.Source) (*Results, error) {
	runs, err := src.Table(tables.Runs)
	if err != nil {
		return nil, err
	}
	policies, err := src.Table(tables.Policies)
	if err != nil {
		return nil, err
	}
	row := map[string]int{}
	for i := range runs.Len() {
		row[runs.Text(i, "run")] = i
	}
	out := &Results{Name: name, Policies: []Policy{}}
	for i := 0; i < policies.Len(); {
		p := Policy{Run: policies.Text(i, "run"), Prompt: policies.Text(i, "prompt")}
		drawn := true
		for ; i < policies.Len() && policies.Text(i, "run") == p.Run && policies.Text(i, "prompt") == p.Prompt; i++ {
			pi := policies.Float(i, "pi")
			drawn = drawn && !math.IsNaN(pi)
			p.Pi, p.Ref = append(p.Pi, pi), append(p.Ref, policies.Float(i, "pi_ref"))
			if star := policies.Float(i, "pi_star"); !math.IsNaN(star) {
				p.Star = append(p.Star, star)
			}
		}
		if !drawn || len(p.Pi) != simplexResponses {
			continue
		}
		run, known := row[p.Run]
		if !known {
			return nil, fmt.Errorf("%s: the table %s has no run %q, the table %s has", name, tables.Runs, p.Run, tables.Policies)
		}
		if len(out.Policies) == mostPolicies {
			out.Omitted++
			continue
		}
		p.Objective, p.Lambda = runs.Text(run, "objective"), runs.Text(run, "lambda")
		out.Policies = append(out.Policies, p)
	}
	if len(out.Policies) == 0 {
		return nil, fmt.Errorf("%s: no final policies over %d responses, which is what the explorer draws", name, simplexResponses)
	}
	return out, nil
}
