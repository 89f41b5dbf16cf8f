package tables

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A Parquet file that has been cut off, or of which a byte has been changed, is an error or a table, never a panic. The
// pages' checksums find most of it.
func TestDamagedParquet(t *testing.T) {
	schema := Schema{{Name: "run"}, {Name: "x", Type: Number}, {Name: "n", Type: Integer}, {Name: "ok", Type: Boolean}}
	table := NewTable("runs", schema.Names()...)
	for _, row := range [][]string{{"a", "0.5", "1", "true"}, {"b", "", "2", ""}, {"", "inf", "", "false"}} {
		table.Append(row...)
	}
	dir := t.TempDir()
	if err := WriteTable(dir, table, schema, Parquet); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "runs.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := readAll(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if readAll(whole[:n]) == nil {
			t.Errorf("the first %d of %d bytes are a table", n, len(whole))
		}
	}
	found := 0
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x10
		if readAll(damaged) != nil {
			found++
		}
	}
	if found < len(whole)/4 {
		t.Errorf("%d of %d changed bytes are found", found, len(whole))
	}
}

// readAll reads every cell of a Parquet file.
func readAll(data []byte) error {
	p, err := openParquet("runs", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	t := tableOf("runs", p)
	if err := t.Load(t.Header...); err != nil {
		return err
	}
	return p.each(func([]string) error { return nil })
}
