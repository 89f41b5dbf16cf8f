package bandit

import "windtunnel/toy/registry"

// Kinds lists every environment, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		declaredKind,
		contextualKind,
		randomKind,
		sequenceKind,
	}
}
