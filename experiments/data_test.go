package main

import (
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/results/publish"
)

// The shipped model and its tokenizer are the published ones, and the command tells their hashes.
func TestShippedData(t *testing.T) {
	for name, want := range map[string]string{
		"stories260K.bin": "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696",
		"tok512.bin":      "037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312",
	} {
		if got, err := publish.HashFile(filepath.Join("../configs/data", name)); err != nil || got != want {
			t.Errorf("%s: hash %s, error %v; want %s", name, got, err, want)
		}
		if !strings.Contains(dataText, want) {
			t.Errorf("experiments data does not tell the hash of %s", name)
		}
	}
}
