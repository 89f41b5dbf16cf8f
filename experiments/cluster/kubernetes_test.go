package cluster

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// pods is a submission into pods.
func pods() (*Kubernetes, *Submission) {
	sub := sample("/data/results")
	return &Kubernetes{Image: "registry.example/lab/experiments:1.2", Program: "experiments", VolumeClaim: "shared", MountPath: "/data",
		Namespace: "lab", CPU: "500m", Memory: "2Gi", Parallelism: 3, Wait: 90 * time.Minute}, sub
}

// publishedSchema compiles the definitions that Kubernetes publishes, by kind, and lets no object have an unknown key.
func publishedSchema(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("testdata/kubernetes/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, definition := range document.(map[string]any)["definitions"].(map[string]any) {
		if object := definition.(map[string]any); object["properties"] != nil {
			object["additionalProperties"] = false
		}
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*jsonschema.Schema{}
	for kind, name := range map[string]string{"Job": "io.k8s.api.batch.v1.Job", "ConfigMap": "io.k8s.api.core.v1.ConfigMap"} {
		if schemas[kind], err = c.Compile("schema.json#/definitions/" + name); err != nil {
			t.Fatal(err)
		}
	}
	return schemas
}

// documents reads YAML documents as JSON values, and as trees of kind T.
func documents(t testing.TB, text []byte) (all []map[string]any) {
	t.Helper()
	for in := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var tree map[string]any
		err := in.Decode(&tree)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, value.(map[string]any))
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	k, sub := pods()
	text, err := k.Manifest(sub)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "kubernetes/manifest.yaml", string(text))
	*k = Kubernetes{Image: k.Image, Program: k.Program, VolumeClaim: k.VolumeClaim, MountPath: k.MountPath, Wait: k.Wait}
	bare, err := k.Manifest(sub)
	if err != nil {
		t.Fatal(err)
	}
	schemas, kinds := publishedSchema(t), ""
	for _, document := range append(documents(t, text), documents(t, bare)...) {
		kind := document["kind"].(string)
		kinds += " " + kind
		if err := schemas[kind].Validate(document); err != nil {
			t.Error(err)
		}
	}
	same(t, "kinds", kinds, " ConfigMap Job Job ConfigMap Job Job")
}

// The schema that the manifests are held to notices a wrong word, type or lack, however deep.
func TestSchemaIsStrict(t *testing.T) {
	t.Parallel()
	k, sub := pods()
	text, err := k.Manifest(sub)
	if err != nil {
		t.Fatal(err)
	}
	schemas := publishedSchema(t)
	for from, to := range map[string]string{
		"backoffLimitPerIndex: 3": "backoffLimitPerIndices: 3",
		"completions: 5":          `completions: "5"`,
		"restartPolicy: Never":    "restartPolice: Never",
		"operator: In":            "operation: In",
		"cpu: 500m":               "cpu: 0.5",
		"action: FailIndex":       "actions: FailIndex",
		"immutable: true":         "immutable: yes please",
		"- name: experiments\n":   "- nom: experiments\n",
		"claimName: shared":       "claim: shared",
	} {
		broken := strings.Replace(string(text), from, to, 1)
		refused := false
		for _, document := range documents(t, []byte(broken)) {
			refused = refused || schemas[document["kind"].(string)].Validate(document) != nil
		}
		if !refused {
			t.Errorf("%q is as good as %q", to, from)
		}
	}
}

// expand replaces $(NAME) and $$ as the documentation of container.command says; no name of ours is known to it.
func expand(word string) string {
	return regexp.MustCompile(`\$\$|\$\([^)]*\)`).ReplaceAllStringFunc(word, func(s string) string {
		if s == "$$" {
			return "$"
		}
		return "replaced"
	})
}

// Index 0 of the Job does shard 1, and arguments of any characters reach the program.
func TestShardCommand(t *testing.T) {
	t.Parallel()
	k, sub := pods()
	odd := "/data/" + strings.ReplaceAll(nasty, "&", "&$(HOME)$$")
	sub.Out, sub.Cache = odd, odd+"/.cache"
	k.Program = program(t, filepath.Join(t.TempDir(), nasty), `printf '%s\0' "$@"`)
	for index, shard := range map[string]string{"0": "1/5", "4": "5/5"} {
		var words []string
		for _, word := range k.shards(sub, nil).Spec.Template.Spec.Containers[0].Command {
			words = append(words, expand(word))
		}
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = append(os.Environ(), "JOB_COMPLETION_INDEX="+index)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		want := []string{"run", "/submission/my config.yaml", "--out", sub.ShardsDir(), "--cache", sub.Cache, "--shard", shard}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A pod finds the very bytes that were frozen.
func TestFrozenFiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k, sub := pods()
		sub.Files["data/pairs.jsonl"] = []byte(rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(" \t\r\n#:-'\"\u0085\u2028\ufeff\x00a"))),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "content"))
		text, err := k.Manifest(sub)
		if err != nil {
			t.Fatal(err)
		}
		var m configMap
		if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil {
			t.Fatal(err)
		}
		got, plain := m.Data["file-1"] // the first by its path
		if !plain {
			bytes, err := base64.StdEncoding.DecodeString(m.BinaryData["file-1"])
			if err != nil {
				t.Fatal(err)
			}
			got = string(bytes)
		}
		if got != string(sub.Files["data/pairs.jsonl"]) {
			t.Fatalf("%q came back as %q", sub.Files["data/pairs.jsonl"], got)
		}
	})
}

// Names are DNS labels with room for -merge and for the largest index.
func TestJobNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k, sub := pods()
		sub.Name = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{0,80}`).Draw(t, "name")
		for _, name := range []string{k.name(sub) + "-merge", k.name(sub) + "-99999"} {
			if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(name) {
				t.Fatalf("%q gives %q", sub.Name, name)
			}
		}
	})
}

func TestKubernetesRefuses(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*Kubernetes, *Submission){
		"--image":        func(k *Kubernetes, _ *Submission) { k.Image = "" },
		"--volume-claim": func(k *Kubernetes, _ *Submission) { k.VolumeClaim = "My_Claim" },
		"--namespace":    func(k *Kubernetes, _ *Submission) { k.Namespace = "a.b" },
		"--cpu":          func(k *Kubernetes, _ *Submission) { k.CPU = "two" },
		"--memory":       func(k *Kubernetes, _ *Submission) { k.Memory = "2GB" },
		"--mount-path":   func(k *Kubernetes, _ *Submission) { k.MountPath = "/submission/x" },
		"both below":     func(_ *Kubernetes, sub *Submission) { sub.Out = "/database" },
		"in the cache":   func(_ *Kubernetes, sub *Submission) { sub.Cache = "/tmp" },
		"--program":      func(k *Kubernetes, _ *Submission) { k.Program = "" },
		"--wait":         func(k *Kubernetes, _ *Submission) { k.Wait = 0 },
		"--shards":       func(_ *Kubernetes, sub *Submission) { sub.Shards = 100_001 },
		"ConfigMap":      func(_ *Kubernetes, sub *Submission) { sub.Files["data/pairs.jsonl"] = make([]byte, 1<<20) },
		"letters":        func(_ *Kubernetes, sub *Submission) { sub.Name = "" },
	} {
		k, sub := pods()
		change(k, sub)
		says = strings.ReplaceAll(says, "in the cache", "cache in")
		if _, err := k.Manifest(sub); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want a mistake with %q", err, says)
		}
	}
}
