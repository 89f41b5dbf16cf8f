package objective

import (
	"strings"

	"windtunnel/toy/registry"
)

// defaultLambda is TRL's default beta.
const defaultLambda = 0.1

// Kinds lists every loss and term, sorted by name. A new one is a file, or a part of its family's, and a line here.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		alphaDPOKind,
		alphaPOKind,
		aotKind,
		aotUnpairedKind,
		apoDownKind,
		apoZeroKind,
		apoZeroUnpairedKind,
		bcoKind,
		bcoPairKind,
		bestOfNKind,
		betaDPOKind,
		bradleyTerryKind,
		calDPOKind,
		cauchyKind,
		chiPOKind,
		cpoKind,
		cpoSimPOKind,
		customKind,
		discopopKind,
		dpoKind,
		dpoNormKind,
		dpoPositiveKind,
		dpoShiftKind,
		drDPOKind,
		exoKind,
		expoRegressionKind,
		fdpoKind,
		focalPOKind,
		gpoKind,
		hingeKind,
		ipoKind,
		klPiRefKind,
		klRefPiKind,
		ktoKind,
		ldDPOKind,
		mallowsKind,
		mallowsIPOKind,
		nashMDPGKind,
		ncaKind,
		odpoKind,
		onlineIPOKind,
		orpoKind,
		rdpoKind,
		rainbowPOKind,
		rebelKind,
		repoKind,
		rewardKind,
		rlhfKind,
		robustKind,
		rpoKind,
		rpoNeMoKind,
		sftKind,
		simPERKind,
		simpoKind,
		sppoKind,
		sumKind,
		tdpo1Kind,
		tdpo2Kind,
		trDPOKind,
		typoKind,
		winRateKind,
		wpoKind,
	}
}

// UnpairedNames lists the losses that read comparisons and are defined on single responses as well.
func UnpairedNames() []string {
	var names []string
	for _, kind := range Kinds() {
		if kind.Name == "sum" || kind.Name == "custom" {
			continue // what they hold is the user's
		}
		if o := kind.New().Objective(); o.Compares() && o.AcceptsUnpaired() {
			names = append(names, kind.Name)
		}
	}
	return names
}

// kindOf describes a kind: its name and, after commas, its aliases; its names in TRL; its defaults; what it is and where it is from.
func kindOf[T any, P interface {
	*T
	Params
}](names, inTRL string, defaults T, summary, source string) registry.Kind[Params] {
	all := strings.Split(names, ",")
	return registry.Kind[Params]{Name: all[0], Aliases: all[1:], Summary: summary, Source: source, TRL: inTRL, New: func() Params {
		p := defaults
		return P(&p)
	}}
}
