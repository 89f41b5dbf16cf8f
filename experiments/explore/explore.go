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
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
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
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
