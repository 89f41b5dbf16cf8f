package fixedseed

import (
	"flag"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSameExamples draws twice and compares, unless somebody asked for examples of their own.
func TestSameExamples(t *testing.T) {
	if flag.Lookup("rapid.seed").Value.String() != Seed {
		t.Skip("another seed was asked for")
	}
	draw := func() (drawn []float64) {
		rapid.Check(t, func(t *rapid.T) { drawn = append(drawn, rapid.Float64().Draw(t, "x")) })
		return drawn
	}
	first := draw()
	if len(first) < 2 || !slices.Equal(first, draw()) {
		t.Errorf("the second run drew other examples than %v", first)
	}
}

// TestEverywhere names the packages whose property tests would draw from a random seed.
func TestEverywhere(t *testing.T) {
	root := filepath.Join("..", "..")
	uses, fixes := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "results" || strings.HasPrefix(entry.Name(), ".")) && path != root:
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			switch spec.Path.Value {
			case `"pgregory.net/rapid"`:
				uses[filepath.Dir(path)] = true
			case `"windtunnel/toy/fixedseed"`:
				fixes[filepath.Dir(path)] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(uses, filepath.Join(root, "toy", "fixedseed"))
	if len(uses) == 0 {
		t.Fatal("no package with property tests was found")
	}
	for dir := range uses {
		if !fixes[dir] {
			t.Errorf("%s: property tests without import _ \"windtunnel/toy/fixedseed\"", dir)
		}
	}
}
