package objective

import "windtunnel/toy/registry"

// defaultLambda is TRL's default beta.
const defaultLambda = 0.1

// Kinds lists every loss and term, sorted by name. A new one is a file of its own and a line here.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		bradleyTerryKind,
		dpoKind,
		fdpoKind,
		ipoKind,
		klPiRefKind,
		klRefPiKind,
		rewardKind,
		rlhfKind,
		sumKind,
		typoKind,
	}
}
