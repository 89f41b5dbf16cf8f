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
		alphaDPOKind.As("$α$-DPO"),
		alphaPOKind.As("AlphaPO"),
		aotKind.As("AOT"),
		aotUnpairedKind.As("AOT unpaired"),
		apoDownKind.As("APO-down"),
		apoZeroKind.As("APO-zero"),
		apoZeroUnpairedKind.As("APO-zero unpaired"),
		bcoKind.As("BCO"),
		bcoPairKind.As("BCO in pairs"),
		bestOfNKind.As("best of $n$"),
		betaDPOKind.As("$β$-DPO"),
		bradleyTerryKind.As("Bradley-Terry"),
		calDPOKind.As("Cal-DPO"),
		cauchyKind.As("Cauchy"),
		chiPOKind.As("$χ$PO"),
		cpoKind.As("CPO"),
		cpoSimPOKind.As("CPO-SimPO"),
		customKind,
		discopopKind.As("DiscoPOP"),
		dpoKind.As("DPO"),
		dpoNormKind.As("DPO-norm"),
		dpoPositiveKind.As("DPOP"),
		dpoShiftKind.As("DPO-Shift"),
		drDPOKind.As("Dr. DPO"),
		exoKind.As("EXO"),
		expoRegressionKind.As("ExPO regression"),
		fdpoKind.As("$f$-DPO"),
		focalPOKind.As("FocalPO"),
		gpoKind.As("GPO"),
		hingeKind,
		ipoKind.As("IPO"),
		klPiRefKind.As("KL($π_θ$ ‖ $π_{ref}$)"),
		klRefPiKind.As("KL($π_{ref}$ ‖ $π_θ$)"),
		ktoKind.As("KTO"),
		ldDPOKind.As("LD-DPO"),
		mallowsKind.As("MallowsPO"),
		mallowsIPOKind.As("MallowsPO-IPO"),
		nashMDPGKind.As("Nash-MD-PG"),
		ncaKind.As("NCA"),
		odpoKind.As("ODPO"),
		onlineIPOKind.As("online IPO"),
		orpoKind.As("ORPO"),
		rdpoKind.As("R-DPO"),
		rainbowPOKind.As("RainbowPO"),
		rebelKind.As("REBEL"),
		repoKind.As("RePO"),
		rewardKind,
		rlhfKind.As("RLHF"),
		robustKind.As("robust DPO"),
		rpoKind.As("RPO"),
		rpoNeMoKind.As("RPO (NeMo)"),
		sftKind.As("SFT"),
		simPERKind.As("SimPER"),
		simpoKind.As("SimPO"),
		sppoKind.As("SPPO"),
		sumKind,
		tdpo1Kind.As("TDPO1"),
		tdpo2Kind.As("TDPO2"),
		trDPOKind.As("TR-DPO"),
		typoKind.As("TYPO"),
		winRateKind.As("win rate"),
		wpoKind.As("WPO"),
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
