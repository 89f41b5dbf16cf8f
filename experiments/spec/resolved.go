package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/inputfile"
	"windtunnel/experiments/spec/decode"
)

// ResolvedName is the file of a results folder that holds the config with every default written out.
const ResolvedName = "config.yaml"

// dataFolder holds copies of the data files beside a resolved config.
const dataFolder = "data"

// WriteResolved writes the resolved config into a results folder, with copies of the data files that it names, so that
// the folder can be run again as it is. The members of a suite are the resolved configs of the folders beside it.
func (c *Config) WriteResolved(dir string) error {
	var tree *decode.Node
	if c.Suite != nil {
		suite := *c.Suite
		suite.Members = nil
		for _, m := range c.Members {
			suite.Members = append(suite.Members, "../"+m.Head.Name+"/"+ResolvedName)
		}
		tree = decode.Encode(&suite, c.kinds)
	} else {
		tree = decode.Encode(c.Experiment, c.kinds)
		if err := c.copyData(dir, tree); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("# %s with every setting written out; run it again with: experiments run FILE\n%s",
		c.Head.Name, decode.Text(tree))
	return os.WriteFile(filepath.Join(dir, ResolvedName), []byte(text), 0o644)
}

// largestCopy is the size in bytes of the largest data file that is copied into a results folder. A larger one, such as
// a language model, is named where it lies, relative to the folder.
const largestCopy = 64 << 10

// copyData copies the data files into dir and makes the tree name the copies.
func (c *Config) copyData(dir string, tree *decode.Node) error {
	if len(c.Plan.Inputs) == 0 {
		return nil
	}
	names := c.Plan.dataNames()
	for path, name := range names {
		content := c.Plan.Inputs[path]
		if len(content) > largestCopy {
			var err error
			if names[path], err = inputfile.From(dir, c.Plan.files[path].name); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Join(dir, dataFolder), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o644); err != nil {
			return err
		}
	}
	for _, part := range []string{"environment", "preferences", "policy", "objectives", "sweep"} {
		if n := decode.Lookup(tree, part); n != nil {
			*n = *decode.Mapped(n, nil, func(_ []string, n *decode.Node) *decode.Node {
				name, ok := names[n.Value]
				if !ok || n.Kind != yaml.ScalarNode {
					return nil
				}
				return decode.Renamed(n, name)
			})
		}
	}
	return nil
}

// dataNames gives each data file a name in the data folder. Two files of the same base name get a number.
func (p *Plan) dataNames() map[string]string {
	names, taken := map[string]string{}, map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(p.Inputs)) {
		base := filepath.Base(path)
		name := base
		for i := 2; taken[name]; i++ {
			name = fmt.Sprintf("%d-%s", i, base)
		}
		taken[name] = true
		names[path] = dataFolder + "/" + name
	}
	return names
}

// InputHashes returns the SHA-256 in hex of the config, as it was when it was loaded, of the configs that it extends and
// of every data file, by the path as the config spells it; for a suite those of its members' configs.
func (c *Config) InputHashes() map[string]string {
	hashes := map[string]string{"config": c.hash}
	maps.Copy(hashes, c.parents)
	if c.Plan != nil {
		for path, data := range c.Plan.Inputs {
			hashes[path] = hashHex(data)
		}
	}
	for _, m := range c.Members {
		hashes[m.Head.Name] = m.hash
	}
	return hashes
}

func hashHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
