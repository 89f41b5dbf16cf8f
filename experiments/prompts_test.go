package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windtunnel/experiments/results/publish"
)

var updatePrompts = flag.Bool("update-prompts", false, "write the shipped prompts anew from WINDTUNNEL_STORIES")

const (
	shippedData  = "../configs/data"
	promptsFile  = "stories_prompts.jsonl"
	mostBytes    = 50_000
	mostPrompts  = 250
	promptLength = 150 // of a prompt at most, in bytes
)

// prompt is a line of the shipped prompts.
type prompt struct {
	ID     string `json:"id"`
	Prompt string `json:"prompt"`
}

// The shipped models, prompts and their licences have the hashes that SHA256SUMS tells, and the prompts stay small.
func TestShippedSums(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join(shippedData, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if got, err := publish.HashFile(filepath.Join(shippedData, name)); !ok || err != nil || got != want {
			t.Errorf("%s: hash %s, error %v; SHA256SUMS says %s", name, got, err, want)
		}
		named[name] = true
	}
	for _, name := range []string{"stories260K.bin", "stories260K.LICENSE", "tok512.bin", promptsFile, "stories_prompts.LICENSE"} {
		if !named[name] {
			t.Errorf("SHA256SUMS does not name %s", name)
		}
	}
	info, err := os.Stat(filepath.Join(shippedData, promptsFile))
	if err != nil || info.Size() > mostBytes {
		t.Errorf("%v; %s may have %d bytes", err, promptsFile, mostBytes)
	}
}

// Every shipped prompt has an id and a text of its own, and ends where a sentence does.
func TestShippedPrompts(t *testing.T) {
	file, err := os.Open(filepath.Join(shippedData, promptsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ids, texts := map[string]bool{}, map[string]bool{}
	for in := bufio.NewScanner(file); in.Scan(); {
		var p prompt
		decoder := json.NewDecoder(bytes.NewReader(in.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&p); err != nil || p.ID == "" || ids[p.ID] || texts[p.Prompt] {
			t.Errorf("%s: error %v, or an id or a text that is empty or taken", in.Text(), err)
		}
		if len(p.Prompt) > promptLength || !strings.HasSuffix(p.Prompt, ".") || strings.TrimSpace(p.Prompt) != p.Prompt {
			t.Errorf("%s: %d bytes, or no whole sentence", p.ID, len(p.Prompt))
		}
		ids[p.ID], texts[p.Prompt] = true, true
	}
	if len(ids) != mostPrompts {
		t.Errorf("%d prompts, not %d", len(ids), mostPrompts)
	}
}

// The shipped prompts are what beginnings makes of the sample of TinyStories that WINDTUNNEL_STORIES names.
func TestPromptsAreBeginnings(t *testing.T) {
	path := os.Getenv("WINDTUNNEL_STORIES")
	if path == "" {
		t.Skip("WINDTUNNEL_STORIES does not name a sample of TinyStories, which is not shipped")
	}
	sample, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for i, text := range beginnings(string(sample)) {
		line, err := json.Marshal(prompt{fmt.Sprintf("story%03d", i+1), text})
		if err != nil {
			t.Fatal(err)
		}
		want.Write(append(line, '\n'))
	}
	shipped := filepath.Join(shippedData, promptsFile)
	if *updatePrompts {
		if err := os.WriteFile(shipped, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(shipped); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("error %v, or %s is not up to date; -update-prompts writes it", err, shipped)
	}
}

var (
	opening  = regexp.MustCompile(`(?:^|[^\n])\n(?:Once|One day)\b[^\n]*`) // the first paragraph of a story: no blank line before it
	sentence = regexp.MustCompile(`^[A-Z][^.!?"]*\.(?: |$)`)
)

// beginnings returns the first two sentences of stories, or one if two are too long, in the order of the sample. Speech,
// and text that is not ASCII, is passed over, and so is a beginning that came before. In the sample a single newline parts
// stories, a blank line paragraphs.
func beginnings(sample string) []string {
	var found []string
	seen := map[string]bool{}
	for _, paragraph := range opening.FindAllString("\n"+sample, -1) {
		_, text, _ := strings.Cut(paragraph, "\n")
		beginning := ""
		for range 2 {
			next := sentence.FindString(text)
			if len(strings.TrimSpace(beginning+next)) <= promptLength {
				beginning, text = beginning+next, text[len(next):]
			}
		}
		beginning = strings.TrimSpace(beginning)
		ascii := !strings.ContainsFunc(beginning, func(r rune) bool { return r > '~' })
		if beginning != "" && ascii && !seen[beginning] && len(found) < mostPrompts {
			found, seen[beginning] = append(found, beginning), true
		}
	}
	return found
}
