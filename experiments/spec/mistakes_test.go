package spec

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec/decode"
)

var update = flag.Bool("update", false, "write the golden files anew")

const mistakesFile = "testdata/mistakes.txt"

// mistake is a paragraph of mistakes.txt.
type mistake struct {
	line      int
	file      string
	find, put []string
	sets      []string
	messages  []string
	edited    bool
}

// parseMistake reads a paragraph, nil for one of comments.
func parseMistake(t *testing.T, line int, paragraph string) *mistake {
	t.Helper()
	m := &mistake{line: line}
	for text := range strings.SplitSeq(paragraph, "\n") {
		mark, rest, _ := strings.Cut(text, " ")
		switch mark {
		case "#":
		case "@":
			m.file = rest
		case "-":
			m.find = append(m.find, rest)
		case "+":
			m.put, m.edited = append(m.put, rest), true
		case "!":
			m.sets = append(m.sets, rest)
		case ">":
			m.messages = append(m.messages, rest)
		default:
			t.Fatalf("%s:%d: no such mark: %q", mistakesFile, line, text)
		}
	}
	if m.file == "" {
		return nil
	}
	return m
}

// apply writes the wrong config into the working folder.
func (m *mistake) apply(t *testing.T) {
	t.Helper()
	if !m.edited {
		return
	}
	original, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	text, find := strings.Join(m.put, "\n")+"\n", strings.Join(m.find, "\n")
	if m.find != nil {
		if text = strings.Replace(string(original), find, strings.Join(m.put, "\n"), 1); text == string(original) {
			t.Fatalf("%s:%d: %s does not hold\n%s", mistakesFile, m.line, m.file, find)
		}
	}
	testfile.Write(t, m.file, text)
	t.Cleanup(func() { testfile.Write(t, m.file, string(original)) })
}

// Every wrong config brings its exact messages, each of which names the file or the override, and writes nothing.
func TestMistakes(t *testing.T) {
	golden, err := os.ReadFile(mistakesFile)
	if err != nil {
		t.Fatal(err)
	}
	mistakes, err := filepath.Abs("testdata/mistakes")
	if err != nil {
		t.Fatal(err)
	}
	goldenPath, _ := filepath.Abs(mistakesFile)
	folder := filepath.Join(t.TempDir(), "mistakes")
	if err := os.CopyFS(folder, os.DirFS(mistakes)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	var b bytes.Buffer
	line, cases := 1, 0
	for i, paragraph := range strings.Split(strings.TrimSuffix(string(golden), "\n"), "\n\n") {
		if i > 0 {
			b.WriteString("\n\n")
		}
		m := parseMistake(t, line, paragraph)
		line += strings.Count(paragraph, "\n") + 2
		if m == nil {
			b.WriteString(paragraph)
			continue
		}
		cases++
		t.Run(strings.Join(m.put, ";"), func(t *testing.T) { m.check(t) })
		b.WriteString(m.rewritten(paragraph))
	}
	if cases < 80 {
		t.Errorf("%d cases, want at least 80", cases)
	}
	if *update {
		testfile.Write(t, goldenPath, b.String()+"\n")
	}
}

// rewritten is the paragraph with the messages that there were.
func (m *mistake) rewritten(paragraph string) string {
	input, _, _ := strings.Cut(paragraph, "\n>")
	return input + "\n> " + strings.Join(m.messages, "\n> ")
}

func (m *mistake) check(t *testing.T) {
	m.apply(t)
	c, err := load(m.file, m.sets)
	var all decode.Errors
	if !errors.As(err, &all) || c != nil {
		t.Fatalf("%s:%d: Load gives %v and the error %v, which is no decode.Errors", mistakesFile, m.line, c, err)
	}
	for _, e := range all {
		if e.File == "" || e.Wrong == "" {
			t.Errorf("%s:%d: a mistake without a file or a text: %+v", mistakesFile, m.line, e)
		}
	}
	got, want := abbreviated(err.Error()), strings.Join(m.messages, "\n")
	if *update {
		m.messages = strings.Split(got, "\n")
		return
	}
	if got != want {
		t.Errorf("%s:%d: the messages are\n%s\nwant\n%s", mistakesFile, m.line, got, want)
	}
}

// abbreviated puts the names of the registries for the lists of their kinds.
func abbreviated(text string) string {
	for _, r := range testRegistries() {
		var kinds []string
		for _, e := range r.Entries {
			kinds = append(kinds, e.Name)
		}
		text = strings.ReplaceAll(text, strings.Join(kinds, ", "), "<"+r.Name+">")
	}
	return text
}
