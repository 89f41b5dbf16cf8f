package preference

import "windtunnel/toy/registry"

// Kinds lists every source of preference data, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		fileKind,
		onlineKind,
		populationKind,
		sampleKind,
	}
}
