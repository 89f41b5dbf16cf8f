package spec

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/language"
	"windtunnel/toy/lines"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// mostMistakes ends the validation of a plan: beyond it a sweep repeats itself.
const mostMistakes = 100

// review is one check of how the settings of runs go together, done once for the runs that have the same in the sections
// that it reads.
type review struct {
	reads  []int     // sections
	after  []*review // without which it makes no sense
	do     func(run *Run, from *origin)
	passed map[[sectionCount]*section]bool
}

// passes does the review of a run, unless it has been done, and says whether it found nothing wrong.
func (v *review) passes(run *Run, from *origin) bool {
	var key [sectionCount]*section
	readable := from.sections[seedSection].err == nil
	for _, i := range v.reads {
		key[i] = from.sections[i]
		readable = readable && key[i].err == nil
	}
	if passed, done := v.passed[key]; done {
		return passed
	}
	for _, other := range v.after {
		readable = other.passes(run, from) && readable
	}
	before := len(from.errs)
	if readable {
		v.do(run, from)
	}
	v.passed[key] = readable && len(from.errs) == before
	return v.passed[key]
}

// reviews lists what is checked of runs whose sections can be decoded. No seed makes an environment or a policy right or
// wrong, so one is enough.
func (p *planner) reviews() []*review {
	var all []*review
	check := func(do func(*Run, *origin), after []*review, reads ...int) *review {
		v := &review{reads: reads, after: after, do: do, passed: map[[sectionCount]*section]bool{}}
		all = append(all, v)
		return v
	}
	here := &surroundings{planner: p, prompts: map[string]bool{}}
	var files []*review
	for _, section := range []int{environmentSection, preferencesSection, policySection} {
		files = append(files, check(func(run *Run, from *origin) { p.readFiles(from, section, run.Limits.Memory) }, nil, section, limitsSection))
	}
	check(p.reviewSolver, nil, preferencesSection, solverSection, pathSection, trainSection, constraintSection, purposeSection, objectiveSection)
	family := check(here.reviewFamily, nil, environmentSection, preferencesSection, policySection, solverSection, constraintSection, rewardModelSection, purposeSection)
	environment := check(bandits(here.reviewEnvironment), files[:1], environmentSection, limitsSection)
	check(here.reviewTraining, []*review{environment, family}, environmentSection, policySection, trainSection, objectiveSection)
	check(bandits(here.reviewLevels), []*review{environment}, environmentSection, solverSection, pathSection)
	check(bandits(here.reviewPolicy), []*review{environment, family}, environmentSection, policySection)
	pairs := check(bandits(here.reviewPreferences), append(files, environment, family), environmentSection, preferencesSection)
	check(bandits(here.reviewBatches), []*review{pairs}, environmentSection, preferencesSection, solverSection, trainSection)
	check(bandits(reviewUnpaired), []*review{pairs}, environmentSection, preferencesSection, solverSection, rewardModelSection, objectiveSection)
	check(bandits(here.reviewRewards), []*review{pairs}, environmentSection, preferencesSection, objectiveSection)
	check(p.reviewTask, append(files, family), environmentSection, preferencesSection, policySection, trainSection, objectiveSection)
	return all
}

// bandits restricts a review to the runs whose responses can be enumerated.
func bandits(do func(*Run, *origin)) func(*Run, *origin) {
	return func(run *Run, from *origin) {
		if !run.Language() {
			do(run, from)
		}
	}
}

// readFiles reads the data files that one section of a run names, each once for all runs.
func (p *planner) readFiles(from *origin, section int, limit Size) {
	for _, f := range from.sections[section].files {
		if p.plan.files[f.Path] != nil {
			continue
		}
		path := filepath.FromSlash(f.Path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(p.path), path)
		}
		if info, err := os.Stat(path); err == nil && limit > 0 && info.Mode().IsRegular() && Size(info.Size()) > limit {
			from.refuse("limits.memory", fmt.Sprintf("is %s, and %s alone has %d bytes", limit, f.Path, info.Size()), "more memory, or a smaller file")
			continue
		}
		if limit > 0 {
			debug.SetMemoryLimit(int64(limit)) // checking the runs is to take no more than they may
		}
		content, err := p.read(path)
		if err != nil {
			p.fail(unreadable(from.mistake(sectionKinds[section].key+"."+f.Key, "", "a file, its path relative to the config"), path, f.Path, err))
			continue
		}
		p.checkCell(sectionKinds[section].key+"."+f.Key, filepath.Base(path))
		p.plan.Inputs[f.Path] = content
		p.plan.files[f.Path] = newDataFile(filepath.ToSlash(path), content)
	}
}

// surroundings are the environments that reviews try runs in, one at a time.
type surroundings struct {
	*planner
	built     *section // that env was built from
	env       *bandit.Env
	given     [2]*section // that described and pairs were built from
	described *bandit.Env
	pairs     *preference.Pairs // nil where they are drawn
	prompts   map[string]bool   // of all environments
	warned    bool
	first     *Run // some run, whose kind of environment all share
}

// environment returns the environment of a run, which can be built.
func (s *surroundings) environment(run *Run, from *origin) *bandit.Env {
	if section := from.sections[environmentSection]; section != s.built {
		s.env, _ = run.BuildPrompts()
		s.built = section
	}
	return s.env
}

// describe fills in described and pairs for a run.
func (s *surroundings) describe(run *Run, from *origin) error {
	key := [2]*section{from.sections[environmentSection], from.sections[preferencesSection]}
	if key == s.given {
		return nil
	}
	var err error
	if s.described, s.pairs, err = run.Describe(s.environment(run, from)); err == nil {
		s.given = key
	}
	return err
}

// origin says where in a config the settings of a run were written.
type origin struct {
	*planner
	rows     []int // of every dimension
	sections [sectionCount]*section
}

// key turns a key of the document of a run into the key of the config that the value came from: of the sweep, of the
// training settings of the objective, or of the objective.
func (o *origin) key(key string) string {
	if k, row, rest := o.swept(key); k != nil {
		return k.spelled(row) + rest
	}
	entry := fmt.Sprintf("objectives.%d.", o.choice(o.rows))
	if rest, ok := strings.CutPrefix(key, "objective."); ok {
		return entry + rest
	}
	if decode.Lookup(o.root, entry+key) != nil {
		return entry + key
	}
	return key
}

// swept returns the swept key, and its row, that gives a key of the document of a run, the one nearest to it; nil if
// none does. rest is what of the key is below it.
func (o *origin) swept(key string) (found *sweptKey, row int, rest string) {
	for d := range o.dims {
		for i := range o.dims[d].keys {
			k := &o.dims[d].keys[i]
			below, ok := strings.CutPrefix(key, k.path)
			nearer := k.path != "" && (found == nil || len(k.path) > len(found.path))
			if ok && nearer && (below == "" || below[0] == '.') && k.at(o.rows[d]).node != nil {
				found, row, rest = k, o.rows[d], below
			}
		}
	}
	return found, row, rest
}

// mistake returns a mistake in a setting of the run, where the setting came from.
func (o *origin) mistake(key, wrong, allowed string) decode.Error {
	at := o.key(key)
	node := o.nearestNode(at)
	if k, row, rest := o.swept(key); k != nil {
		node = k.values[row].node
		if below := decode.Lookup(node, strings.TrimPrefix(rest, ".")); below != nil {
			node = below
		}
	}
	return o.Error(node, at, wrong, allowed)
}

func (o *origin) refuse(key, wrong, allowed string) { o.fail(o.mistake(key, wrong, allowed)) }

// refuseIf refuses a setting if something is so.
func (o *origin) refuseIf(is bool, key, wrong, allowed string) {
	if is {
		o.refuse(key, wrong, allowed)
	}
}

// renamed gives the mistakes of a decoded run the keys of the config.
func (o *origin) renamed(err error) error {
	many := mistakesOf([]error{err})
	for i := range many {
		many[i].Key = o.key(many[i].Key)
	}
	return many
}

// mostValues bounds the numbers that a run may hold, so that a mistyped size ends in a message and not in a machine
// without memory.
const mostValues = 20_000_000

// reviewSolver refuses what the solver or the purpose cannot do: whatever needs comparisons that stay the same where they depend on the
// policy in training; a formula that reads earlier steps where there are none (losses of the registry that do are solved where they
// rest); the purpose of what has no loss, and along lambda, which it has not.
func (p *planner) reviewSolver(run *Run, from *origin) {
	const drawn, before = "compares pairs that are drawn from the policy in training", "preferences that are drawn before"
	is, o := "is "+run.Solver+", but "+run.Label+" ", run.Loss.Objective()
	if run.Solver != setup.SolverTrain {
		_, custom := run.Loss.(*objective.Custom)
		from.refuseIf(run.Constraint.KLRadius > 0, "constraint.kl_radius",
			"is a projection between training steps, which solver: "+run.Solver+" has not", "solver: train, or constraint.l2")
		from.refuseIf(run.Train.Groups != nil, "train.groups",
			"weighs groups step by step, which solver: "+run.Solver+" does not take", "solver: train")
		from.refuseIf(custom && o.Remembers(), "solver", is+"reads earlier steps of training (ema, step)", "solver: train, or mean in place of ema")
		from.refuseIf(o.Filters(), "solver", is+"leaves comparisons out of each batch at random", "solver: train, or mode_weight: 0")
	}
	if run.Solver == setup.SolverPath {
		p.plan.traits.traced = true
		from.refuseIf(run.Path == nil, "path", "is missing beside solver: path", "a mapping, as path: {along: lambda}")
		from.refuseIf(run.Online() != nil && o.Compares(), "solver", is+drawn, "solver: train or exact, or "+before)
	}
	if run.Purpose == setup.PurposeRLHF {
		_, direct := run.Loss.(objective.Direct)
		from.refuseIf(run.Online() != nil, "purpose", "is rlhf, but "+run.Label+" "+drawn, before)
		from.refuseIf(direct, "purpose", "is rlhf, but "+run.Label+" gives its policy directly and has no loss", setup.PurposeLoss)
		from.refuseIf(run.Solver == setup.SolverPath && run.Path != nil && run.Path.Along == path.Lambda, "purpose",
			"is rlhf, whose lambda is 1, beside a path along lambda", "purpose: loss, or another path")
	}
}

// reviewTraining refuses second derivatives where there are none, and weights of groups of texts.
func (s *surroundings) reviewTraining(run *Run, from *origin) {
	from.refuseIf(run.Language() && run.Train.Groups != nil, "train.groups", "weighs groups of comparisons of numbered responses", "no groups")
	if _, second := run.Train.Optimizer.(*train.Newton); !second {
		return
	}
	curves := false
	if !run.Language() {
		pol, err := run.BuildPolicy(s.environment(run, from))
		curves = err != nil || train.Curves(pol, run.Loss.Objective())
	}
	from.refuseIf(!curves, "train.optimizer.kind", "needs second derivatives, which "+run.Label+" has not with this policy",
		"an optimizer of the gradient alone, such as adam; or a loss that has them and a policy that is affine in its parameters")
}

// reviewLevels refuses levels of metrics and prompts that are not there.
func (s *surroundings) reviewLevels(run *Run, from *origin) {
	if run.Solver != setup.SolverPath || run.Path == nil {
		return
	}
	names := tables.Measured(metrics.All()).Names()
	for i, level := range run.Path.Levels {
		at := fmt.Sprintf("path.levels.%d.", i)
		for _, named := range [][2]string{{"metric", level.Metric}, {"of", level.Of}} {
			if name := named[1]; name != "" && !slices.Contains(names, name) {
				s.fail(from.mistake(at+named[0], fmt.Sprintf("there is no metric %q", name), "a metric of policies (`experiments list metrics`)").
					Meant(decode.Nearest(name, names)))
			}
		}
		var prompts []string
		for _, x := range s.environment(run, from).Prompts {
			prompts = append(prompts, x.Name)
		}
		if wrong, allowed := lacksPrompt(prompts, level.Prompt); wrong != "" && level.Prompt != "" {
			s.fail(from.mistake(at+"prompt", wrong, allowed).Meant(decode.Nearest(level.Prompt, prompts)))
		}
	}
}

// reviewEnvironment builds the run's environment and takes down its prompts.
func (s *surroundings) reviewEnvironment(run *Run, from *origin) {
	if !environmentFits(run, from) {
		return
	}
	env, err := run.BuildPrompts()
	var line *lines.Error
	if errors.As(err, &line) {
		s.fail(fileMistake(line.File, line.Error()))
		return
	}
	if err != nil {
		from.refuse("environment", err.Error(), "an environment that can be built")
		return
	}
	for i := range env.Prompts {
		s.addPrompt(env.Prompts[i].Name)
		for _, name := range []string{env.Prompts[i].Name, env.Prompts[i].Group} {
			if wrong, allowed := asFormula(name); wrong != "" {
				from.refuse("environment", "has a prompt or group whose name "+wrong, allowed)
				return
			}
		}
	}
	s.plan.traits.listed = s.plan.traits.listed || env.Responses() <= MostListed
	s.plan.traits.rewards = s.plan.traits.rewards || env.Rewarded()
	s.plan.traits.grouped = s.plan.traits.grouped || len(env.Groups()) > 0
}

// reviewBatches warns of minibatches of the population, which are no unbiased sample of it.
func (s *surroundings) reviewBatches(run *Run, from *origin) {
	size, all := run.Train.BatchSize, 0
	switch run.Preferences.(type) {
	case *preference.Population:
		env := s.environment(run, from)
		all = len(env.Prompts) * env.Responses() * (env.Responses() - 1)
	case *preference.File:
		all = run.preferenceFile().weighted
	case *preference.Counts, *preference.Matrix:
		if s.describe(run, from) == nil {
			all = s.pairs.Len()
		}
	}
	if !s.warned && run.Solver == setup.SolverTrain && 0 < size && size < all {
		s.warned = true
		s.warn(fmt.Sprintf("train.batch_size: the population's %d comparisons carry probabilities as weights, which a minibatch of %d "+
			"normalizes anew; batch_size: 0 takes the exact expectation", all, size))
	}
}

// valueBytes is what each response of each prompt takes at least in any run, in bytes: four probabilities and logarithms of the
// environment, three of the loss's problem and one of the policy's view.
const valueBytes = 64

// environmentFits refuses random environments that are too large to build, in any case or in the memory that runs have, which checking
// them must not exceed either.
func environmentFits(run *Run, from *origin) bool {
	e, random := run.Environment.(*bandit.Random)
	if d, derived := run.Environment.(*bandit.Derived); derived {
		e, random = d.Of.(*bandit.Random)
	}
	if !random {
		return true
	}
	if need := Size(e.Prompts * e.Responses * valueBytes / 1e6 * 1e6); e.Prompts*max(e.Prompts, e.Responses) <= mostValues {
		if limit := run.Limits.Memory; limit > 0 && need > limit {
			from.refuse("limits.memory", fmt.Sprintf("is %s, and an environment of %d prompts of %d responses takes more than %s", limit,
				e.Prompts, e.Responses, need), "more memory, or a smaller environment")
			return false
		}
		return true
	}
	from.refuse("environment.prompts", fmt.Sprintf("are %d prompts of %d responses", e.Prompts, e.Responses),
		fmt.Sprintf("prompts times prompts and prompts times responses up to %d", mostValues))
	return false
}

// reviewPolicy builds the policy at its start. What a policy needs of its environment, no tag of its parameters can
// say, so it is put into words here.
func (s *surroundings) reviewPolicy(run *Run, from *origin) {
	env := s.environment(run, from)
	k := env.Responses()
	if p, ok := run.Policy.(*policy.LowRankParams); ok && len(p.Basis) == 0 && p.Share == 0 {
		if most := min(k-1, mostValues/max(k, len(env.Prompts))); p.Rank > most {
			from.refuse("policy.rank", fmt.Sprintf("is %d with %d responses", p.Rank, k),
				fmt.Sprintf("a whole number in [1,%d]", most))
			return
		}
	}
	_, err := run.BuildPolicy(env)
	if err == nil {
		return
	}
	switch run.Policy.(type) {
	case *policy.LowRankParams:
		from.refuse("policy.basis", err.Error(), fmt.Sprintf("vectors of %d entries, one a response", k))
	case *policy.LinearParams:
		wrong, allowed, _ := strings.Cut(err.Error(), "; ")
		from.refuse("environment.prompts", wrong, strings.TrimPrefix(allowed, "give "))
	default:
		from.refuse("policy", err.Error(), "a policy that fits the environment")
	}
}

// reviewPreferences reads the pairs of a file, whose mistakes have positions of their own, and refuses more comparisons
// than fit. Sampled comparisons may take long to draw and are not drawn.
func (s *surroundings) reviewPreferences(run *Run, from *origin) {
	env := s.environment(run, from)
	k, prompts := float64(env.Responses()), float64(len(env.Prompts))
	switch p := run.Preferences.(type) {
	case *preference.Population:
		n := prompts * k * (k - 1)
		from.refuseIf(n > mostValues, "preferences", fmt.Sprintf("are %.0f comparisons", n),
			fmt.Sprintf("at most %d, or {kind: sample, n: ...}", mostValues))
	case *preference.Sample:
		n := p.Draws(len(env.Prompts))
		from.refuseIf(n > mostValues, "preferences.n", fmt.Sprintf("draws %d comparisons", n), fmt.Sprintf("at most %d in all", mostValues))
	case *preference.Online:
		n := prompts * float64(p.Pairs)
		if p.Pairs == 0 {
			n = prompts * k * k
		}
		if p.Accumulate {
			n *= float64(p.Rounds)
		}
		from.refuseIf(n > mostValues, "preferences.pairs", fmt.Sprintf("draws %.0f comparisons to train on at a time", n),
			fmt.Sprintf("at most %d", mostValues))
	}
	err := s.describe(run, from)
	if f, pairs := run.preferenceFile(), s.pairs; f != nil && err == nil {
		if pairs == nil { // of a file beside a known pi_star
			whole := *run
			whole.Preferences = preference.GivenBy(run.Preferences)
			pairs, err = whole.BuildPreferences(env)
		}
		if err == nil {
			s.plan.account(run, pairs.Account)
			if f.unpaired = pairs.Unpaired(); pairs.Weight != nil {
				f.weighted = pairs.Len()
			}
		}
	}
	if err != nil {
		s.wrongPreferences(run, from, err)
		return
	}
	s.plan.traits.paired = s.plan.traits.paired || s.described.Pairwise
	s.plan.traits.starred = s.plan.traits.starred || s.described.HasStar()
}

// wrongPreferences reports what is wrong with preferences, a line "FILE:LINE: what is wrong" or "KEY: what is wrong; what is allowed"
// a mistake.
func (s *surroundings) wrongPreferences(run *Run, from *origin, err error) {
	for text := range strings.SplitSeq(err.Error(), "\n") {
		if f := run.preferenceFile(); f != nil && strings.HasPrefix(text, f.name) {
			s.fail(fileMistake(f.name, text))
			continue
		}
		key, wrong, _ := strings.Cut(text, ": ")
		wrong, allowed, _ := strings.Cut(wrong, "; ")
		from.refuse(key, wrong, allowed)
	}
}

// reviewRewards refuses losses that read rewards where only the win rates of pairs are known, or gaps that are infinite.
func (s *surroundings) reviewRewards(run *Run, from *origin) {
	if preference.GivenBy(run.Preferences) == nil || s.describe(run, from) != nil || s.pairs == nil {
		return
	}
	o := run.Loss.Objective()
	if o.Plays() {
		s.plan.traits.plays = true
		if at := slices.IndexFunc(s.described.Prompts, func(x bandit.Prompt) bool { return slices.ContainsFunc(x.Wins, math.IsNaN) }); at >= 0 {
			from.refuse("objective.kind", fmt.Sprintf("%s plays the game of win rates, and on prompt %s some responses were never compared",
				run.Label, s.described.Prompts[at].Name), "a loss of comparisons, comparisons of all, or environment.pi_star: bradley-terry")
		}
	}
	rewards, gaps := o.ReadsRewards()
	_, direct := run.Loss.(objective.Direct)
	from.refuseIf((rewards || direct) && !s.described.HasStar(), "objective.kind",
		run.Label+" reads log pi_star, the rewards of single responses, and there is no pi_star",
		"a loss of comparisons, or environment.pi_star: bradley-terry")
	for i := 0; gaps && !s.pairs.Unpaired() && i < s.pairs.Len(); i++ {
		x, a, b := s.pairs.Prompt[i], s.pairs.Chosen[i], s.pairs.Rejected[i]
		if gap := s.described.Gap(x, a, b); gap-gap != 0 {
			prompt := &s.described.Prompts[x]
			from.refuse("objective.kind", fmt.Sprintf("%s reads reward gaps, and that of %s over %s on prompt %s, which always wins, is infinite",
				run.Label, prompt.Label(a), prompt.Label(b), prompt.Name), "a loss without gaps, or win rates between 0 and 1")
			return
		}
	}
}

// fileMistake gives a line "FILE:LINE: what is wrong; what is allowed" of a data file's error its position.
func fileMistake(name, text string) decode.Error {
	text = strings.TrimPrefix(text, name+":")
	e := decode.Error{File: name, Wrong: strings.TrimSpace(text)}
	number, wrong, _ := strings.Cut(text, ": ")
	if line, err := strconv.Atoi(number); err == nil {
		e.Line, e.Wrong = line, wrong
	}
	return e
}

// reviewFamily refuses settings that do not go together: free text and responses that can be enumerated.
func (s *surroundings) reviewFamily(run *Run, from *origin) {
	if s.first == nil {
		s.first, s.plan.traits.language = run, run.Language()
	}
	if run.Language() != s.first.Language() {
		from.refuse("environment.kind", "differs from other runs in whether responses can be enumerated, and so in its tables",
			"a config of its own for each")
		return
	}
	if !run.Language() {
		refuseText(run, from)
		return
	}
	if h, ok := run.Preferences.(*language.Human); ok && h.HeldOut > 0 {
		s.plan.traits.evaluated = true
	}
	if stories, ok := run.Environment.(*language.Stories); ok {
		s.plan.traits.written, s.plan.traits.evaluated = true, true
		for _, name := range stories.PromptNames() {
			s.addPrompt(name)
		}
	}
	_, writes := run.Policy.(*language.Llama)
	from.refuseIf(!writes, "policy.kind", "cannot write the free text of environment.kind", "llama")
	allowed := language.Accepts(run.Environment.(language.Environment), run.Preferences)
	from.refuseIf(allowed != "", "preferences.kind", "does not go with environment.kind", allowed)
	from.refuseIf(run.Solver != setup.SolverTrain, "solver", "cannot be "+run.Solver+" where responses are free text", setup.SolverTrain)
	from.refuseIf(run.Purpose == setup.PurposeRLHF, "purpose", "cannot be rlhf where responses are free text", setup.PurposeLoss)
	from.refuseIf(run.RewardModel != nil, "reward_model", "needs responses that can be enumerated", "no reward_model")
	from.refuseIf(run.Constraint.L2 > 0 || run.Constraint.KLRadius > 0, "constraint", "needs responses that can be enumerated", "no constraint")
}

func (s *surroundings) addPrompt(name string) {
	if !s.prompts[name] {
		s.prompts[name] = true
		s.plan.Prompts = append(s.plan.Prompts, name)
	}
}

// refuseText refuses a language model and preferences between texts where responses are numbered.
func refuseText(run *Run, from *origin) {
	const wrong = "is about free text, which environment.kind has not"
	if _, ok := run.Policy.(*language.Llama); ok {
		from.refuse("policy.kind", wrong, "one of "+names(policy.Kinds().Untyped())+"; or environment.kind stories or dialogues")
	}
	switch p := run.Preferences.(type) {
	case *preference.Online:
		if _, texts := p.Proxy.(*preference.Texts); texts {
			from.refuse("preferences.proxy.kind", wrong, "flipped, gold or noisy; or environment.kind stories")
		}
	case *language.Human, *language.Continuations:
		from.refuse("preferences.kind", wrong, "one of "+names(preference.Kinds().Untyped())+"; or environment.kind stories or dialogues")
	}
}

func names(entries []registry.Kind[any]) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return strings.Join(all, ", ")
}

// reviewTask builds what the run trains, without sampling or training anything.
func (p *planner) reviewTask(run *Run, from *origin) {
	if !run.Language() {
		return
	}
	in := run.taskInput()
	in.Account = func(a lines.Account) { p.plan.account(run, a) }
	problems := language.Check(in)
	for _, p := range problems {
		if p.Key == "" { // a line of a data file
			name, _, _ := strings.Cut(p.Wrong, ":")
			from.fail(fileMistake(name, p.Wrong))
			continue
		}
		from.refuse(p.Key, p.Wrong, p.Allowed)
	}
}

// reviewUnpaired refuses an objective that compares responses where the run's data file holds single responses with
// labels.
func reviewUnpaired(run *Run, from *origin) {
	f := run.preferenceFile()
	if unpaired := f != nil && f.unpaired; run.RewardModel != nil && (unpaired || run.Online() != nil) {
		from.refuse("reward_model", "is fitted to comparisons, of two responses, that are there before training", "preferences of pairs that are not online")
	}
	if f != nil && f.unpaired && !run.Loss.Objective().AcceptsUnpaired() {
		from.refuse("objective.kind", run.Label+" compares two responses, but "+f.name+" holds single responses with labels",
			"a loss on unpaired data: "+strings.Join(objective.UnpairedNames(), ", ")+"; or a file of pairs")
	} else if f != nil && f.unpaired && run.Solver != setup.SolverTrain {
		from.refuse("solver", "is "+run.Solver+", but "+f.name+" holds single responses with labels", "solver: train, or a file of pairs")
	}
}
