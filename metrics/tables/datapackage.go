package tables

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// DataPackageFile is the name of the file in a results folder that describes its tables.
const DataPackageFile = "datapackage.json"

// Resource is a table of a results folder.
type Resource struct {
	Table  string // its name
	Schema Schema
	Format Format // of its files
}

// The parts of a Data Package that are written and read.
type (
	dataPackage struct {
		Profile   string         `json:"profile"`
		Name      string         `json:"name"`
		Title     string         `json:"title"`
		Resources []dataResource `json:"resources"`
	}
	dataResource struct {
		Profile   string      `json:"profile"`
		Name      string      `json:"name"`
		Path      string      `json:"path"`
		Format    string      `json:"format"`
		MediaType string      `json:"mediatype"`
		Encoding  string      `json:"encoding,omitempty"`
		Schema    tableSchema `json:"schema"`
	}
	tableSchema struct {
		Fields  []tableField `json:"fields"`
		Missing []string     `json:"missingValues"`
	}
	tableField struct {
		Name        string `json:"name"`
		Type        Type   `json:"type"`
		Description string `json:"description,omitempty"`
		Unit        string `json:"unit,omitempty"`
	}
)

// DataPackage describes the tables of a results folder as a Frictionless Data Package, version 1
// (https://specs.frictionlessdata.io): for each file its columns with type, meaning and, beyond the standard, unit.
// title names the folder. The bytes depend on the arguments alone.
func DataPackage(title string, tables []Resource) []byte {
	p := dataPackage{Profile: "data-package", Name: identifier(title), Title: title, Resources: []dataResource{}}
	for _, t := range tables {
		for _, format := range t.Format.Files() {
			p.Resources = append(p.Resources, resourceOf(t, format))
		}
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(p); err != nil {
		panic(fmt.Sprintf("tables: encoding a data package: %v", err)) // it is made of texts alone
	}
	return b.Bytes()
}

func resourceOf(t Resource, format Format) dataResource {
	r := dataResource{Profile: "tabular-data-resource", Name: identifier(t.Table), Path: t.Table + format.Extension(),
		Format: string(format), MediaType: "text/csv", Encoding: "utf-8", Schema: tableSchema{Missing: []string{""}}}
	if format == Parquet { // which the profile of tabular resources does not know
		r.Profile, r.Name = "data-resource", identifier(r.Path)
		r.MediaType, r.Encoding = "application/vnd.apache.parquet", ""
	}
	for _, c := range t.Schema {
		r.Schema.Fields = append(r.Schema.Fields, tableField{c.Name, c.Type, c.Doc, c.Unit})
	}
	return r
}

// identifier makes a name of the characters that the standard allows in one.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-._/", r) {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// ReadDataPackage reads what DataPackage writes: the schemas by the path of the file. Types that tables do not have are
// errors.
func ReadDataPackage(data []byte) (map[string]Schema, error) {
	var p dataPackage
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("not a data package: %w", err)
	}
	schemas := map[string]Schema{}
	for _, r := range p.Resources {
		schema := make(Schema, len(r.Schema.Fields))
		for i, f := range r.Schema.Fields {
			schema[i] = Column{f.Name, f.Type, f.Unit, f.Description}
		}
		schemas[r.Path] = schema
	}
	return schemas, nil
}
