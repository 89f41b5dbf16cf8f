package spec

import "windtunnel/experiments/spec/decode"

// Schema returns the JSON Schema (draft 2020-12) of a config: an experiment, or a suite where it has the key suite.
func Schema(kinds *decode.Tables) ([]byte, error) {
	return decode.Schema("experiment", &Experiment{Settings: defaultSettings()}, kinds,
		decode.Alternative{Key: "suite", Value: &Suite{}}, decode.Alternative{Key: scorecardKey, Value: newScorecard()},
		decode.Alternative{Key: "environment", Value: &tested{Experiment{Settings: defaultSettings()}, DefaultScorecard()}})
}
