package language

import (
	"fmt"

	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/tune"
)

// Accepts returns which preferences go with an environment where the given ones do not, else "".
func Accepts(env Environment, prefs preference.Params) string {
	_, human := prefs.(*Human)
	_, drawn := prefs.(*Continuations)
	_, online := prefs.(*preference.Online)
	switch env.(type) {
	case *Dialogues:
		if !human {
			return "human"
		}
	case *Stories:
		if !drawn && !online {
			return "continuations or online"
		}
	}
	return ""
}

// Check reads the files of an input and returns what is wrong with it, and how its parts go together, or nil. Nothing is
// drawn or trained. Environment, policy and preferences must go together by Accepts.
func Check(in Input) []Problem {
	d, problems := gather(in)
	if problems != nil {
		return problems
	}
	problems = append(problems, checkLoss(in)...)
	problems = append(problems, checkOnline(in)...)
	problems = append(problems, checkAdapter(in, d)...)
	return problems
}

// checkLoss returns why the objective cannot train a language model here.
func checkLoss(in Input) []Problem {
	fail := func(wrong, allowed string) []Problem {
		return []Problem{{Key: "objective.kind", Wrong: wrong, Allowed: allowed}}
	}
	_, stories := in.Environment.(*Stories)
	_, best := in.Loss.(objective.Direct)
	if best || reinforced(in.Loss) {
		if !stories {
			return fail("needs a reward, which environment.kind dialogues has not", "a loss of compared responses, or environment.kind stories")
		}
		return nil
	}
	o := in.Loss.Objective()
	if err := tune.Supports(o); err != nil {
		return fail("cannot train a language model: "+err.Error(), "another objective")
	}
	if o.Sampled != nil && !stories {
		return fail("draws samples of the reference, which environment.kind dialogues does not", "reference_samples: pair")
	}
	return nil
}

// checkOnline returns what is wrong with labels of online preferences.
func checkOnline(in Input) []Problem {
	o, online := in.Preferences.(*preference.Online)
	if !online {
		return nil
	}
	switch o.Proxy.(type) {
	case *preference.Gold, *preference.Texts:
		return nil
	}
	return []Problem{{Key: "preferences.proxy", Wrong: "is a reward of numbered responses, and these are free text", Allowed: "gold or texts"}}
}

// checkAdapter returns what is wrong with an adapter for the model.
func checkAdapter(in Input, d *data) []Problem {
	l := in.Policy.LoRA
	if l.Rank == 0 {
		return nil
	}
	var problems []Problem
	settings := llama.LoRA{Rank: l.Rank, Alpha: l.Alpha, Targets: l.Targets}
	for _, p := range settings.Check() {
		problems = append(problems, Problem{Key: "policy.lora." + p.Key, Wrong: p.Wrong, Allowed: p.Allowed})
	}
	if most := min(d.model.Dim, d.model.Hidden); l.Rank > most {
		problems = append(problems, Problem{Key: "policy.lora.rank", Wrong: fmt.Sprintf("is %d", l.Rank),
			Allowed: fmt.Sprintf("at most %d, the rank that the model's matrices can have", most)})
	}
	return problems
}
