package main

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/kinds"
	"windtunnel/toy/fixedseed"
)

// pages are the documents whose commands are run by TestPages, and longPages those for which there is time with -tags soak. The
// page about test vectors needs PyTorch: TestVectorsPage.
var pages, longPages = []string{"README.md", "configs/published/README.md", "plots/README.md", "toy/objective/README.md"},
	[]string{"configs/README.md", "experiments/README.md", "experiments/scorecard/README.md"}

// notRun are the commands of pages that TestPages leaves out, by what they hold, with the reason.
var notRun = map[string]string{
	"./run.sh":               ".ci/run does it in a clean clone",
	"go test ":               ".ci/run does it",
	"go build ":              "experiments is this test",
	"git clone ":             "the project has no fixed address",
	"hh_harmless":            "the pairs are other people's, by download",
	"dpo.bin":                "it is trained on these pairs",
	" explore":               "it serves a page until it is stopped; explorecmd_test.go has it",
	"run configs/ablations":  "it takes minutes; .ci/run does it by run.sh",
	"configs/scorecard.yaml": "it takes minutes",
}

// A page's commands, in order, print what the page says and end with status 0 or the one that a comment says. Blocks of YAML that
// begin with a name are written as NAME.yaml, and "..." stands for any lines, or any part of a line.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: some seconds of runs")
	}
	run := pages
	if fixedseed.Soak {
		run = slices.Concat(pages, longPages)
	}
	for _, page := range run {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, folder, commands := testfile.Read(t, "../"+page), t.TempDir(), 0
			copyFolder(t, filepath.Join(folder, "configs"), "../configs")
			for _, name := range []string{"interpolation", "preservation", "constraint", "paper"} {
				copyFolder(t, filepath.Join(folder, "results", name), filepath.Join(committed, name))
			}
			for _, block := range regexp.MustCompile("(?ms)^ *```(\\w+)\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
				switch language, body := block[1], block[2]; language {
				case "yaml":
					if m := regexp.MustCompile(`\Aname: (\S+)`).FindStringSubmatch(body); m != nil {
						testfile.Write(t, filepath.Join(folder, m[1]+".yaml"), body)
					}
				case "sh", "console":
					for _, step := range steps(language, body) {
						commands += runStep(t, folder, step[0], step[1])
					}
				}
			}
			if commands == 0 {
				t.Error("no command was run")
			}
		})
	}
}

// steps are the commands of a block, each with what it is to print.
func steps(language, body string) (all [][2]string) {
	separator := "\n"
	if language == "console" {
		separator = "\n$ "
	}
	for _, step := range strings.Split("\n"+body, separator)[1:] {
		command, want, _ := strings.Cut(step, "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if strings.TrimSpace(command) != "" {
			all = append(all, [2]string{command, want})
		}
	}
	return all
}

// runStep runs one command and returns 1, or 0 if it is one that is not run.
func runStep(t *testing.T, folder, command, want string) int {
	for part := range notRun {
		if strings.Contains(command, part) {
			return 0
		}
	}
	cmd := exec.Command("sh", "-c", strings.NewReplacer("go run ./experiments", "experiments", "./windtunnel", "experiments").Replace(command))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, _ := cmd.CombinedOutput()
	status := 0
	if m := regexp.MustCompile(`exit status (\d)`).FindStringSubmatch(command); m != nil {
		status, _ = strconv.Atoi(m[1])
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("%s\nends with status %d, want %d\n%s", command, got, status, out)
	}
	out = regexp.MustCompile(`(?m)^\w+: \d+ of \d+ runs, .*\n`).ReplaceAll(out, nil) // progress, of slow machines
	varies := regexp.MustCompile(`\b\d+(\.\d+)? s\b|--jobs \d+| +\n`)                // times, processors, and spaces that a page cannot end a line with
	still := func(s string) string {
		return varies.ReplaceAllStringFunc(s, func(v string) string {
			if strings.HasSuffix(v, "\n") {
				return "\n"
			}
			return "T"
		})
	}
	pattern := regexp.QuoteMeta(still(want))
	pattern = regexp.MustCompile(`(?m)^\\\.\\\.\\\.\n`).ReplaceAllString(pattern, `(?:.*\n)*`)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	if want != "" && !regexp.MustCompile(`\A`+pattern+`\z`).MatchString(still(string(out))) {
		t.Errorf("%s\nprints\n%s\nwant\n%s", command, out, want)
	}
	return 1
}

func copyFolder(t testing.TB, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// documents are all pages of the project, by their path from its root.
func documents(t *testing.T) (found []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) < 10 {
		t.Fatal(len(found), "documents: ", err)
	}
	return found
}

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inCode  = regexp.MustCompile("`[^`\n]*`")
	linked  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
)

// Every relative link in a document, and what follows its #, points at something.
func TestLinks(t *testing.T) {
	links := 0
	for _, document := range documents(t) {
		text := inCode.ReplaceAllString(fenced.ReplaceAllString(testfile.Read(t, "../"+document), ""), "code")
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join("..", filepath.Dir(document), path)
			if path == "" {
				target = filepath.Join("..", document)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s points at nothing", document, m[1])
			} else if anchor != "" && !anchors(testfile.Read(t, target))[anchor] {
				t.Errorf("%s: %s: there is no such heading", document, m[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the names that GitHub gives a document's headings.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

// README is read in ten minutes.
func TestReadmeIsShort(t *testing.T) {
	if n := len(testfile.Read(t, "../README.md")); n > 10*1024 {
		t.Errorf("README.md has %d bytes, want at most 10 KB; what describes a folder stands in that folder", n)
	}
}

// What a page is about is there in full: every config, every kind of figure, every command.
func TestPagesAreComplete(t *testing.T) {
	want := func(page, name string) {
		if !strings.Contains(testfile.Read(t, "../"+page), "`"+name+"`") {
			t.Errorf("%s does not tell of `%s`", page, name)
		}
	}
	for _, folder := range []string{"", "ablations/"} {
		configs, _ := filepath.Glob("../configs/" + folder + "*.yaml")
		if len(configs) == 0 {
			t.Fatal("no configs in ", folder)
		}
		for _, path := range configs {
			name := filepath.Base(path)
			if folder != "" {
				name = strings.TrimSuffix(name, ".yaml")
			}
			want("configs/README.md", name)
		}
	}
	for _, registry := range kinds.Registries() {
		page := map[string]string{"figures": "plots/README.md", "objectives": "toy/objective/README.md", "preferences": "configs/README.md",
			"environments": "configs/README.md", "policies": "configs/README.md", "claims": "configs/README.md"}[registry.Name]
		for _, kind := range registry.Entries {
			if page != "" {
				want(page, kind.Name)
			}
		}
	}
	for _, command := range newRoot(io.Discard, io.Discard).Commands() {
		if name := command.Name(); name != "help" && name != "completion" && !command.Hidden {
			want("experiments/README.md", name)
		}
	}
}
