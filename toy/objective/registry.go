package objective

import "windtunnel/toy/registry"

// defaultLambda is TRL's default beta.
const defaultLambda = 0.1

// Kinds lists every loss and term, sorted by name. A new one is a file, or a part of its family's, and a line here.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		alphaPOKind,
		aotKind,
		aotUnpairedKind,
		apoDownKind,
		apoZeroKind,
		apoZeroUnpairedKind,
		bcoKind,
		bcoPairKind,
		bestOfNKind,
		bradleyTerryKind,
		calDPOKind,
		chiPOKind,
		cpoKind,
		customKind,
		discopopKind,
		dpoKind,
		dpoNormKind,
		dpoPositiveKind,
		exoKind,
		expoRegressionKind,
		fdpoKind,
		gpoKind,
		hingeKind,
		ipoKind,
		klPiRefKind,
		klRefPiKind,
		ktoKind,
		ldDPOKind,
		mallowsKind,
		ncaKind,
		odpoKind,
		orpoKind,
		rdpoKind,
		rewardKind,
		rlhfKind,
		robustKind,
		rpoKind,
		simpoKind,
		sppoKind,
		sumKind,
		trDPOKind,
		typoKind,
		wpoKind,
	}
}
