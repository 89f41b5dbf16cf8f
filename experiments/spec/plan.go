package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/path"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// Plan is the list of an experiment's runs, in order.
type Plan struct {
	Runs    []*Run
	Swept   []string          // columns of swept keys, without objective, lambda and seed, which every table has
	Prompts []string          // names of all prompts, in the order in which runs have them
	Read    []Input           // what became of the data files that runs read record by record
	Inputs  map[string][]byte // content of the data files, by the path as the config spells it

	traits traits
	kinds  *decode.Tables
	files  map[string]*dataFile // by the path as the config spells it
	seeds  string               // the key of the config that varies the seed, "" where none does
}

// Language says whether the runs train language models.
func (p *Plan) Language() bool { return p.traits.language }

// Key returns a hash of every resolved run and of the data they read. Two configs with the same key give the same
// tables.
func (p *Plan) Key() string {
	h := sha256.New()
	for _, r := range p.Runs {
		fmt.Fprintf(h, "%q %q %q %x\n", r.ID, r.Label, r.Swept, r.Content)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// In returns the plan in another environment, drawn from a seed that is added to the run's; key tells environments and
// seeds apart. Of an environment that is derived from another one, that other one is replaced.
func (p *Plan) In(environment bandit.Params, seed int, key string) *Plan {
	moved := *p
	moved.Runs = make([]*Run, len(p.Runs))
	derived := map[*bandit.Derived]*bandit.Derived{}
	for i, r := range p.Runs {
		run := *r
		run.Seed += seed
		run.Environment = environment
		if d, ok := r.Environment.(*bandit.Derived); ok {
			if derived[d] == nil {
				derived[d] = &bandit.Derived{Of: environment, Prompt: d.Prompt, Starve: d.Starve}
			}
			run.Environment = derived[d]
		}
		run.Content = sha256.Sum256(append(r.Content[:], key...))
		run.Data = sha256.Sum256(append(r.Data[:], key...))
		moved.Runs[i] = &run
	}
	return &moved
}

// Resolved returns the run as YAML, every setting written out.
func (p *Plan) Resolved(r *Run) string { return r.text(p.kinds) }

func (r *Run) text(tables *decode.Tables) string {
	doc := runDoc{Settings: Settings{r.Settings, r.Limits}, Objective: Objective{Name: r.Label, Loss: r.Loss}}
	return decode.Text(decode.Encode(&doc, tables))
}

// runDoc is the document of one run: the settings with a single objective.
type runDoc struct {
	Settings  `yaml:",inline"`
	Objective Objective `yaml:"objective" required:"true" doc:"the loss"`
}

func newRunDoc() *runDoc { return &runDoc{Settings: defaultSettings()} }

// mostRuns bounds a plan, so that a slip in a sweep ends in a message.
const mostRuns = 200_000

// mostCombinations bounds the combinations that conditions choose among.
const mostCombinations = 20_000_000

// planner makes the runs of a config. The values of a sweep are set in the document of a run, and documents that have the
// same under a key share what is decoded from it.
type planner struct {
	*loader
	*sweep
	plan   *Plan
	byNode [sectionCount]map[*decode.Node]*section
	byText [sectionCount]map[string]*section
}

// plan expands objectives and sweep into runs, and validates every one of them. It is nil if these are too
// many.
func (l *loader) plan(exp *Experiment) *Plan {
	before := len(l.errs)
	p := &planner{loader: l, sweep: l.sweep(exp), plan: &Plan{Inputs: map[string][]byte{}, kinds: l.Tables, files: map[string]*dataFile{}}}
	for i := range sectionKinds {
		p.byNode[i], p.byText[i] = map[*decode.Node]*section{}, map[string]*section{}
	}
	for i := range p.dims {
		for _, key := range p.dims[i].keys {
			if !fixed(key.column) {
				p.plan.Swept = append(p.plan.Swept, key.column)
			} else if key.column == "seed" {
				p.plan.seeds = key.spelled(0)
			}
		}
	}
	most := mostRuns
	if len(p.conditions) > 0 {
		most = mostCombinations
	}
	count := p.count()
	if count > float64(most) {
		l.tooMany(strconv.FormatFloat(count, 'f', 0, 64))
		return nil
	}
	chosen := p.choose(len(l.errs) == before)
	if len(chosen) > mostRuns {
		l.tooMany(strconv.Itoa(len(chosen)))
		return nil
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1)) // which readFiles lowers
	reviews := p.reviews()
	for _, rows := range chosen {
		p.add(rows, reviews)
		if len(l.errs) > mostMistakes {
			return p.plan
		}
	}
	return p.plan
}

func (l *loader) tooMany(runs string) {
	l.failAt("sweep", "plans "+runs+" runs", fmt.Sprintf("at most %d", mostRuns), "")
}

// choose returns the combinations that are runs, each as its row of every dimension. If the conditions are not to be
// asked, or have mistakes, these are all, as far as runs are planned at all.
func (p *planner) choose(ask bool) [][]int {
	var programs []*program
	if ask {
		before, variables := len(p.errs), p.variables()
		for _, c := range p.conditions {
			programs = append(programs, p.compile(c, variables))
		}
		ask = len(p.errs) == before
	}
	var chosen, all [][]int
	deadline := time.Now().Add(longestConditions)
	most := 0 // conditions that one combination fulfils, from the first
	p.combine(nil, func(rows []int) bool {
		rows = slices.Clone(rows)
		if len(all) < mostRuns {
			all = append(all, rows)
		}
		if ask {
			fulfilled, err := countTrue(programs, rows, deadline)
			if err != nil {
				p.fail(p.Error(programs[fulfilled].node, programs[fulfilled].key, err.Error(), "a condition that is true or false of every combination"))
				ask, chosen = false, nil
			} else if most = max(most, fulfilled); fulfilled == len(programs) {
				chosen = append(chosen, rows)
			}
		}
		return ask || len(all) < mostRuns
	})
	if ask && len(chosen) == 0 {
		p.fail(p.Error(p.conditions[most].node, p.conditions[most].key, "leaves no run", "a condition that some run fulfils"))
	}
	if len(chosen) == 0 {
		return all
	}
	return chosen
}

// add plans the run of a combination and reviews it.
func (p *planner) add(rows []int, reviews []*review) {
	from := &origin{planner: p, rows: rows}
	choice := p.choice(rows)
	run := &Run{Label: p.labels[choice], Lambda: math.NaN(), files: p.plan.files}
	run.File = run.file
	for i := range sectionKinds {
		s := p.section(i, rows)
		from.sections[i] = s
		switch {
		case s.err == nil:
			s.give(run)
		case !s.told:
			s.told = true
			p.fail(from.renamed(s.err))
		}
	}
	for _, r := range reviews {
		r.passes(run, from)
	}
	if len(p.errs) > 0 {
		return
	}
	if len(p.plan.Runs) > 0 && reflect.TypeOf(run.Preferences) != reflect.TypeOf(p.plan.Runs[0].Preferences) {
		p.plan.traits.counted = true
	}
	p.plan.traits.online = p.plan.traits.online || run.Online() != nil
	p.plan.traits.watched = p.plan.traits.watched || run.Watched()
	for _, name := range run.Metrics {
		if !slices.Contains(p.plan.traits.asked, name) {
			p.plan.traits.asked = append(p.plan.traits.asked, name)
		}
	}
	p.plan.traits.weighed = p.plan.traits.weighed || run.Train.Groups != nil
	p.plan.traits.logits = p.plan.traits.logits || run.Train.Logits
	run.ID, run.Swept, run.Content = p.name(rows), p.cells(rows), p.content(from.sections[:])
	run.Data = p.content(from.sections[:policySection])
	p.plan.Runs = append(p.plan.Runs, run)
}

// name returns the name of a run: the label of its objective, and whatever the sweep says of it.
func (p *planner) name(rows []int) string {
	name := append(make([]byte, 0, 96), p.labels[p.choice(rows)]...)
	for i := range p.dims {
		name = p.dims[i].appendName(name, rows[i])
	}
	return string(name)
}

func (p *planner) cells(rows []int) []string {
	cells := make([]string, 0, len(p.plan.Swept))
	for i := range p.dims {
		for k := range p.dims[i].keys {
			if key := &p.dims[i].keys[k]; !fixed(key.column) {
				cells = append(cells, key.at(rows[i]).text)
			}
		}
	}
	return cells
}

// content hashes all that makes the results of a run of these sections, the first ones.
func (p *planner) content(sections []*section) [sha256.Size]byte {
	var space [(sectionCount + 3) * sha256.Size]byte
	b := space[:0]
	for i, s := range sections {
		if i == limitsSection || s.absent {
			continue
		}
		b = append(b, s.hash[:]...)
		for _, f := range s.files {
			b = append(b, p.plan.files[f.Path].hash[:]...)
		}
	}
	return sha256.Sum256(b)
}

// The keys of runDoc, as indices of sectionKinds.
const (
	seedSection = iota
	environmentSection
	preferencesSection
	policySection
	solverSection
	pathSection
	trainSection
	constraintSection
	rewardModelSection
	purposeSection
	metricsSection
	limitsSection
	objectiveSection
	sectionCount
)

// sectionKinds are the top-level keys of the document of a run.
var sectionKinds = [sectionCount]sectionKind{
	seedSection:        setting("seed", func(s *Settings) *int { return &s.Seed }),
	environmentSection: setting("environment", func(s *Settings) *bandit.Params { return &s.Environment }),
	preferencesSection: setting("preferences", func(s *Settings) *preference.Params { return &s.Preferences }),
	policySection:      setting("policy", func(s *Settings) *policy.Params { return &s.Policy }),
	solverSection:      setting("solver", func(s *Settings) *string { return &s.Solver }),
	pathSection:        setting("path", func(s *Settings) **path.Params { return &s.Path }),
	trainSection:       setting("train", func(s *Settings) *train.Params { return &s.Train }),
	constraintSection:  setting("constraint", func(s *Settings) *train.Constraint { return &s.Constraint }),
	rewardModelSection: setting("reward_model", func(s *Settings) **setup.RewardModel { return &s.RewardModel }),
	purposeSection:     setting("purpose", func(s *Settings) *string { return &s.Purpose }),
	metricsSection:     setting("metrics", func(s *Settings) *[]string { return &s.Metrics }),
	limitsSection:      setting("limits", func(s *Settings) *Limits { return &s.Limits }),
	objectiveSection: {"objective", func(doc *runDoc) any { return &doc.Objective.Loss }, func(doc *runDoc) func(*Run) {
		loss := doc.Objective.Loss
		return func(run *Run) { run.Loss = loss }
	}},
}

type sectionKind struct {
	key   string
	field func(doc *runDoc) any        // what the key gives a run, by a pointer
	copy  func(doc *runDoc) func(*Run) // returns what gives runs a copy of it
}

// setting is the section of one key of Settings.
func setting[T any](key string, field func(s *Settings) *T) sectionKind {
	return sectionKind{key, func(doc *runDoc) any { return field(&doc.Settings) }, func(doc *runDoc) func(*Run) {
		value := *field(&doc.Settings)
		return func(run *Run) {
			s := Settings{run.Settings, run.Limits}
			*field(&s) = value
			run.Settings, run.Limits = s.Settings, s.Limits
		}
	}}
}

// section is what one key of the document of a run is decoded to.
type section struct {
	err    error
	told   bool // the mistakes have been reported
	absent bool // it is of a setting that is left out
	give   func(run *Run)
	hash   [sha256.Size]byte // of its canonical encoding
	files  []registry.File   // that it names
	// Of an objective and of a seed, for conditions.
	lambda float64
	seed   int
}

// section returns section i of a combination, which is decoded where no other has the same.
func (p *planner) section(i int, rows []int) *section {
	kind, tree := &sectionKinds[i], p.trees[p.choice(rows)]
	if len(p.keysIn[i]) == 0 {
		node := decode.Lookup(tree, kind.key)
		s, known := p.byNode[i][node]
		if !known {
			s = p.decodeSection(kind, tree)
			p.byNode[i][node] = s
		}
		return s
	}
	text := make([]byte, 0, 256)
	var err error
	for _, at := range p.keysIn[i] {
		if key := &p.dims[at.dim].keys[at.key]; key.at(rows[at.dim]).node != nil {
			tree = displaced(tree, key.path)
		}
	}
	for _, at := range p.keysIn[i] {
		key := &p.dims[at.dim].keys[at.key]
		value := key.at(rows[at.dim]).node
		if value == nil {
			continue
		}
		if tree, err = decode.Set(tree, key.path, value); err != nil {
			break
		}
	}
	if err != nil {
		text = []byte(err.Error())
	} else {
		text = appendNode(text, decode.Lookup(tree, kind.key), true)
	}
	s, known := p.byText[i][string(text)]
	switch {
	case known:
		return s
	case err != nil:
		s = &section{err: err}
	default:
		s = p.decodeSection(kind, tree)
	}
	p.byText[i][string(text)] = s
	return s
}

func (p *planner) decodeSection(kind *sectionKind, tree *decode.Node) *section {
	doc := newRunDoc()
	if err := p.DecodeKey(tree, kind.key, doc); err != nil {
		return &section{err: err}
	}
	if kind == &sectionKinds[trainSection] {
		if err := p.settleLength(tree, &doc.Train); err != nil {
			return &section{err: err}
		}
	}
	// Where a data file lies does not count, but its content; nor does what the objective is called.
	content := decode.Encode(kind.field(doc), p.Tables)
	files := filesOf(kind.field(doc))
	for _, f := range files {
		if path := decode.Lookup(content, f.Key); path != nil {
			path.Value = ""
		}
	}
	p.settle(doc.Objective.Loss)
	read, err := p.commandFiles(doc.Objective.Loss, tree)
	if err != nil {
		return &section{err: err}
	}
	s := &section{give: kind.copy(doc), hash: sha256.Sum256(append(appendNode(nil, content, false), read...)), files: files, lambda: math.NaN(), seed: doc.Seed,
		absent: content == nil || content.Value == "" && len(content.Content) == 0}
	if n := decode.Lookup(content, "lambda"); n != nil && kind == &sectionKinds[objectiveSection] {
		s.lambda = tables.ParseFloat(n.Value)
		loss := s.give
		s.give = func(run *Run) { loss(run); run.Lambda = s.lambda }
	}
	return s
}

// appendNode appends an encoding of a tree that differs from that of every other tree, and if asked of every other that
// is written elsewhere.
func appendNode(b []byte, n *decode.Node, positions bool) []byte {
	if n == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(append(b, byte(n.Kind)), uint64(len(n.Content)))
	for _, text := range [...]string{n.Tag, n.Value} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	if positions {
		b = binary.AppendUvarint(b, uint64(len(n.File)))
		b = binary.AppendUvarint(binary.AppendUvarint(append(b, n.File...), uint64(n.Line)), uint64(n.Column))
	}
	for _, c := range n.Content {
		b = appendNode(b, c, positions)
	}
	return b
}

// runTrees returns the document of a run of each objective, before the sweep.
func (l *loader) runTrees() []*decode.Node {
	base := without(l.root, "name", "description", extendsKey, "objectives", "sweep", "where", "seeds", "summary", "compare", "claims", "figures")
	var trees []*decode.Node
	for _, objective := range decode.Lookup(l.root, "objectives").Content {
		tree := without(base)
		if over := decode.Lookup(objective, "train"); over != nil { // its own training settings
			merged := decode.Merge(decode.Lookup(displacedBy(base, objective), "train"), over)
			tree = without(base, "train")
			tree.Content = append(tree.Content, scalar("train"), merged)
			objective = without(objective, "train")
		}
		tree.Content = append(tree.Content, scalar("objective"), objective)
		trees = append(trees, tree)
	}
	return trees
}

// dropIdleSeeds leaves out the runs that would repeat others under another seed, and says so: bands over them would have no width.
func (l *loader) dropIdleSeeds(p *Plan) {
	if p.seeds == "" {
		return
	}
	first, all := map[string]bool{}, len(p.Runs)
	p.Runs = slices.DeleteFunc(p.Runs, func(r *Run) bool {
		setting := r.setting()
		repeats := first[setting] && !r.Random()
		first[setting] = true
		return repeats
	})
	if len(p.Runs) < all {
		l.warn(fmt.Sprintf("%s: the seed changes nothing in %d of the runs (preferences, environment, policy and "+
			"order of batches are all fixed); they are left out, and only the first seed is run", p.seeds, all-len(p.Runs)))
	}
}

func (l *loader) checkLabels(objectives []Objective) {
	seen := map[string]int{}
	for i := range objectives {
		if objectives[i].Loss == nil { // a mistake that has been said
			continue
		}
		label := objectives[i].Label(l.Tables)
		if first, taken := seen[label]; taken {
			l.failAt(fmt.Sprintf("objectives.%d", i), fmt.Sprintf("has the label %q of objectives.%d", label, first),
				"a name of its own for every objective", "")
		}
		seen[label] = i
		l.checkCell(fmt.Sprintf("objectives.%d.name", i), label)
	}
}

// keyAt is a swept key of a dimension.
type keyAt struct{ dim, key int }

// sortKeys finds the swept keys of every section. A whole mapping is put into a document before what is below it, whatever
// the order in which the sweep has them.
func (s *sweep) sortKeys() {
	for i := range sectionKinds {
		for d := range s.dims {
			for k := range s.dims[d].keys {
				if rest, ok := strings.CutPrefix(s.dims[d].keys[k].path, sectionKinds[i].key); ok && (rest == "" || rest[0] == '.') {
					s.keysIn[i] = append(s.keysIn[i], keyAt{d, k})
				}
			}
		}
		depth := func(at keyAt) int { return strings.Count(s.dims[at.dim].keys[at.key].path, ".") }
		slices.SortStableFunc(s.keysIn[i], func(a, b keyAt) int { return cmp.Compare(depth(a), depth(b)) })
	}
}
