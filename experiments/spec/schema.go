package spec

import "windtunnel/experiments/spec/decode"

// Schema returns the JSON Schema (draft 2020-12) of a config.
func Schema() ([]byte, error) {
	return decode.Schema("experiment", &Experiment{Settings: defaultSettings()}, Tables())
}
