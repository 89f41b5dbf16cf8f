package preference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/toy/bandit"
)

// models is an environment of two prompts and three named responses without a pi_star.
func models(t testing.TB) *bandit.Env {
	t.Helper()
	names := []string{"gpt", "claude", "llama"}
	env, err := (&bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "summarize", Responses: names}, {Name: "translate", Responses: names}}}).Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func opened(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/files/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever way it is written, the arena's table is the same comparisons: 230 wins at 22 ties, of which each side has half.
func TestFilesOfCounts(t *testing.T) {
	won := map[string]float64{"0 0 1": 127, "0 1 0": 105, "0 1 2": 79.5, "0 2 1": 33.5, "0 0 2": 67, "0 2 0": 41, "1 0 1": 12, "1 1 0": 18, "1 2 1": 3.5,
		"1 1 2": 9.5, "1 2 0": 4, "1 0 2": 11}
	total := 0.0
	for _, w := range won {
		total += w
	}
	want := map[string]string{
		"arena.csv": "", "arena.jsonl": "", "arena.csv.gz": "", "arena_excel.csv": "", "arena.tsv": "", "arena_columns.csv": "",
		"votes.csv": "0.3 0.1 0.6", "votes.jsonl": "0.3 0.1 0.6", "unweighted.csv": "0.333 0.333 0.333", "blank_lines.csv": "1", "spaces.csv": "1",
		"typo.csv": `typo.csv:2: b: there is no "claud"; want one of gpt, claude, llama, or an index from 0 to 2; did you mean "claude"?` + "\n" +
			`typo.csv:3: prompt: there is no "summarise"; want one of summarize, translate, or an index from 0 to 1; did you mean "summarize"?`,
		"negative.csv": `negative.csv:2: weight: is "-1"; a number from 0 to 1e+300`, "not_a_number.jsonl": `not_a_number.jsonl:2: weight: is "many"`,
		"zero.csv": "zero.csv: no preference pairs; at least one line is needed, and a weight above 0", "header_only.csv": "header_only.csv: no preference pairs",
		"itself.csv": "itself.csv:2: b: gpt is also the a response", "mixed.jsonl": "mixed.jsonl:2: has prompt, a, b, wins_a, wins_b; a file holds chosen, rejected",
		"short_row.csv": "short_row.csv:2: has 4 cells; want 5: prompt, a, b, wins_a, wins_b", "quote.csv": `quote.csv:2: extraneous or missing " in quoted-field`,
		"latin1.csv": "latin1.csv:2: is not valid UTF-8", "case.csv": "case.csv:2: Prompt: is prompt but for the case", "no_wins.csv": "no_wins.csv:2: wins_b: missing",
		"list.json": "list.json: is one JSON list",
	}
	for name, want := range want {
		pairs, err := (&Counts{}).Build(Input{Env: models(t), File: opened(t, name), FileName: name})
		switch {
		case strings.HasPrefix(want, name):
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "":
			var weights []string
			for i := range pairs.Len() {
				weights = append(weights, strconv.FormatFloat(pairs.WeightOf(i), 'g', 3, 64))
			}
			if got := strings.Join(weights, " "); got != want {
				t.Errorf("%s: weights %s, want %s", name, got, want)
			}
		default:
			checkPairs(t, pairs, models(t))
			for i := range pairs.Len() {
				key := fmt.Sprint(pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i])
				if w := won[key] / total; math.Abs(pairs.Weight[i]-w) > 1e-15 || pairs.Len() != len(won) {
					t.Errorf("%s: %s weighs %v, want %v", name, key, pairs.Weight[i], w)
				}
			}
		}
	}
}

// Every matrix of the folder is read for what it is, or named with what is wrong.
func TestFilesOfMatrices(t *testing.T) {
	cycle := []float64{0.5, 0.9, 0.2, 0.1, 0.5, 0.7, 0.8, 0.3, 0.5}
	for name, want := range map[string]string{
		"cycle.json": "", "cycle.csv": "", "cycle_named.csv": "", "cycle_pandas.csv": "", "cycle_reordered.csv": "", "two.json": "",
		"not_complementary.json": "not_complementary.json: has 0.9 for response 0 over 1 in matrix 0, and 0.2 the other way round", "not_square.csv": "not_square.csv:1: has 2 cells; want 3",
		"ragged.json": "ragged.json: has 2 entries in row 1", "percent.csv": `percent.csv:1: gpt: is "50"; a number from 0 to 1`,
		"null.json": "null.json: has 0 for response 0 over 1 in matrix 0", "cut.json": "cut.json: is no JSON matrix", "header_only.csv": "header_only.csv:1: has 5 cells; want 3",
		"list.json": "list.json: is no JSON matrix",
	} {
		wins, err := (&Matrix{Path: name}).Wins(Input{Env: models(t), File: opened(t, name), FileName: name})
		switch {
		case want != "":
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case name == "two.json":
			if wins[0][1] != 1 || wins[0][2] != 0 || math.Abs(wins[1][2]-0.7) > 1e-15 {
				t.Errorf("%s: %v", name, wins)
			}
		default:
			for i := range cycle {
				if math.Abs(wins[0][i]-cycle[i]) > 1e-15 || !slices.Equal(wins[0], wins[1]) {
					t.Errorf("%s: %v", name, wins)
				}
			}
		}
	}
}

// comparisons draws counts of comparisons of the models.
func comparisons(t *rapid.T) (rows [][3]int, counts []int) {
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		a := rapid.IntRange(0, 2).Draw(t, "a")
		rows = append(rows, [3]int{rapid.IntRange(0, 1).Draw(t, "prompt"), a, (a + rapid.IntRange(1, 2).Draw(t, "step")) % 3})
		counts = append(counts, rapid.IntRange(1, 5).Draw(t, "count"))
	}
	return rows, counts
}

// weights sums the weights of comparisons.
func weights(pairs *Pairs) map[[3]int]float64 {
	sum := map[[3]int]float64{}
	for i := range pairs.Len() {
		sum[[3]int{pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i]}] += pairs.WeightOf(i)
	}
	return sum
}

// Counts are what repeating a pair as often is, at any scale of theirs and in any order of the lines; and the file kind reads both.
func TestCountsAreRepetitions(t *testing.T) {
	env := models(t)
	rapid.Check(t, func(t *rapid.T) {
		rows, counts := comparisons(t)
		scale := math.Pow(10, rapid.Float64Range(-290, 290).Draw(t, "scale"))
		order := rapid.Permutation(rows).Draw(t, "order")
		var repeated, weighted, permuted strings.Builder
		fmt.Fprint(&repeated, "prompt,chosen,rejected\n")
		fmt.Fprint(&weighted, "prompt,a,b,wins_a,wins_b\n")
		fmt.Fprint(&permuted, "prompt,chosen,rejected,weight\n")
		for i, r := range rows {
			fmt.Fprint(&repeated, strings.Repeat(fmt.Sprintf("%d,%d,%d\n", r[0], r[1], r[2]), counts[i]))
			fmt.Fprintf(&weighted, "%d,%d,%d,0,%g\n", r[0], r[2], r[1], float64(counts[i])*scale)
		}
		for _, r := range order {
			fmt.Fprintf(&permuted, "%d,%d,%d,%d\n", r[0], r[1], r[2], counts[slices.Index(rows, r)])
		}
		read := func(p Params, text string) map[[3]int]float64 {
			pairs, err := p.Build(Input{Env: env, File: []byte(text), FileName: "f"})
			if err != nil {
				t.Fatal(err)
			}
			return weights(pairs)
		}
		want := read(&File{}, repeated.String())
		for name, got := range map[string]map[[3]int]float64{"weighted": read(&Counts{}, weighted.String()), "merged": read(&Counts{}, repeated.String()),
			"file": read(&File{}, weighted.String())} {
			for key, w := range want {
				if math.Abs(got[key]-w) > 1e-14 || len(got) != len(want) {
					t.Fatalf("%s: %v, want %v", name, got, want)
				}
			}
		}
		if len(want) == len(rows) { // no row comes twice
			for key, w := range read(&Counts{}, permuted.String()) {
				if math.Abs(want[key]-w) > 1e-14 {
					t.Fatalf("permuted: %v, want %v", w, want[key])
				}
			}
		}
	})
}

// The mean of groups is their matrices' by share, and rates among the comparisons of a matrix are the matrix.
func TestGroupsAndRates(t *testing.T) {
	env := models(t)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) [][]float64 {
			p := [][]float64{{0.5, 0, 0}, {0, 0.5, 0}, {0, 0, 0.5}}
			for i := range 3 {
				for j := range i {
					p[i][j] = rapid.Float64Range(0, 1).Draw(t, label)
					p[j][i] = 1 - p[i][j]
				}
			}
			return p
		}
		a, b, share := draw("a"), draw("b"), rapid.Float64Range(0, 1).Draw(t, "share")
		m := &Matrix{Groups: []Group{{share, a}, {1 - share, b}}}
		if problems := m.Check(); problems != nil {
			t.Fatal(problems)
		}
		in := Input{Env: env}
		wins, err := m.Wins(in)
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := m.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		rates := pairs.rates(1, 3)
		for i := range 9 {
			want := share*a[i/3][i%3] + (1-share)*b[i/3][i%3]
			if math.Abs(wins[1][i]-want) > 1e-15 || math.Abs(wins[1][i]+wins[1][i%3*3+i/3]-1) > 1e-15 || math.Abs(rates[i]-want) > 1e-12 {
				t.Errorf("%d: %v, rates %v, want %v", i, wins[1][i], rates[i], want)
			}
		}
	})
}

// What is drawn of data is drawn by its weights; what is drawn by a matrix wins as that says, cycles included.
func TestDrawnOf(t *testing.T) {
	const n = 60_000
	env := models(t)
	in := Input{Env: env, RNG: rand.New(rand.NewPCG(1, 2)), File: opened(t, "arena.csv"), FileName: "arena.csv"}
	all, err := (&Counts{}).Build(in)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := (&Sample{Drawn: Drawn{&Counts{}}, N: n, Sampling: "uniform", Temperature: 1, Coverage: 1}).Build(in)
	if err != nil || drawn.Len() != n {
		t.Fatal(err, drawn.Len())
	}
	want := weights(all)
	for key, share := range weights(drawn) {
		if math.Abs(share-want[key]) > 4*math.Sqrt(want[key]/n) {
			t.Errorf("%v: %v of the draws, want %v", key, share, want[key])
		}
	}
	matrix := &Matrix{Matrix: [][]float64{{0.5, 0.9, 0}, {0.1, 0.5, 0.7}, {1, 0.3, 0.5}}}
	for name, p := range map[string]Params{"sample": &Sample{Drawn: Drawn{matrix}, N: n, Sampling: "pi_ref", Temperature: 1, Coverage: 1},
		"online": &Online{Drawn: Drawn{matrix}, Pairs: n, Temperature: 1, Proxy: &Gold{}}} {
		described, _, err := Describe(p, in)
		if err != nil {
			t.Fatal(name, err)
		}
		with := in
		with.Env, with.Rewards = described, [][]float64{described.Prompts[0].LogStar, described.Prompts[1].LogStar}
		pairs, err := p.Build(with)
		if err != nil {
			t.Fatal(name, err)
		}
		rates := pairs.rates(1, 3)
		for i, row := range matrix.Matrix {
			for j, want := range row {
				if got := rates[3*i+j]; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/(n/9*2)) {
					t.Errorf("%s: %d wins %v over %d, want %v", name, i, got, j, want)
				}
			}
		}
	}
}

// Where an environment has a pi_star, it stays, and pairs stay what they were; a matrix is the preference anyhow.
func TestDescribeKnown(t *testing.T) {
	env := environment(star)
	in := Input{Env: env, File: []byte(`{"chosen": 0, "rejected": 1}`)}
	for _, p := range []Params{&Population{}, &File{}} {
		if got, _, err := Describe(p, in); err != nil || got != env {
			t.Errorf("%T: %v, %v", p, got, err)
		}
	}
	got, pairs, err := Describe(&Counts{}, in)
	if err != nil || pairs.Len() != 1 || !got.Pairwise || got.Prompts[0].Wins != nil || !reflect.DeepEqual(got.Prompts, env.Prompts) {
		t.Errorf("counts: %v, %v", got, err)
	}
	got, _, err = Describe(&Matrix{Matrix: [][]float64{{0.5, 0, 1}, {1, 0.5, 0}, {0, 1, 0.5}}}, in)
	if err != nil || got.Preference(0, 1, 0) != 1 || got.Gap(0, 1, 0) != math.Inf(1) || env.Prompts[0].Wins != nil {
		t.Errorf("matrix: %v, %v", got, err)
	}
}

// FuzzCountsFile reads arbitrary files: what it accepts are comparisons whose weights sum to 1.
func FuzzCountsFile(f *testing.F) {
	for _, name := range []string{"arena.csv", "arena.jsonl", "votes.csv", "arena_columns.csv", "mixed.jsonl", "quote.csv"} {
		f.Add(opened(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, err := (&Counts{}).Build(Input{Env: models(t), File: data, FileName: "f.csv"})
		if err != nil {
			if pairs != nil || !strings.HasPrefix(err.Error(), "f.csv:") {
				t.Errorf("pairs %v, error %v", pairs, err)
			}
			return
		}
		checkPairs(t, pairs, models(t))
	})
}

// FuzzMatrixFile reads arbitrary files: what it accepts are probabilities with P + P' = 1.
func FuzzMatrixFile(f *testing.F) {
	for _, name := range []string{"cycle.json", "cycle.csv", "cycle_pandas.csv", "two.json", "cut.json", "percent.csv"} {
		f.Add(opened(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		wins, err := (&Matrix{Path: "f"}).Wins(Input{Env: models(t), File: data, FileName: "f"})
		if err != nil {
			if wins != nil || !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%v, error %v", wins, err)
			}
			return
		}
		for _, p := range wins {
			for i, v := range p {
				if !(v >= 0 && v <= 1) || math.Abs(v+p[i%3*3+i/3]-1) > 1e-15 {
					t.Errorf("%q: %v", data, p)
				}
			}
		}
	})
}

// Columns that nothing reads never decide, and a comparison of weight 0 takes its token counts with it.
func TestUnreadColumns(t *testing.T) {
	for text, want := range map[string]string{
		"a,b,wins_a,wins_b,weight,label\n0,1,2,1,heavy,\n":                             "[0 1] [1 0] []",
		"chosen,rejected,a,b,ties\n0,1,x,y,z\n":                                        "[0] [1] []",
		"response,label,a,wins\n0,true,x,y\n":                                          "[0] [-1] []",
		"chosen,rejected,weight,chosen_tokens,rejected_tokens\n0,1,0,5,6\n1,0,1,7,8\n": "[1] [0] [7]",
	} {
		pairs, err := (&File{}).Build(Input{Env: environment(star), File: []byte(text), FileName: "f"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := fmt.Sprint(pairs.Chosen, pairs.Rejected, pairs.ChosenTokens); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
