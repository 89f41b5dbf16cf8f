package language

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"windtunnel/toy/dialogue"
	"windtunnel/toy/lines"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/tokenizer"
)

// Accepts returns which preferences go with an environment where the given ones do not, else "".
func Accepts(env Environment, prefs preference.Params) string {
	_, human := prefs.(*Human)
	_, drawn := prefs.(*Continuations)
	o, online := prefs.(*preference.Online)
	switch env.(type) {
	case *Dialogues:
		if !human {
			return "human"
		}
	case *Stories:
		if !drawn && (!online || o.Of != nil) {
			return "continuations, or online without of"
		}
	}
	return ""
}

// Check reads the files of an input and returns what is wrong with it, and how its parts go together, or nil. Keys are dotted paths in
// the run's settings; without one, Wrong is "FILE:LINE: what is wrong; what is allowed". Nothing is drawn or trained. Environment, policy and preferences must go together by Accepts.
func Check(in Input) []registry.Problem {
	d, problems := gather(in)
	if problems != nil {
		return problems
	}
	for _, a := range d.accounts {
		if in.Account != nil {
			in.Account(a)
		}
	}
	problems = append(problems, checkLoss(in, d)...)
	problems = append(problems, checkOnline(in)...)
	problems = append(problems, checkAdapter(in, d)...)
	return problems
}

// checkLoss returns why the objective cannot train a language model here.
func checkLoss(in Input, d *data) []registry.Problem {
	fail := func(wrong, allowed string) []registry.Problem {
		return []registry.Problem{{Key: "objective.kind", Wrong: wrong, Allowed: allowed}}
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
	if err := supports(o); err != nil {
		return fail("cannot train a language model: "+err.Error(), "another objective")
	}
	if len(d.pairs) > 0 && d.pairs[0].single() && !o.AcceptsUnpaired() {
		return fail("compares two responses, and the file holds completions with labels", "a loss on unpaired data: "+
			strings.Join(objective.UnpairedNames(), ", ")+"; or a file of pairs")
	}
	if o.Sampled != nil && !stories {
		return fail("draws samples of the reference, which environment.kind dialogues does not", "reference_samples: pair")
	}
	return nil
}

// checkOnline returns what is wrong with labels of online preferences.
func checkOnline(in Input) []registry.Problem {
	o, online := in.Preferences.(*preference.Online)
	if !online {
		return nil
	}
	for _, numbered := range []struct {
		key  string
		asks bool
	}{{"sampler", o.Sampler != nil}, {"pairs", o.Pairs == 0}, {"watch", o.Watch}} {
		if numbered.asks {
			return []registry.Problem{{Key: "preferences." + numbered.key, Wrong: "is of numbered responses, and these are free text", Allowed: "pairs above 0, and no sampler and no watch"}}
		}
	}
	switch o.Proxy.(type) {
	case *preference.Gold, *preference.Texts:
		return nil
	}
	return []registry.Problem{{Key: "preferences.proxy", Wrong: "is a reward of numbered responses, and these are free text", Allowed: "gold or texts"}}
}

// checkAdapter returns what is wrong with an adapter for the model.
func checkAdapter(in Input, d *data) []registry.Problem {
	l := in.Policy.LoRA
	if most := min(d.model.Dim, d.model.Hidden); l.Rank > most {
		return []registry.Problem{{Key: "policy.lora.rank", Wrong: fmt.Sprintf("is %d", l.Rank),
			Allowed: fmt.Sprintf("at most %d, the rank that the model's matrices can have", most)}}
	}
	return nil
}

type data struct {
	model     *llama.Model[float32]
	tokenizer *tokenizer.Tokenizer
	prompts   []prompt // of a Stories, training first
	pairs     []Pair   // of a Human, those to train on
	heldOut   []Pair   // and those not to
	accounts  []lines.Account
}

type prompt struct {
	text string
	ids  []int32
}

func gather(in Input) (*data, []registry.Problem) {
	d := &data{}
	if problems := d.loadModel(in); problems != nil {
		return nil, problems
	}
	var problems []registry.Problem
	if s, ok := in.Environment.(*Stories); ok {
		problems = d.loadPrompts(in, s)
	}
	if h, ok := in.Preferences.(*Human); ok && problems == nil {
		problems = d.loadPairs(in, h)
	}
	return d, problems
}

func (d *data) loadModel(in Input) []registry.Problem {
	content, name := in.File(in.Policy.Model)
	var err error
	if d.model, err = llama.Read(bytes.NewReader(content)); err != nil {
		return []registry.Problem{{Key: "policy.model", Wrong: fmt.Sprintf("%s: %v", name, err), Allowed: "a checkpoint of llama2.c"}}
	}
	content, name = in.File(in.Policy.Tokenizer)
	if d.tokenizer, err = tokenizer.Read(bytes.NewReader(content), d.model.Vocab); err != nil {
		return []registry.Problem{{Key: "policy.tokenizer", Wrong: fmt.Sprintf("%s: %v", name, err),
			Allowed: fmt.Sprintf("a tokenizer of llama2.c with the model's %d pieces", d.model.Vocab)}}
	}
	return nil
}

func (d *data) loadPrompts(in Input, s *Stories) []registry.Problem {
	content, name := in.File(s.Path)
	want := s.Train + s.HeldOut
	texts, err := readPrompts(content, name, want)
	if err != nil {
		return []registry.Problem{{Wrong: err.Error()}}
	}
	d.accounts = append(d.accounts, lines.Account{File: s.Path, Read: len(texts), Used: len(texts)})
	if len(texts) < want {
		return []registry.Problem{{Key: "environment.train", Wrong: fmt.Sprintf("and held_out ask for %d prompts, %s has %d", want, name, len(texts)),
			Allowed: "no more than there are"}}
	}
	room := d.model.SeqLen - s.Tokens
	for i, text := range texts {
		p := prompt{text, d.tokenizer.Prompt(text)}
		if len(p.ids) > room {
			return []registry.Problem{{Key: "environment.tokens", Wrong: fmt.Sprintf("is %d, and prompt %d has %d more, beyond the %d that the model holds",
				s.Tokens, i+1, len(p.ids), d.model.SeqLen), Allowed: "a shorter continuation or other prompts"}}
		}
		d.prompts = append(d.prompts, p)
	}
	return nil
}

// readPrompts returns the texts of the first so many lines {"prompt": "..."}. The error names the file and the line.
func readPrompts(content []byte, name string, most int) ([]string, error) {
	const want = `{"prompt": "Once upon a time"}`
	in, err := lines.NewReader(bytes.NewReader(content), name)
	if err != nil {
		return nil, err
	}
	var texts []string
	for o, err := range in.All() {
		if err != nil {
			return nil, fmt.Errorf("%w; want %s", err, want)
		}
		one := ""
		switch _, err := o.Read("prompt", &one, want); {
		case err != nil:
			return nil, in.Wrong(err)
		case strings.TrimSpace(one) == "":
			return nil, in.Wrong(fmt.Errorf("has no prompt, and has %s; want %s", o.Keys(), want))
		}
		if texts = append(texts, one); len(texts) == most {
			break
		}
	}
	return texts, nil
}

// loadPairs takes the pairs that a Human asks for: of those that fit, the first to train on, those after them held out.
func (d *data) loadPairs(in Input, h *Human) []registry.Problem {
	if h.MaxTokens > d.model.SeqLen {
		return []registry.Problem{{Key: "preferences.max_tokens", Wrong: fmt.Sprintf("is %d", h.MaxTokens),
			Allowed: fmt.Sprintf("at most %d, which the model holds", d.model.SeqLen)}}
	}
	content, name := in.File(h.Path)
	r, err := dialogue.NewReader(bytes.NewReader(content), name)
	if err != nil {
		return []registry.Problem{{Wrong: err.Error()}}
	}
	r.SkipBad, r.Weights = h.SkipBad, true
	r.Template, _ = h.template() // which Check has parsed
	limit := math.MaxInt
	if h.N > 0 {
		limit = h.N + h.HeldOut
	}
	a := &r.Account
	a.File = h.Path
	for len(d.pairs) < limit {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return []registry.Problem{{Wrong: err.Error()}}
		}
		pair := encode(d.tokenizer, &p)
		switch {
		case p.Weight == 0 || len(pair.Chosen) == 0 && p.Chosen != "" || len(pair.Rejected) == 0 && p.Rejected != "":
			a.Empty++ // in tokens, or no weight
		case pair.length() > h.MaxTokens:
			a.Long(pair.length())
		default:
			d.pairs = append(d.pairs, pair)
			r.Use(&p)
		}
	}
	if want := max(h.N, 1) + h.HeldOut; len(d.pairs) < want {
		wrong := fmt.Sprintf("%s has %d pairs that fit into %d tokens", name, len(d.pairs), h.MaxTokens)
		if !a.Complete() {
			wrong += fmt.Sprintf(" (%s)", a)
		}
		if a.TooLong > 0 {
			wrong += fmt.Sprintf("; of those too long the shortest has %d", a.Shortest)
		}
		return []registry.Problem{{Key: "preferences.path", Wrong: wrong,
			Allowed: fmt.Sprintf("at least the %d that n and held_out ask for", want)}}
	}
	d.accounts = append(d.accounts, *a)
	most := slices.MaxFunc(d.pairs, func(a, b Pair) int { return cmp.Compare(a.Weight, b.Weight) }).Weight
	for i := range d.pairs { // lest their sums overflow
		d.pairs[i].Weight = max(d.pairs[i].Weight/most, math.SmallestNonzeroFloat64)
	}
	at := len(d.pairs) - h.HeldOut
	d.pairs, d.heldOut = d.pairs[:at:at], d.pairs[at:]
	return nil
}

func encode(t *tokenizer.Tokenizer, p *dialogue.Pair) Pair {
	return Pair{Prompt: t.Prompt(p.Prompt), Chosen: t.Encode(p.Chosen), Rejected: t.Encode(p.Rejected), Weight: p.Weight}
}
