package policy

import "windtunnel/toy/registry"

// Kinds lists every policy, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		gruKind,
		linearKind,
		lowRankKind,
		mlpKind,
		prefixTableKind,
		tabularKind,
	}
}
