package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An interrupt ends the commands on language models; the text of a generation ends where it came.
func TestLanguageCanceled(t *testing.T) {
	model := []string{"--model", "../configs/data/stories260K.bin", "--tokenizer", "../configs/data/tok512.bin"}
	file := filepath.Join(t.TempDir(), "pairs.jsonl")
	pair := `{"prompt": "Once upon a time", "chosen": ", there was", "rejected": " a a"}` + "\n"
	if err := os.WriteFile(file, []byte(strings.Repeat(pair, 200)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"generate", "--temperature", "0"}, {"score", file}} {
		var stdout, stderr bytes.Buffer
		status := Main(ctx, append(args, model...), &stdout, &stderr)
		if status != exitVerdict || !strings.Contains(stderr.String(), "context canceled") || stdout.Len() > 20 {
			t.Errorf("%s: exit status %d, %q on stderr, %q on stdout", args[0], status, &stderr, &stdout)
		}
	}
}

// A model that holds fewer tokens than the default limit scores what it holds; a limit that is asked for must fit.
func TestScoreShortModel(t *testing.T) {
	dir := t.TempDir()
	checkpoint, err := os.ReadFile("../configs/data/stories260K.bin")
	if err != nil {
		t.Fatal(err)
	}
	const header, weights, positions, headSize = 7, 260_032, 8, 8 // the table of positions is last in the file
	binary.LittleEndian.PutUint32(checkpoint[6*4:], positions)
	checkpoint = checkpoint[:4*(header+weights+positions*headSize)]
	path, file := filepath.Join(dir, "short.bin"), filepath.Join(dir, "pairs.jsonl")
	pairs := `{"prompt": "Once", "chosen": " upon", "rejected": " a"}` + "\n" + `{"prompt": "Once", "chosen": " upon", "rejected": "123456789"}` + "\n"
	for name, data := range map[string][]byte{path: checkpoint, file: []byte(pairs)} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"score", "--model", path, "--tokenizer", "../configs/data/tok512.bin", file}
	var stdout, stderr bytes.Buffer
	if status := Main(t.Context(), args, &stdout, &stderr); status != exitWell ||
		!strings.HasSuffix(stdout.String(), "}\n"+`{"index":1,"skipped":"too long"}`+"\n") {
		t.Errorf("exit status %d, %q on stderr, %q on stdout", status, &stderr, &stdout)
	}
	if status := Main(t.Context(), append(args, "--max-tokens", "512"), &stdout, &stderr); status != exitInput ||
		!strings.Contains(stderr.String(), "want 2 to 8, which the model holds") {
		t.Errorf("exit status %d, %q on stderr", status, &stderr)
	}
}
