package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
)

// committed is where the project keeps what run.sh makes.
const committed = "../results"

// shippedRuns lists the configs and folders of configs that run.sh runs, always and with the argument all.
func shippedRuns(t testing.TB) (always, all []string) {
	t.Helper()
	script, err := os.ReadFile("../run.sh")
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(script), "\ngo run ")
	after, _, _ = strings.Cut(after, "||")
	named := regexp.MustCompile(`configs/[\w-]+(\.yaml)?`)
	for i, part := range []string{after, before} {
		for _, name := range named.FindAllString(part, -1) {
			path := "../" + name
			if i == 0 {
				always = append(always, path)
			}
			all = append(all, path)
		}
	}
	if len(always) == 0 || len(all) == len(always) {
		t.Fatalf("run.sh runs %v, and with all %v", always, all)
	}
	return always, all
}

// What is committed under results/ is what the code makes: to the byte on amd64, to 1e-10 elsewhere, since Go fuses
// multiply-add there.
func TestCommittedResults(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: does every run of ./run.sh again, a few seconds")
	}
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(committed, "*", tables.Runs+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Fatal("results/ holds no runs; ./run.sh makes them")
	}
	out := t.TempDir()
	always, all := shippedRuns(t)
	runMain(t, exitWell, append([]string{"run", "--quiet", "--out", out, "--cache", t.TempDir()}, always...)...)
	made, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range made {
		t.Run(folder.Name(), func(t *testing.T) {
			compareFolders(t, filepath.Join(out, folder.Name()), filepath.Join(committed, folder.Name()))
		})
	}
	known := resultNames(t, all[len(always):])
	for _, folder := range made {
		known = append(known, folder.Name())
	}
	for _, path := range folders {
		if name := filepath.Base(filepath.Dir(path)); !slices.Contains(known, name) {
			t.Errorf("results/%s is committed, but run.sh does not make it", name)
		}
	}
}

// resultNames are the results folders of configs, and of folders of configs that are no suites. What run.sh makes only with the
// argument all takes minutes; .ci/run makes it again.
func resultNames(t *testing.T, paths []string) (names []string) {
	t.Helper()
	named := regexp.MustCompile(`(?m)^name: (\S+)$`)
	for _, path := range paths {
		files := []string{path}
		if filepath.Ext(path) == "" {
			files, _ = filepath.Glob(filepath.Join(path, "*.yaml"))
		}
		for _, file := range files {
			name := named.FindSubmatch(readFile(t, file))
			if name == nil {
				t.Fatalf("%s has no name", file)
			}
			names = append(names, string(name[1]))
		}
	}
	return names
}

// compareFolders compares two results folders but for the manifest.
func compareFolders(t *testing.T, got, want string) {
	names := filesBelow(t, got)
	if others := filesBelow(t, want); !slices.Equal(names, others) {
		t.Fatalf("the files are\n%v\ncommitted are\n%v", names, others)
	}
	exact := runtime.GOARCH == "amd64"
	for _, name := range names {
		if !exact && strings.HasPrefix(name, "figures") {
			continue
		}
		fresh, old := readFile(t, filepath.Join(got, name)), readFile(t, filepath.Join(want, name))
		switch {
		case bytes.Equal(fresh, old):
		case !exact && filepath.Ext(name) == ".csv":
			if err := sameNumbers(fresh, old, 1e-10); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		default:
			t.Errorf("%s differs from what is committed; ./run.sh makes it again", name)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// filesBelow lists the files of a results folder without its manifest and what made it.
func filesBelow(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "manifest.json" && d.Name() != "made.json" {
			names = append(names, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// sameNumbers compares two tables: numbers within a tolerance, absolute below 1 and relative above, all else as it
// stands, but for sentences, which round the numbers in them.
func sameNumbers(got, want []byte, within float64) error {
	a, err := tables.ReadCSV("got", bytes.NewReader(got))
	if err != nil {
		return err
	}
	b, err := tables.ReadCSV("want", bytes.NewReader(want))
	if err != nil {
		return err
	}
	if !slices.Equal(a.Header, b.Header) || a.Len() != b.Len() {
		return fmt.Errorf("%d rows of %v, want %d of %v", a.Len(), a.Header, b.Len(), b.Header)
	}
	for row := range b.Len() {
		for _, column := range b.Header {
			x, y := a.Text(row, column), b.Text(row, column)
			v, w := tables.ParseFloat(x), tables.ParseFloat(y)
			near := math.Abs(v-w) <= within*max(1, math.Abs(w))
			if x != y && !near && column != "detail" && column != "reason" {
				return fmt.Errorf("row %d: %s is %s, want %s", row, column, x, y)
			}
		}
	}
	return nil
}

// The comparison for other architectures forgives rounding and nothing else.
func TestSameNumbers(t *testing.T) {
	t.Parallel()
	const want = "run,status,x,reason\na,done,1,at 1\nb,,2000,\n"
	for _, tt := range []struct {
		got string
		ok  bool
	}{
		{want, true},
		{"run,status,x,reason\na,done,1.00000000005,at 2\nb,,2000.0000001,\n", true},
		{"run,status,x,reason\na,done,1.0000000002,at 1\nb,,2000,\n", false},
		{"run,status,x,reason\na,done,1,at 1\nb,,2000.000001,\n", false},
		{"run,status,x,reason\na,done,,at 1\nb,,2000,\n", false},
		{"run,status,x,reason\na,done,inf,at 1\nb,,2000,\n", false},
		{"run,status,x,reason\na,failed,1,at 1\nb,,2000,\n", false},
		{"run,status,x,reason\nb,,2000,\na,done,1,at 1\n", false},
		{"run,status,x,reason\na,done,1,at 1\n", false},
		{"run,status,y,reason\na,done,1,at 1\nb,,2000,\n", false},
		{"run,status,x,reason\na,done,1\n", false},
	} {
		if err := sameNumbers([]byte(tt.got), []byte(want), 1e-10); (err == nil) != tt.ok {
			t.Errorf("%q: error %v, want none %v", tt.got, err, tt.ok)
		}
	}
}
