package spec

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

const (
	configFolder = "../../configs"
	schemaFile   = configFolder + "/schema.json"
	languageLine = "# yaml-language-server: $schema=schema.json\n"
)

// shipped lists the committed configs.
func shipped(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(configFolder + "/*.yaml")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d configs, error %v", len(paths), err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The committed schema is the one that the code gives.
func TestSchemaFile(t *testing.T) {
	t.Parallel()
	schema, err := Schema(testKinds())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		testfile.Write(t, schemaFile, string(schema))
	}
	if !bytes.Equal(read(t, schemaFile), schema) {
		t.Errorf("%s is not up to date; go run ./experiments schema > configs/schema.json", schemaFile)
	}
}

// compiledSchema is the schema in the hands of a validator that knows nothing of this project.
func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(testKinds())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate checks a YAML text against the schema.
func validate(t testing.TB, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

// Every shipped config loads without a warning, validates, is laid out as promised, and is the same when it is resolved.
func TestShippedConfigs(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	t.Parallel()
	schema := compiledSchema(t)
	for _, path := range shipped(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text := read(t, path)
			c := loadedShipped(t, path)
			if len(c.Warnings) > 0 {
				t.Errorf("warnings %q", c.Warnings)
			}
			if want := strings.TrimSuffix(filepath.Base(path), ".yaml"); c.Head.Name != want {
				t.Errorf("its name is %q, want that of the file, %q", c.Head.Name, want)
			}
			if !bytes.HasPrefix(text, []byte(languageLine)) {
				t.Errorf("it does not begin with %q", languageLine)
			}
			if err := validate(t, schema, text); err != nil {
				t.Error(err)
			}
			checkOrder(t, text)
			if c.Scorecard == nil { // which has no runs to resolve
				checkResolved(t, schema, c)
			}
		})
	}
}

// checkOrder wants objectives, sweep, claims and figures to stand last, in that order.
func checkOrder(t *testing.T, text []byte) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	last := []string{"objectives", "sweep", "seeds", "summary", "claims", "figures"}
	at := -1
	for i := 0; i < len(doc.Content[0].Content); i += 2 {
		key := doc.Content[0].Content[i].Value
		place := slices.Index(last, key)
		if place < at {
			t.Errorf("%s stands after %s", key, last[at])
		}
		at = max(at, place)
	}
}

// The schema refuses what Load refuses, as far as a schema can.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	const good = head + "objectives: [{kind: dpo, lambda: 1}]\nsweep: {lambda: [1]}\n"
	if err := validate(t, schema, []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{
		{"name: test", "nmae: test"}, {"lambda: 1}", "lambda: -1}"}, {"kind: dpo", "kind: dop"}, {"[1]", "1"}, {"[1]", "{logspace: {from: 1}}"},
		{"0.1]", "1.5]"}, {"objectives:", "train: {epochs: many}\nobjectives:"}, {"name: test", "name: test\nsuite: []"},
	} {
		text := strings.Replace(good, edit[0], edit[1], 1)
		if err := validate(t, schema, []byte(text)); err == nil {
			t.Errorf("the schema accepts\n%s", text)
		}
		path := filepath.Join(t.TempDir(), "c.yaml")
		testfile.Write(t, path, text)
		if _, err := load(path, nil); err == nil {
			t.Errorf("Load accepts\n%s", text)
		}
	}
}

// checkResolved wants a resolved config to stand for the same runs and columns, and to validate; and the members of a resolved suite.
func checkResolved(t *testing.T, schema *jsonschema.Schema, c *Config) {
	out := t.TempDir()
	for _, one := range append(slices.Clone(c.Members), c) {
		dir := filepath.Join(out, one.Head.Name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := one.WriteResolved(dir); err != nil {
			t.Fatal(err)
		}
	}
	resolved := filepath.Join(out, c.Head.Name, ResolvedName)
	if err := validate(t, schema, read(t, resolved)); err != nil {
		t.Error(err)
	}
	again := loadedFile(t, resolved)
	comparePlans(t, again, c)
	if len(again.Members) != len(c.Members) {
		t.Fatalf("%d members, want %d", len(again.Members), len(c.Members))
	}
	for i := range c.Members {
		comparePlans(t, again.Members[i], c.Members[i])
	}
	if got, want := figuresOf(again), figuresOf(c); got != want {
		t.Errorf("%d figures, want %d", got, want)
	}
}

func figuresOf(c *Config) int {
	if c.Suite != nil {
		return len(c.Suite.Figures)
	}
	return len(c.Experiment.Figures)
}

func comparePlans(t *testing.T, got, want *Config) {
	t.Helper()
	if (got.Plan == nil) != (want.Plan == nil) {
		t.Fatalf("plans %v and %v", got.Plan, want.Plan)
	}
	if want.Plan == nil {
		return
	}
	if got.Plan.Key() != want.Plan.Key() {
		t.Errorf("%s: the key differs; first run\n%s\nwant\n%s", want.Path, got.Plan.Resolved(got.Plan.Runs[0]), want.Plan.Resolved(want.Plan.Runs[0]))
	}
	for _, table := range tables.OfRuns {
		same(t, "columns of "+table, got.Plan.Columns(table), want.Plan.Columns(table))
	}
	same(t, "runs", ids(got.Plan), ids(want.Plan))
}
