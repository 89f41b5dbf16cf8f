package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
	"windtunnel/toy/language"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// runMain runs the command line and wants an exit status.
func runMain(t testing.TB, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if got := Main(context.Background(), args, &out, &err); got != want {
		t.Fatalf("%v: exit status %d, want %d\n%s%s", args, got, want, out.String(), err.String())
	}
	return out.String(), err.String()
}

// openFolder returns the tables of a results folder.
func openFolder(t testing.TB, dir string) func(name string) *tables.Table {
	t.Helper()
	folder, err := tables.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) *tables.Table {
		t.Helper()
		table, err := folder.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
}

// published is a run of a paper's public code, recomputed in double precision.
type published struct {
	Objective   string
	Lambda      float64
	Alpha       *float64 // of the penalty on the parameters
	Epochs      int
	LR          float64
	BatchSize   int `json:"batch_size"`
	Steps       int
	TraceSteps  []int     `json:"trace_steps"`
	TracePolicy []any     `json:"trace_policy"` // of one prompt, or a list of those
	TraceLoss   []float64 `json:"trace_loss"`
	FinalLogits any       `json:"final_logits"`
	Final       any       `json:"final_policy"`
	KLGood      *float64  `json:"kl_star_policy_good"`
	KLBad       *float64  `json:"kl_star_policy_bad"`
}

// byPrompt returns the list of every prompt, which of one prompt alone stands by itself.
func byPrompt(v any) [][]float64 {
	list, _ := v.([]any)
	row, nested := make([]float64, len(list)), [][]float64{}
	for i, v := range list {
		switch v := v.(type) {
		case float64:
			row[i] = v
		case []any:
			nested = append(nested, byPrompt(v)...)
		}
	}
	if len(nested) > 0 || len(list) == 0 {
		return nested
	}
	return [][]float64{row}
}

// publishedFolder is where recorded experiments are: WINDTUNNEL_PUBLISHED, from here or from the project's root, or testdata.
func publishedFolder(t testing.TB) string {
	dir := os.Getenv("WINDTUNNEL_PUBLISHED")
	if dir == "" {
		return filepath.Join("testdata", "published")
	}
	for _, dir := range []string{dir, filepath.Join("..", dir)} {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	t.Fatalf("WINDTUNNEL_PUBLISHED: there is no folder %s", dir)
	return ""
}

// readFixture reads one recorded experiment.
func readFixture(t testing.TB, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// trainedFixture is a file of training runs. Files of the first two experiments say nothing of what is shared.
type trainedFixture struct {
	Pairs            string
	Prompts          []string
	LogitsInit       any `json:"logits_init"`
	PiStar           any `json:"pi_star"`
	Runs, Constraint []published
	FDPO             []published `json:"f_dpo"`
}

// all returns the file's runs.
func (f *trainedFixture) all() []published { return slices.Concat(f.Runs, f.Constraint, f.FDPO) }

func (f *trainedFixture) prompts() []string {
	if f.Prompts == nil {
		return []string{"x"}
	}
	return f.Prompts
}

// cells reads one column of a table by the cells of others, joined by spaces.
func cells(table *tables.Table, column string, by ...string) map[string]float64 {
	found := map[string]float64{}
	for row := range table.Len() {
		var key []string
		for _, name := range by {
			key = append(key, table.Text(row, name))
		}
		found[strings.Join(key, " ")] = table.Float(row, column)
	}
	return found
}

// reading is what a results folder says about the published numbers.
type reading struct {
	runs                       *tables.Table
	prompts                    []string
	final, loss, along, klStar map[string]float64
	logits                     map[string]float64 // nil where they are not listed
}

func read(t testing.TB, dir string, prompts ...string) *reading {
	t.Helper()
	table := openFolder(t, dir)
	g := &reading{runs: table(tables.Runs), prompts: prompts,
		final:  cells(table(tables.Policies), "pi", "run", "prompt", "response"),
		loss:   cells(table(tables.Traces), "loss", "run", "step"),
		along:  cells(table(tables.Trajectories), "pi", "run", "prompt", "response", "step"),
		klStar: cells(table(tables.Prompts), "kl_star_pi", "run", "prompt")}
	if policies := table(tables.Policies); slices.Contains(policies.Header, tables.Logit) {
		g.logits = cells(policies, tables.Logit, "run", "prompt", "response")
	}
	return g
}

// recorded are the experiments of which other people's code was run, each as a file NAME.json of inputs and outputs, and how it is
// compared.
var recorded = map[string]func(t *testing.T, path string){
	"interpolation":           shippedAsRecorded,
	"preservation":            shippedAsRecorded,
	"epo_constraint":          trainAsRecorded,
	"epo_preservation_traces": trainAsRecorded,
	"mallows":                 mallowsAsRecorded,
	"ches":                    chesAsRecorded,
	"squeeze":                 squeezeAsRecorded,
	"samplers":                samplersAsRecorded,
	"egpo":                    gamesAsRecorded,
	"linear_bandit":           linearBanditAsRecorded,
	"group_robust":            groupRobustAsRecorded,
}

// The command line gives the published numbers: from YAML to CSV. WINDTUNNEL_PUBLISHED is a folder with other data of the same form.
func TestPublished(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: numbers of long trainings")
	}
	t.Parallel()
	dir, found := publishedFolder(t), 0
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		path := filepath.Join(dir, name+".json")
		if _, err := os.Stat(path); err != nil {
			continue
		}
		found++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorded[name](t, path)
		})
	}
	if os.Getenv("WINDTUNNEL_PUBLISHED") == "" && found != len(recorded) || found == 0 {
		t.Errorf("%s holds %d of the experiments, %d are known", dir, found, len(recorded))
	}
}

// shippedAsRecorded compares the results of a shipped config, given nothing else: the committed ones, which TestCommittedResults makes again.
func shippedAsRecorded(t *testing.T, path string) {
	var f trainedFixture
	readFixture(t, path, &f)
	name := strings.TrimSuffix(filepath.Base(path), ".json")
	if name == "preservation" {
		f.Prompts = []string{"good", "bad"}
	}
	compareTrained(t, &f, filepath.Join(committed, name))
}

// trainAsRecorded compares runs of a config with all that the file says, laid over the shipped one.
func trainAsRecorded(t *testing.T, path string) {
	var f trainedFixture
	readFixture(t, path, &f)
	type settings = map[string]any
	name := strings.TrimSuffix(filepath.Base(path), ".json")
	logits := name != "epo_preservation_traces" // whose offset is rounding noise that Adam amplifies
	starts, stars, prompts := byPrompt(f.LogitsInit), byPrompt(f.PiStar), []settings{}
	if len(stars) == 0 {
		stars = [][]float64{{0.6, 0.3, 0.1}} // the code's own, which the file leaves out
	}
	for i, prompt := range f.prompts() {
		ref := slices.Clone(starts[i])
		logspace.LogSoftmax(ref, ref)
		logspace.Exp(ref, ref)
		prompts = append(prompts, settings{"name": prompt, "pi_star": stars[i], "pi_ref": ref, "init_logits": starts[i]})
	}
	every := 0
	var kinds []string
	zip := map[string][]any{}
	for _, r := range f.all() {
		for _, step := range r.TraceSteps {
			for step != 0 {
				every, step = step, every%step // the greatest common divisor
			}
		}
		alpha := 0.0
		if r.Alpha != nil {
			alpha = *r.Alpha
		}
		for key, v := range (settings{"objective": r.Objective, "lambda": r.Lambda, "constraint.l2": alpha, "train.epochs": r.Epochs,
			"train.optimizer.lr": r.LR, "train.batch_size": r.BatchSize}) {
			zip[key] = append(zip[key], v)
		}
		kinds = append(kinds, r.Objective)
	}
	slices.Sort(kinds)
	var objectives []settings
	for _, kind := range slices.Compact(kinds) {
		o := settings{"kind": kind}
		switch kind {
		case "typo":
			o["kl_reduction"] = "mean"
		case "f-dpo":
			o["divergence"] = "js"
		}
		objectives = append(objectives, o)
	}
	shipped, err := filepath.Abs("../configs")
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(settings{"name": name, "extends": filepath.Join(shipped, "published", name+".yaml"), // JSON is YAML
		"environment": settings{"kind": "bandit", "prompts": prompts},
		"preferences": settings{"kind": "file", "path": filepath.Join(shipped, "data", f.Pairs)},
		"train":       settings{"record_every": every, "logits": logits},
		"objectives":  objectives, "sweep": []any{settings{"zip": zip}}, "where": []string{"lambda > 0"}, "claims": []any{}, "figures": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name+".yaml")
	testfile.Write(t, file, string(config))
	out := t.TempDir()
	runMain(t, exitWell, "run", "--quiet", "--out", out, file)
	compareTrained(t, &f, filepath.Join(out, name))
}

// compareTrained compares what was trained, of which a folder holds the results, with what a file says.
func compareTrained(t *testing.T, f *trainedFixture, results string) {
	got := read(t, results, f.prompts()...)
	if len(f.all()) == 0 {
		t.Fatal("the file holds no runs")
	}
	for _, r := range f.all() {
		got.compare(t, &r)
	}
}

// far says by how much a cell is off, NaN if there is none.
func far(found map[string]float64, key string, want float64) float64 {
	v, ok := found[key]
	if !ok {
		return math.NaN()
	}
	return math.Abs(v - want)
}

// find returns the name of the run that a published one is.
func (g *reading) find(t testing.TB, r *published) string {
	t.Helper()
	where := tables.Where{"objective": {r.Objective}, "lambda": {tables.FormatFloat(r.Lambda)}}
	if slices.Contains(g.runs.Header, "constraint.l2") {
		where["constraint.l2"] = []string{"0", ""}
		if r.Alpha != nil {
			where["constraint.l2"] = []string{tables.FormatFloat(*r.Alpha)}
		}
	}
	rows := where.Select(g.runs)
	if len(rows) != 1 {
		t.Fatalf("%s at %v: %d runs", r.Objective, where, len(rows))
	}
	return g.runs.Text(rows[0], "run")
}

func (g *reading) compare(t *testing.T, r *published) {
	id := g.find(t, r)
	if got := cells(g.runs, "steps", "run")[id]; got != float64(r.Steps) {
		t.Errorf("%s: %v steps, want %d", id, got, r.Steps)
	}
	for p, final := range byPrompt(r.Final) {
		for k, want := range final {
			if off := far(g.final, fmt.Sprint(id, " ", g.prompts[p], " ", k), want); !(off <= 1e-10) {
				t.Errorf("%s: pi(%d) of %s is off by %.2g, at most 1e-10", id, k, g.prompts[p], off)
			}
		}
	}
	for p, final := range byPrompt(r.FinalLogits) {
		for k, want := range final {
			if off := far(g.logits, fmt.Sprint(id, " ", g.prompts[p], " ", k), want); g.logits != nil && !(off <= 1e-9) {
				t.Errorf("%s: logit %d of %s is off by %.2g, at most 1e-9", id, k, g.prompts[p], off)
			}
		}
	}
	for prompt, want := range map[string]*float64{"good": r.KLGood, "bad": r.KLBad} {
		if want == nil {
			continue
		}
		if off := far(g.klStar, id+" "+prompt, *want); !(off <= 1e-9) {
			t.Errorf("%s: KL(pi_star to pi) of %s is off by %.2g, at most 1e-9", id, prompt, off)
		}
	}
	for i, step := range r.TraceSteps {
		if off := far(g.loss, fmt.Sprint(id, " ", step), r.TraceLoss[i]); !(off <= 1e-9*math.Abs(r.TraceLoss[i])) {
			t.Errorf("%s: the loss at step %d is off by %.2g of %v, at most 1e-9 of it", id, step, off, r.TraceLoss[i])
		}
		for p, policy := range byPrompt(r.TracePolicy[i]) {
			for k, want := range policy {
				if off := far(g.along, fmt.Sprint(id, " ", g.prompts[p], " ", k, " ", step), want); !(off <= 1e-9) {
					t.Errorf("%s: pi(%d) of %s at step %d is off by %.2g, at most 1e-9", id, k, g.prompts[p], step, off)
				}
			}
		}
	}
}

// The paper's claims have the verdicts that the paper gives them.
func TestPublishedVerdicts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"interpolation": "qpo-collapses=true qpo-misses-star=true typo-reaches-star=true qpo-reaches-star=false all-stay-at-reference=true",
		"preservation":  "typo-preserves-good=true qpo-preserves-good=false qpo-dominated=true",
	} {
		claims := openFolder(t, filepath.Join(committed, name))(tables.Claims) // as TestCommittedResults has made it
		var got []string
		for row := range claims.Len() {
			got = append(got, claims.Text(row, "claim")+"="+claims.Text(row, "holds"))
		}
		if verdicts := strings.Join(got, " "); verdicts != want {
			t.Errorf("%s: the verdicts are %s, want %s", name, verdicts, want)
		}
	}
}

// relative says by how much a value is off, of what it should be where that is above 1.
func relative(got, want float64) float64 { return math.Abs(got-want) / max(1, math.Abs(want)) }

// mallowsAsRecorded compares the losses of MallowsPO's authors, their derivatives, and entropies over tokens.
func mallowsAsRecorded(t *testing.T, path string) {
	var f struct {
		Losses []struct {
			Kind       string `json:"loss_type"`
			Beta       float64
			Dispersion float64 `json:"dispersion_mean"`
			Smoothing  float64 `json:"label_smoothing"`
			In         [4]float64
			Entropy    float64 `json:"normalized_entropy"`
			Out        [3]float64
		}
		Entropies []struct {
			Logits   [][]float64
			Response []int
			Logp     float64
			Entropy  float64 `json:"normalized_entropy"`
		}
	}
	readFixture(t, path, &f)
	if len(f.Losses) == 0 || len(f.Entropies) == 0 {
		t.Fatal("the file holds no losses or no entropies")
	}
	for i, r := range f.Losses {
		var params objective.Params
		switch r.Kind {
		case "mallows_dpo":
			params = &objective.Mallows{Lambda: r.Beta, Scale: r.Dispersion, LabelSmoothing: r.Smoothing}
		case "mallows_ipo":
			params = &objective.MallowsIPO{Lambda: r.Beta, Scale: r.Dispersion}
		case "cauchy":
			params = &objective.Cauchy{Lambda: r.Beta}
		default:
			t.Fatalf("loss %d: %s is not known", i, r.Kind)
		}
		column := func(v float64) []float64 { return []float64{v} }
		b := &objective.Batch{Chosen: column(r.In[0]), Rejected: column(r.In[1]), RefChosen: column(r.In[2]), RefRejected: column(r.In[3]),
			Weight: column(1), Dispersion: column(-math.Log(r.Entropy))}
		g := &objective.Grad{Chosen: column(0), Rejected: column(0)}
		o := params.Objective()
		o.Grad(b, g)
		for j, got := range []float64{o.Loss(b), g.Chosen[0], g.Rejected[0]} {
			if off := relative(got, r.Out[j]); !(off <= 1e-12) {
				t.Errorf("loss %d, %s: output %d is %v, want %v", i, r.Kind, j, got, r.Out[j])
			}
		}
	}
	for i, r := range f.Entropies {
		logp, entropy := 0.0, 0.0
		for j, logits := range r.Logits {
			entropy += normalizedEntropy(logits) / float64(len(r.Logits))
			all := make([]float64, len(logits))
			logspace.LogSoftmax(all, logits)
			logp += all[r.Response[j]]
		}
		if !(relative(logp, r.Logp) <= 1e-12) || !(relative(entropy, r.Entropy) <= 1e-12) {
			t.Errorf("response %d: log-probability %v and entropy %v, want %v and %v", i, logp, entropy, r.Logp, r.Entropy)
		}
	}
}

// chesAsRecorded compares CHES scores.
func chesAsRecorded(t *testing.T, path string) {
	var f struct {
		Cases []struct {
			Chosen     [][]float64 `json:"chosen_hidden"`
			Rejected   [][]float64 `json:"rejected_hidden"`
			LastPrompt int         `json:"last_prompt_index"`
			CHES       float64
			Normalized float64 `json:"ches_length_normalized"`
		}
	}
	readFixture(t, path, &f)
	if len(f.Cases) == 0 {
		t.Fatal("the file holds no cases")
	}
	for i, c := range f.Cases {
		ches, normalized := language.CHES(c.Chosen[c.LastPrompt:len(c.Chosen)-1], c.Rejected[c.LastPrompt:len(c.Rejected)-1])
		if !(relative(ches, c.CHES) <= 1e-12) || !(relative(normalized, c.Normalized) <= 1e-12) {
			t.Errorf("case %d: %v, by length %v; want %v and %v", i, ches, normalized, c.CHES, c.Normalized)
		}
	}
}

// signedStep is one step up on the log-probability of a response and down on that of another, each at a rate.
type signedStep struct {
	Weights       string
	Plus, Minus   int
	PlusLR        float64 `json:"plus_lr"`
	MinusLR       float64 `json:"minus_lr"`
	Before, After []float64
}

// compared returns the step as a comparison of two different responses: a side at rate 0 may be any, and of one response up and
// down what counts is the difference.
func (s signedStep) compared(responses int) signedStep {
	if s.Plus != s.Minus {
		return s
	}
	if net := s.PlusLR - s.MinusLR; net >= 0 {
		s.PlusLR, s.MinusLR, s.Minus = net, 0, (s.Plus+1)%responses
	} else {
		s.PlusLR, s.MinusLR, s.Plus = 0, -net, (s.Minus+1)%responses
	}
	return s
}

// squeezeAsRecorded compares single steps of the shipped config, laid over with the file's weights, responses and rates.
func squeezeAsRecorded(t *testing.T, path string) {
	var f struct {
		X            []float64
		W            map[string][][]float64
		Cases, Extra []signedStep
	}
	readFixture(t, path, &f)
	steps := slices.Concat(f.Cases, f.Extra)
	if len(steps) == 0 {
		t.Fatal("the file holds no steps")
	}
	type settings = map[string]any
	dir, objectives, zip := t.TempDir(), []settings{}, map[string][]any{}
	for i, s := range steps {
		k := len(f.W[s.Weights][0])
		logits, uniform := make([]float64, k), make([]float64, k)
		for j, x := range f.X {
			floats.AddScaled(logits, x, f.W[s.Weights][j])
		}
		floats.AddConst(1/float64(k), uniform)
		s, label := s.compared(k), fmt.Sprint("step-", i)
		testfile.Write(t, filepath.Join(dir, label+".jsonl"), fmt.Sprintf(`{"chosen": %d, "rejected": %d}`, s.Plus, s.Minus))
		objectives = append(objectives, settings{"name": label, "kind": "custom", "pair": "e_minus*r - e_plus*c",
			"constants": settings{"e_plus": s.PlusLR, "e_minus": s.MinusLR}})
		zip["objective"] = append(zip["objective"], label)
		zip["preferences.path"] = append(zip["preferences.path"], label+".jsonl")
		zip["environment"] = append(zip["environment"], settings{"kind": "bandit", "prompts": []settings{{"name": "x", "features": f.X,
			"pi_star": uniform, "pi_ref": uniform, "init_logits": logits}}})
	}
	shipped, err := filepath.Abs("../configs/published/squeeze.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(settings{"name": "squeeze", "extends": shipped, "objectives": objectives,
		"preferences": settings{"kind": "file", "path": "step-0.jsonl"}, "sweep": []any{settings{"zip": zip}}, "claims": []any{}, "figures": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "squeeze.yaml")
	testfile.Write(t, file, string(config))
	runMain(t, exitWell, "run", "--quiet", "--out", dir, file)
	table := openFolder(t, filepath.Join(dir, "squeeze"))
	label := map[string]string{}
	for row := range table(tables.Runs).Len() {
		label[table(tables.Runs).Text(row, "objective")] = table(tables.Runs).Text(row, "run")
	}
	got := cells(table(tables.Trajectories), "pi", "run", "step", "response")
	for i, s := range steps {
		for step, policy := range [][]float64{s.Before, s.After} {
			for k, want := range policy {
				key := fmt.Sprint(label[fmt.Sprint("step-", i)], " ", step, " ", k)
				if off := far(got, key, want); !(off <= 1e-9*want) {
					t.Errorf("step %d: pi(%d) after %d steps is %v, want %v", i, k, step, got[key], want)
				}
			}
		}
	}
}

// sampled is an experiment of online DPO under several samplers.
type sampled struct {
	Seed    int
	Beta    float64
	LR      float64
	Steps   int `json:"num_iter"`
	Rewards []float64
	Runs    []struct {
		Sampler      string
		Steps        []int
		Theta        [][]float64
		LossSteps    []int     `json:"loss_steps"`
		Loss         []float64 // before the step that it is counted by
		ParamDiff    []float64 `json:"param_diff"`
		ValueDiff    []float64 `json:"value_diff"`
		FinalPolicy  []float64 `json:"final_policy"`
		CompareUntil *int      `json:"compare_until"`
	}
}

// publishedSampler is a sampler by its name in the file, as the config spells it.
func publishedSampler(t *testing.T, name string, beta float64) map[string]any {
	type settings = map[string]any
	of := func(score string, times float64) settings { return settings{"of": score, "times": times} }
	independent := func(first, second settings) settings {
		return settings{"kind": "independent", "first": first, "second": second}
	}
	half := func(other settings) settings {
		return settings{"kind": "mixture", "of": []settings{{"share": 0.5, "sampler": independent(of("uniform", 1), of("uniform", 1))}, {"share": 0.5, "sampler": other}}}
	}
	name, _, _ = strings.Cut(name, " (")
	s, ok := map[string]settings{
		"uniform":                  independent(of("uniform", 1), of("uniform", 1)),
		"joint-reward":             {"kind": "joint", "of": "reward", "times": 1},
		"joint-policy":             {"kind": "joint", "of": "policy", "times": beta},
		"half-mix-reward":          half(independent(of("reward", 1), of("reward", -1))),
		"half-mix-policy":          half(independent(of("policy", beta), of("policy", -beta))),
		"reward x inverse-reward":  independent(of("reward", 1), of("reward", -1)),
		"optimal x uniform":        independent(of("reward", 1/beta), of("uniform", 1)),
		"policy x uniform":         independent(of("policy", 1), of("uniform", 1)),
		"inverse-policy x uniform": independent(of("policy", -beta), of("uniform", 1)),
	}[name]
	if !ok {
		t.Fatalf("sampler %q is not known", name)
	}
	return s
}

// samplersAsRecorded compares the shipped config's training, laid over with the file's rewards, samplers and settings.
func samplersAsRecorded(t *testing.T, path string) {
	var f struct{ Experiments []sampled }
	readFixture(t, path, &f)
	type settings = map[string]any
	shipped, err := filepath.Abs("../configs/published/samplers.yaml")
	if err != nil || len(f.Experiments) == 0 {
		t.Fatal("the file holds no experiments", err)
	}
	for number, e := range f.Experiments {
		k := len(e.Rewards)
		star, uniform := make([]float64, k), slices.Repeat([]float64{1 / float64(k)}, k)
		logspace.LogSoftmax(star, e.Rewards)
		logspace.Exp(star, star)
		var list []settings
		for i, r := range e.Runs {
			list = append(list, settings{"name": fmt.Sprint("run-", i), "preferences.sampler": publishedSampler(t, r.Sampler, e.Beta)})
		}
		config, err := json.Marshal(settings{"name": "samplers", "extends": shipped,
			"environment": settings{"kind": "bandit", "prompts": []settings{{"name": "x", "pi_star": star, "pi_ref": uniform, "init_logits": make([]float64, k)}}},
			"preferences": settings{"kind": "online", "rounds": e.Steps, "pairs": 0},
			"train":       settings{"optimizer": settings{"kind": "sgd", "lr": e.LR}},
			"objectives":  []settings{{"kind": "dpo", "lambda": e.Beta}}, "sweep": []any{settings{"column": "sampler", "list": list}},
			"claims": []any{}, "figures": []any{}})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "samplers.yaml")
		testfile.Write(t, file, string(config))
		runMain(t, exitWell, "run", "--quiet", "--out", dir, file)
		table := openFolder(t, filepath.Join(dir, "samplers"))
		runs, traces := table(tables.Runs), table(tables.Traces)
		label := map[string]string{}
		for row := range runs.Len() {
			label[runs.Text(row, "sampler")] = runs.Text(row, "run")
		}
		theta, final := cells(table(tables.Trajectories), tables.Logit, "run", "step", "response"), cells(table(tables.Policies), "pi", "run", "response")
		measured := map[string]map[string]float64{}
		for _, name := range []string{"loss", "param_diff", "value_diff"} {
			measured[name] = cells(traces, name, "run", "step")
		}
		for i, r := range e.Runs {
			id, until := label[fmt.Sprint("run-", i)], e.Steps
			if r.CompareUntil != nil {
				until = *r.CompareUntil
			}
			wants := func(what string, found map[string]float64, key string, want float64) {
				if off := far(found, key, want); !(off <= 1e-9) {
					t.Errorf("experiment %d, %s: %s of %s is off by %.2g, at most 1e-9", number, r.Sampler, what, key, off)
				}
			}
			for j, step := range r.Steps {
				for a, v := range r.Theta[j] {
					if step <= until {
						wants("logit", theta, fmt.Sprint(id, " ", step, " ", a), v)
					}
				}
			}
			for j, step := range r.LossSteps {
				if step > until {
					continue
				}
				if step < until { // it is of the step that follows
					wants("loss", measured["loss"], fmt.Sprint(id, " ", step+1), r.Loss[j])
				}
				wants("param_diff", measured["param_diff"], fmt.Sprint(id, " ", step), r.ParamDiff[j])
				wants("value_diff", measured["value_diff"], fmt.Sprint(id, " ", step), r.ValueDiff[j])
			}
			for a, v := range r.FinalPolicy {
				if until == e.Steps {
					wants("pi", final, fmt.Sprint(id, " ", a), v)
				}
			}
		}
	}
}

// gameRun is a way to the equilibrium of a game, from its reference.
type gameRun struct {
	Algorithm    string
	Beta, LR     float64
	Steps        []int
	Theta        [][]float64
	Gap          []float64 `json:"duality_gap"`
	Final        []float64 `json:"final_policy"`
	CompareUntil *int      `json:"compare_until"`
}

// objective returns the run as a loss, in a game of so many responses.
func (r *gameRun) objective(t testing.TB, label string, responses int) map[string]any {
	train := map[string]any{"optimizer": map[string]any{"kind": "sgd", "lr": r.LR}, "epochs": slices.Max(r.Steps)}
	o := map[string]any{"name": label, "kind": "online-ipo", "lambda": r.Beta, "train": train}
	switch r.Algorithm {
	case "online-ipo-1":
	case "online-ipo-2":
		o["pairs"] = "policy"
	case "nash-md-pg":
		o["kind"], o["mixture"] = "nash-md-pg", 2*r.LR/float64(responses)
	case "nash-md":
		o["mixture"] = 2 * r.LR / float64(responses)
	case "egpo":
		train["extragradient"] = "opponent"
	default:
		t.Fatalf("%s is not known", r.Algorithm)
	}
	return o
}

// gamesAsRecorded compares runs and equilibria of games of win rates.
func gamesAsRecorded(t *testing.T, path string) {
	var f struct {
		Games []struct {
			Game      int
			P         [][]float64
			ThetaRef  []float64 `json:"theta_ref"`
			PolicyRef []float64 `json:"policy_ref"`
			Nash      []struct {
				Beta   float64
				Policy []float64
			}
			Runs []gameRun
		}
	}
	readFixture(t, path, &f)
	type settings = map[string]any
	dir, zip := t.TempDir(), map[string][]any{}
	var objectives []settings
	var steps []int
	for _, g := range f.Games {
		file := fmt.Sprintf("game_%d.json", g.Game)
		text, err := json.Marshal(g.P)
		if err != nil {
			t.Fatal(err)
		}
		testfile.Write(t, filepath.Join(dir, file), string(text))
		add := func(o settings, solver string) {
			objectives = append(objectives, o)
			for key, v := range (settings{"objective": o["name"], "solver": solver, "preferences.path": file, "environment": settings{"kind": "bandit",
				"pi_star": "none", "prompts": []settings{{"name": "x", "pi_ref": g.PolicyRef, "init_logits": g.ThetaRef}}}}) {
				zip[key] = append(zip[key], v)
			}
		}
		for i, r := range g.Runs {
			steps = append(steps, r.Steps...)
			add(r.objective(t, fmt.Sprintf("run-%d-%d", g.Game, i), len(g.P)), "train")
		}
		for i, n := range g.Nash {
			add(settings{"name": fmt.Sprintf("nash-%d-%d", g.Game, i), "kind": "online-ipo", "lambda": n.Beta}, "exact")
		}
	}
	if len(objectives) == 0 {
		t.Fatal("the file holds no games")
	}
	slices.Sort(steps)
	steps = slices.DeleteFunc(slices.Compact(steps), func(step int) bool { return step == 0 })
	shipped, err := filepath.Abs("../configs/published/egpo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(settings{"name": "egpo", "extends": shipped, "objectives": objectives, "train": settings{"record_at": steps},
		"preferences": settings{"kind": "matrix", "path": "game_0.json"}, "sweep": []any{settings{"zip": zip}}, "where": []string{"lambda > 0"}, "claims": []any{}, "figures": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "egpo.yaml")
	testfile.Write(t, file, string(config))
	runMain(t, exitWell, "run", "--quiet", "--out", dir, file)
	table := openFolder(t, filepath.Join(dir, "egpo"))
	runs, label := table(tables.Runs), map[string]string{}
	for row := range runs.Len() {
		label[runs.Text(row, "objective")] = runs.Text(row, "run")
	}
	final, gaps := cells(table(tables.Policies), "pi", "run", "response"), cells(table(tables.Traces), "duality_gap", "run", "step")
	along, logits := cells(table(tables.Trajectories), "pi", "run", "step", "response"), cells(table(tables.Trajectories), tables.Logit, "run", "step", "response")
	check := func(what string, got map[string]float64, key string, want float64) {
		if off := far(got, key, want); !(off <= 1e-9) {
			t.Errorf("%s: is off by %.2g of %v, at most 1e-9", what, off, want)
		}
	}
	for _, g := range f.Games {
		for i, r := range g.Runs {
			id := label[fmt.Sprintf("run-%d-%d", g.Game, i)]
			name := fmt.Sprintf("game %d, %s at %v", g.Game, r.Algorithm, r.Beta)
			end := slices.Max(r.Steps)
			for at, step := range r.Steps {
				if r.CompareUntil != nil && step > *r.CompareUntil {
					end = 0
					break
				}
				check(fmt.Sprintf("%s: the duality gap after %d steps", name, step), gaps, fmt.Sprint(id, " ", step), r.Gap[at])
				pi := make([]float64, len(g.P))
				logspace.LogSoftmax(pi, r.Theta[at])
				for k, want := range r.Theta[at] {
					key := fmt.Sprint(id, " ", step, " ", k)
					check(fmt.Sprintf("%s: logit %d after %d steps", name, k, step), logits, key, want)
					check(fmt.Sprintf("%s: pi(%d) after %d steps", name, k, step), along, key, math.Exp(pi[k]))
				}
			}
			for k, want := range r.Final {
				if end > 0 {
					check(fmt.Sprintf("%s: pi(%d)", name, k), final, fmt.Sprint(id, " ", k), want)
				}
			}
		}
		for i, n := range g.Nash {
			for k, want := range n.Policy {
				check(fmt.Sprintf("game %d, the equilibrium at %v: pi(%d)", g.Game, n.Beta, k), final, fmt.Sprint(label[fmt.Sprintf("nash-%d-%d", g.Game, i)], " ", k), want)
			}
		}
	}
}

// normalizedEntropy returns the entropy of the softmax of K >= 2 logits over that of the uniform distribution, log K: in [0,1]. Of a
// response in tokens, MallowsPO's published code takes the mean over its tokens of the reference's, and of a comparison the mean of
// both responses', for H/log K.
func normalizedEntropy(logits []float64) float64 {
	logP := make([]float64, len(logits))
	logspace.LogSoftmax(logP, logits)
	entropy := 0.0
	for _, l := range logP {
		if p := math.Exp(l); p > 0 {
			entropy -= p * l
		}
	}
	return entropy / math.Log(float64(len(logits)))
}

// Figures that are drawn again from their tables are those of the run, byte for byte, and so is what the manifest says.
func TestRedrawn(t *testing.T) {
	const committed = "../results/published_squeeze"
	dir := filepath.Join(t.TempDir(), "squeeze")
	if err := os.CopyFS(dir, os.DirFS(committed)); err != nil {
		t.Fatal(err)
	}
	runMain(t, 0, "plot", dir)
	for _, name := range []string{"manifest.json", "figures/squeeze.svg", "figures/squeeze.csv"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		want, wrong := os.ReadFile(filepath.Join(committed, name))
		if err != nil || wrong != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs (%v, %v)", name, err, wrong)
		}
	}
}
