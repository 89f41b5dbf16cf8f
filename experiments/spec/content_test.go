package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// Runs that would do the same have the same content, however and wherever they are written; other runs have not.
func TestContent(t *testing.T) {
	t.Parallel()
	const pairs = `{"chosen": 0, "rejected": 1}` + "\n"
	const text = head + "preferences: {kind: file, path: pairs.jsonl}\ntrain: {epochs: 3}\nobjectives: [{kind: dpo, lambda: 0.5}]\n"
	content := func(text, pairs string, sets ...string) [32]byte {
		dir := t.TempDir()
		for _, name := range []string{"pairs.jsonl", "data/others.jsonl"} {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			testfile.Write(t, filepath.Join(dir, name), pairs)
		}
		testfile.Write(t, filepath.Join(dir, "test.yaml"), text)
		return loadedFile(t, filepath.Join(dir, "test.yaml"), sets...).Plan.Runs[0].Content
	}
	first := content(text, pairs)
	for name, again := range map[string][32]byte{
		"another spelling":   content(strings.Replace(text, "lambda: 0.5", "beta: 5e-1", 1), pairs),
		"another label":      content(text, pairs, "objectives.0.name=x"),
		"a default":          content(text, pairs, "train.shuffle=false"),
		"limits":             content(text, pairs, "limits={time: 3s, memory: 1GiB}"),
		"another place":      content(text, pairs, "preferences.path=data/others.jsonl"),
		"a sweep":            content(text, pairs, "sweep={lambda: [0.5, 7], train.epochs: [3]}"),
		"an objective's own": content(text, pairs, "train.epochs=9", "objectives.0.train={epochs: 3}"),
		"seeds":              content(text, pairs, "seeds=1"),
		"another name":       content(text, pairs, "name=other"),
		"another objective":  content(text, pairs, "objectives=[{kind: dpo, lambda: 0.5}, ipo]"),
	} {
		if again != first {
			t.Errorf("%s changes the content", name)
		}
	}
	seen := map[[32]byte]string{first: "nothing"}
	for _, change := range []string{"seed=1", "solver=exact", "train.epochs=4", "train.optimizer.lr=3", "constraint.l2=1", "constraint.kl_radius=1",
		"policy={kind: low-rank, rank: 1}", "policy={kind: low-rank, rank: 2}", "objectives.0.lambda=0.6", "objectives.0=ipo", "preferences=population",
		"environment.prompts.0.pi_star=[0.6, 0.2, 0.2]", "environment.prompts.0.name=y"} {
		got := content(text, pairs, change)
		if other, taken := seen[got]; taken {
			t.Errorf("%s gives the content of %s", change, other)
		}
		seen[got] = change
	}
	if _, taken := seen[content(text, pairs+" ")]; taken {
		t.Error("other data give the same content")
	}
}
