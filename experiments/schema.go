package main

import (
	"io"

	"github.com/spf13/cobra"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
)

func newSchema(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a config, for completion and checking in editors",
		Long: "Prints the JSON Schema (draft 2020-12) of a config. Editors with yaml-language-server read it from a config's\n" +
			"first line:\n\n  # yaml-language-server: $schema=schema.json",
		Example: `  experiments schema > configs/schema.json`,
		Args:    atMost(0, "none"),
		RunE: func(*cobra.Command, []string) error {
			schema, err := spec.Schema(kinds.Tables())
			if err != nil {
				return err
			}
			_, err = stdout.Write(schema)
			return err
		},
	}
}
