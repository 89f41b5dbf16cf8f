package tables_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"windtunnel/metrics/tables"
)

var update = flag.Bool("update", false, "write the golden files anew")

// resources is a folder with a table of every format and type.
func resources() []tables.Resource {
	schema := tables.Schema{
		{Name: "run", Doc: "Name of the run."},
		{Name: "policy.basis", Doc: "Swept key <of> the config."},
		{Name: "seed", Type: tables.Integer},
		{Name: "kl_pi_ref", Type: tables.Number, Unit: "nats", Doc: "KL(pi to pi_ref)."},
		{Name: "holds", Type: tables.Boolean},
	}
	return []tables.Resource{
		{Table: "runs", Schema: schema, Format: tables.CSV},
		{Table: "traces", Schema: schema[:4], Format: tables.Parquet},
		{Table: "claims", Schema: schema[4:], Format: tables.Both},
	}
}

// published compiles a JSON Schema that Frictionless publishes.
func published(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "frictionless", name))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestDataPackageIsOfThePublishedProfiles(t *testing.T) {
	pkg, tabular := published(t, "data-package.json"), published(t, "tabular-data-resource.json")
	for _, title := range []string{"preservation", "Data size / 1,000 (é)"} {
		data := tables.DataPackage(title, resources())
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := pkg.Validate(doc); err != nil {
			t.Errorf("%s: %v", title, err)
		}
		list := doc.(map[string]any)["resources"].([]any)
		if len(list) != 4 {
			t.Fatalf("%d resources", len(list))
		}
		for _, r := range list {
			r := r.(map[string]any)
			if r["profile"] == "data-resource" { // of a Parquet file; but for that it is one of tables
				r["profile"] = "tabular-data-resource"
			}
			if err := tabular.Validate(r); err != nil {
				t.Errorf("%s: %v: %v", title, r["name"], err)
			}
		}
	}
}

// The profiles do refuse what is wrong.
func TestProfilesAreStrict(t *testing.T) {
	tabular := published(t, "tabular-data-resource.json")
	for from, to := range map[string]string{`"integer"`: `"int"`, `"path": "runs.csv"`: `"file": "x"`, `"name": "runs"`: `"name": "Runs"`} {
		var doc map[string]any
		if err := json.Unmarshal([]byte(strings.Replace(string(tables.DataPackage("x", resources())), from, to, 1)), &doc); err != nil {
			t.Fatal(err)
		}
		if err := tabular.Validate(doc["resources"].([]any)[0]); err == nil {
			t.Errorf("%s instead of %s is valid", to, from)
		}
	}
}

func TestDataPackageGolden(t *testing.T) {
	got := tables.DataPackage("Preservation", resources()[:2])
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", "datapackage.json"), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.Join("testdata", "datapackage.json"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("wrote\n%s\nwant\n%s (%v)", got, want, err)
	}
}

// A name has the characters that the standard allows.
func TestDataPackageName(t *testing.T) {
	if got := string(tables.DataPackage("AZaz09-._/`{:/é x", nil)); !strings.Contains(got, `"name": "azaz09-._/___/__x"`) {
		t.Error(got)
	}
}

func TestReadDataPackage(t *testing.T) {
	schemas, err := tables.ReadDataPackage(tables.DataPackage("x", resources()))
	if err != nil || len(schemas) != 4 {
		t.Fatalf("%v, %v", schemas, err)
	}
	for path, want := range map[string]tables.Schema{"runs.csv": resources()[0].Schema, "traces.parquet": resources()[1].Schema, "claims.parquet": resources()[2].Schema} {
		if !slices.Equal(schemas[path], want) {
			t.Errorf("%s: %v, want %v", path, schemas[path], want)
		}
	}
	for _, text := range []string{"", "[]", `{"resources": [{"schema": {"fields": [{"type": "geopoint"}]}}]}`} {
		if _, err := tables.ReadDataPackage([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestTypes(t *testing.T) {
	for cells, want := range map[string]tables.Type{
		"":                         tables.Text,
		"1 2 -3":                   tables.Integer,
		"0 1":                      tables.Integer,
		"1 0.5":                    tables.Number,
		"1 1e+06":                  tables.Number,
		"1000000":                  tables.Integer,
		"1000000 0.5":              tables.Text, // no float64 is written as 1000000
		"inf -inf":                 tables.Number,
		"9223372036854775808":      tables.Text,
		"9.223372036854776e+18":    tables.Number,
		"true false":               tables.Boolean,
		"true 1":                   tables.Text,
		"-0":                       tables.Number,
		"9.5":                      tables.Number,
		"0.5":                      tables.Number,
		"/ 0.5":                    tables.Text,
		":":                        tables.Text,
		"-2.2250738585072014e-308": tables.Number,
		"01":                       tables.Text,
		"NaN":                      tables.Text,
		"adam sgd":                 tables.Text,
	} {
		if got := tables.TypeOf(slices.Values(append(strings.Fields(cells), ""))); got != want {
			t.Errorf("%q is of the type %s, want %s", cells, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	table := filled([]string{"seed", "win_rate", "holds"}, []string{"1", "", "true"}, []string{"2", "", "maybe"})
	declared := tables.Schema{{Name: "holds", Type: tables.Boolean, Doc: "Whether."}, {Name: "seed", Type: tables.Number, Unit: "none"},
		{Name: "win_rate", Type: tables.Number}, {Name: "gone"}}
	want := tables.Schema{{Name: "seed", Type: tables.Number, Unit: "none"}, {Name: "win_rate", Type: tables.Number}, {Name: "holds", Doc: "Whether."}}
	if got, err := tables.Fit(table, declared); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
}
