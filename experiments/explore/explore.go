// Package explore serves the explorer: a page on which a loss, pi_star, pi_ref and lambda are chosen by hand and its
// minimizer, trajectory and landscape are drawn at once. The page computes with the packages under toy/ and metrics/
// themselves, compiled to WebAssembly (explore/wasm, explore/model); the server only hands out files.
package explore

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
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
