package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// TestMemoryOfChecking refuses what no run has the memory for before it is built or read, so that checking a config takes no more.
func TestMemoryOfChecking(t *testing.T) {
	const large = "name: test\nenvironment: {kind: random-bandit, prompts: 1000, responses: 20000}\npreferences: {kind: sample, n: 5}\nobjectives: [dpo]\nlimits: {memory: 100MB}\n"
	const derived = "name: test\nenvironment: {kind: derived, of: {kind: random-bandit, prompts: 1000, responses: 20000}}\nobjectives: [dpo]\nlimits: {memory: 100MB}\npreferences: {kind: sample, n: 5}\n"
	pairs := head + "preferences: {kind: file, path: pairs.jsonl}\nobjectives: [dpo]\nlimits: {memory: 1KB}\n"
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "pairs.jsonl"), strings.Repeat(`{"prompt": "x", "chosen": 0, "rejected": 1}`+"\n", 100))
	for text, want := range map[string]string{
		large:   "limits.memory: is 100MB, and an environment of 1000 prompts of 20000 responses takes more than 1280MB; want more memory, or a smaller environment",
		derived: "an environment of 1000 prompts of 20000 responses takes more than 1280MB",
		pairs:   "limits.memory: is 1KB, and pairs.jsonl alone has 4400 bytes",
		strings.Replace(large, "20000}", "1000}", 1): "",
		strings.Replace(pairs, "1KB", "1MB", 1):      "",
	} {
		path := filepath.Join(dir, "c.yaml")
		testfile.Write(t, path, text)
		if _, err := load(path, nil); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}
