package engine

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/toy"
	"windtunnel/toy/kernel"
)

// NumericsVersion is raised by hand when results of the same config change for a reason that Numerics does not cover.
const NumericsVersion = 2

// measuring is the text of the files that turn a trained policy into rows.
//
//go:embed worker.go bandit.go language.go result.go
var measuring embed.FS

// Numerics names the code that computes results: the version above, the text of toy/, metrics/ and of the files here that
// make rows, the names and types of their columns, the versions of Go and gonum, the processor's architecture, what the
// compiler may use of it, and how it rounds float32. Finished runs are kept under it, so an edited loss is trained again.
var Numerics = sync.OnceValue(func() string {
	h := sha256.New()
	for _, source := range []embed.FS{toy.Source, metrics.Source, measuring} {
		err := fs.WalkDir(source, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := source.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
			return err
		})
		if err != nil {
			panic(fmt.Sprintf("engine: reading embedded source: %v", err))
		}
	}
	for _, family := range resultSchemas {
		for i, schema := range family {
			for _, c := range schema {
				fmt.Fprintf(h, "%s %s %s\n", tables.OfRuns[i], c.Name, c.Type)
			}
		}
	}
	gonum, level := buildInfo()
	return fmt.Sprintf("%d-%s-%s-%s-%s%s-%s", NumericsVersion, hex.EncodeToString(h.Sum(nil)[:8]), runtime.Version(),
		gonum, runtime.GOARCH, level, kernel.Rounding())
})

// buildInfo returns the version of gonum in this executable and the level of the architecture that it was compiled for, such as
// v3 by GOAMD64=v3; "" where it does not say.
func buildInfo() (gonum, level string) {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "", ""
	}
	for _, m := range info.Deps {
		if m.Path == "gonum.org/v1/gonum" {
			gonum = m.Version
		}
	}
	for _, setting := range info.Settings {
		if setting.Key == "GO"+strings.ToUpper(runtime.GOARCH) {
			level = setting.Value
		}
	}
	return gonum, level
}
