package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rooms are the folders of packages in the order in which they may import one another: none imports a later one.
var rooms = []string{"configs", "toy", "metrics", "plots", "experiments"}

// rows are the packages of a room in the same order, as far as it is held; those of one row do not import one another. "" is
// the package in the room's own folder.
var rows = map[string][][]string{
	"metrics": {{"", "try"}, {"tables", "inference"}, {"texts"}, {"claims", "summaries", "comparison"}},
	"experiments": {{"spec/decode", "inputfile", "cache/lock", "internal/browser", "internal/testfile"}, {"bridge", "spec", "cache", "results/publish"},
		{"kinds", "engine"}, {"scorecard"}, {"cluster", "results", "lossvalues", "vectors", "explore", "explore/model"}, {"report"}, {""}},
}

// imports lists, by package of this module, what of the module it and its tests import.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "windtunnel/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		all[words[0]] = nil
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "windtunnel/") && word != words[0] {
				all[words[0]] = append(all[words[0]], word)
			}
		}
	}
	return all
}

// roomOf returns the number of a package's room, and its path there.
func roomOf(pkg string) (room int, path string) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(pkg, "windtunnel/"), "/")
	return slices.Index(rooms, first), rest
}

// rowOf returns where a package stands in its room, -1 where that is left open.
func rowOf(room int, path string) int {
	return slices.IndexFunc(rows[rooms[room]], func(row []string) bool { return slices.Contains(row, path) })
}

// Arrows of imports run experiments to plots to metrics to toy, and within a room along its row; none runs back.
func TestArrows(t *testing.T) {
	t.Parallel()
	all := imports(t)
	for pkg, imported := range all {
		room, path := roomOf(pkg)
		if room < 0 {
			t.Errorf("%s is in none of %v", pkg, rooms)
			continue
		}
		for _, other := range imported {
			otherRoom, otherPath := roomOf(other)
			row, otherRow := rowOf(room, path), rowOf(otherRoom, otherPath)
			if otherRoom > room || otherRoom == room && row >= 0 && otherRow >= row {
				t.Errorf("%s imports %s, which stands after it", pkg, other)
			}
		}
	}
	for room, row := range rows {
		for _, path := range slices.Concat(row...) {
			if _, ok := all[filepath.Join("windtunnel", room, path)]; !ok {
				t.Errorf("there is no package %s/%s", room, path)
			}
		}
	}
}

// What reads configs, runs them and submits them to a cluster draws nothing.
func TestNoDrawing(t *testing.T) {
	t.Parallel()
	for _, pkg := range []string{"spec", "engine", "cluster"} {
		out, err := exec.Command("go", "list", "-deps", "windtunnel/experiments/"+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, dep := range strings.Fields(string(out)) {
			for _, drawing := range []string{"windtunnel/plots", "gonum.org/v1/plot", "golang.org/x/image", "image"} {
				if dep == drawing || strings.HasPrefix(dep, drawing+"/") {
					t.Errorf("%s links %s", pkg, dep)
				}
			}
		}
	}
}

// CONTRIBUTING.md's map names every package, and its walks only files that there are.
func TestMap(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	text, folders, files := string(data), []string{""}, 0
	for _, name := range regexp.MustCompile("`([a-z_/]+(?:\\.go|\\.yaml|/)?)`").FindAllStringSubmatch(text, -1) {
		path := filepath.FromSlash(name[1])
		if !strings.Contains(path, "/") && filepath.Ext(path) == "" {
			continue // a word
		}
		at := slices.IndexFunc(folders, func(folder string) bool { // the root, or one named before
			_, err := os.Stat(filepath.Join("..", folder, path))
			return err == nil
		})
		if at < 0 {
			t.Errorf("there is no %s", name[1])
			continue
		}
		files++
		if path = filepath.Join(folders[at], path); filepath.Ext(path) != "" {
			path = filepath.Dir(path)
		}
		folders = append(folders, path)
	}
	if files < 60 {
		t.Errorf("only %d files and folders are named", files)
	}
	for pkg := range imports(t) {
		path := strings.TrimPrefix(pkg, "windtunnel/")
		named := slices.ContainsFunc([]string{path, path + "/", filepath.Base(path)}, func(name string) bool { return strings.Contains(text, "`"+name+"`") })
		if !named && path != "toy" && !strings.HasPrefix(path, "toy/internal/") {
			t.Errorf("the map lacks %s", path)
		}
	}
}
