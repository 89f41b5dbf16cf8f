package decode

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"windtunnel/toy/registry"
)

var inf, nan = math.Inf(1), math.NaN()

// claim has a default that is not zero.
type claim struct {
	Expect bool     `yaml:"expect" doc:"whether it should hold"`
	Bound  *float64 `yaml:"bound" doc:"a number"`
}

// SetDefaults expects claims to hold.
func (c *claim) SetDefaults() { c.Expect = true }

// Head is embedded.
type Head struct {
	Low float64 `yaml:"low" doc:"least"`
}

// Check wants a positive number.
func (h *Head) Check() []registry.Problem {
	if h.Low > 0 {
		return nil
	}
	return []registry.Problem{{Key: "low", Wrong: "is not positive", Allowed: "a positive number"}}
}

// Tail is embedded.
type Tail struct {
	High float64 `yaml:"high" doc:"most"`
}

// Check wants a finite bound.
func (t *Tail) Check() []registry.Problem {
	if t.High < 10 {
		return nil
	}
	return []registry.Problem{{Key: "high", Wrong: "is large", Allowed: "less than 10"}}
}

type bounds struct {
	Head `yaml:",inline"`
	Tail `yaml:",inline"`
}

type lent struct {
	Head `yaml:",inline"`
}

func TestDefaulter(t *testing.T) {
	var got struct {
		List  []claim          `yaml:"list"`
		Map   map[string]claim `yaml:"map"`
		One   *claim           `yaml:"one"`
		Plain claim            `yaml:"plain"`
	}
	_, err := decoder().Document([]byte("{list: [{}, {expect: false, bound: 3}], map: {a: {}}, one: {}, plain: {}}"), &got)
	if err != nil {
		t.Fatal(err)
	}
	if !got.List[0].Expect || got.List[1].Expect || *got.List[1].Bound != 3 || !got.Map["a"].Expect || !got.One.Expect || got.Plain.Expect {
		t.Errorf("got %+v", got)
	}
	fields := Fields(&got, tables())
	if i := 1; fields[i].Key != "list.*.expect" || fields[i].Default != "true" {
		t.Errorf("the reference says %+v", fields[i])
	}
}

// Check methods of embedded structs are all called, and each problem is reported once.
func TestEmbeddedChecks(t *testing.T) {
	for _, tt := range []struct {
		dst        any
		text, want string
	}{
		{&bounds{}, "{low: 0, high: 20}", "c.yaml:1:7: low: is not positive; want a positive number\nc.yaml:1:16: high: is large; want less than 10"},
		{&lent{}, "{low: 0}", "c.yaml:1:7: low: is not positive; want a positive number"},
		{&lent{}, "{}", "c.yaml:1:1: low: is not positive; want a positive number"},
	} {
		if _, err := decoder().Document([]byte(tt.text), tt.dst); err == nil || err.Error() != tt.want {
			t.Errorf("%T: got\n%v\nwant\n%s", tt.dst, err, tt.want)
		}
	}
}

// A default is copied before it is written to, so that defaults may be shared.
func TestDefaultsAreNotChanged(t *testing.T) {
	shared := &sgd{LR: 5}
	number := 7.0
	type config struct {
		O optimizer `yaml:"o"`
		N *float64  `yaml:"n"`
	}
	got := config{shared, &number}
	if _, err := decoder().Document([]byte("{o: {lr: 1}, n: 2}"), &got); err != nil {
		t.Fatal(err)
	}
	if shared.LR != 5 || number != 7 || got.O.(*sgd).LR != 1 || *got.N != 2 {
		t.Errorf("shared %v, %v; got %+v", *shared, number, got)
	}
}

func TestDecodeAtPath(t *testing.T) {
	d := decoder()
	n := parsed(t, "{name: a, pi_star: [0.5, 0.4]}")
	err := d.Decode(n, "prompts.3", &prompt{})
	if want := "c.yaml:1:20: prompts.3.pi_star: sums to 0.9; want probabilities that sum to 1"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := d.Decode(nil, "prompts.3", &prompt{}); err == nil || err.Error() != "c.yaml: prompts.3: has no value; want a mapping" {
		t.Errorf("nil decodes with %v", err)
	}
	e := d.Error(n.Content[3], "prompts.3.pi_star", "is odd", "")
	if want := "c.yaml:1:20: prompts.3.pi_star: is odd"; e.Error() != want {
		t.Errorf("got %v, want %s", e, want)
	}
}

// Mistakes of the program, not of the configuration, panic with a message that tells where.
func TestProgramMistakes(t *testing.T) {
	type badRange struct {
		V float64 `yaml:"v" range:"0 to 1"`
	}
	type twice struct {
		A int `yaml:"a"`
		B int `yaml:"b" alias:"a"`
	}
	type channel struct {
		C chan int `yaml:"c"`
	}
	type noTable struct {
		O fmt.Stringer `yaml:"o"`
	}
	two := registry.Table[optimizer]{
		{Name: "a", New: func() optimizer { return &sgd{} }},
		{Name: "b", Aliases: []string{"a"}, New: func() optimizer { return &sgd{} }},
	}
	d := decoder()
	for want, do := range map[string]func(){
		`decode: decode.badRange.V: range "0 to 1" is not an interval`: func() { d.Document([]byte("v: 1"), &badRange{}) },
		`decode.twice has two fields with the key "a"`:                 func() { d.Document([]byte("a: 1"), &twice{}) },
		"cannot hold the Go type chan int":                             func() { d.Document([]byte("c: 1"), &channel{}) },
		"no table is registered for fmt.Stringer":                      func() { d.Document([]byte("o: 1"), &noTable{}) },
		"cannot decode into a int":                                     func() { d.Document([]byte("a: 1"), 5) },
		`two kinds of optimizer are called "a"`:                        func() { Register(NewTables(), "optimizer", two) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("panics with %s", got)
				}
			}()
			do()
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	d := decoder()
	root := parsed(t, accepted[6])
	var wg sync.WaitGroup
	results := make([]*experiment, 8)
	for i := range results {
		wg.Go(func() {
			results[i] = newExperiment()
			if err := d.Decode(root, "", results[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, r := range results {
		if !reflect.DeepEqual(r, results[0]) {
			t.Errorf("got %+v and %+v", r, results[0])
		}
	}
}

func TestFields(t *testing.T) {
	var lines []string
	for _, f := range Fields(newExperiment(), tables()) {
		required := ""
		if f.Required {
			required = "required"
		}
		lines = append(lines, strings.Join([]string{f.Key, strings.Join(f.Aliases, ","), f.Type, f.Default, f.Allowed, f.Doc, required}, "|"))
	}
	for _, f := range Fields(&dpo{Lambda: 0.1}, tables()) {
		lines = append(lines, strings.Join([]string{f.Key, strings.Join(f.Aliases, ","), f.Type, f.Default, f.Allowed, f.Doc}, "|"))
	}
	const want = `name||text|||name of the folder|required
prompts||a list of mappings|||the prompts|
prompts.*.name||text|||name|required
prompts.*.pi_star||a list of numbers||(0,1)|true policy|required
train||a mapping|||how to train|
train.optimizer||a kind of optimizer|adam|adam, sgd|how gradients become steps|
train.epochs||a whole number|10|[1,inf)|passes|
train.shuffle||true or false|false||a new order each epoch|
train.clip_norm||a number|10|[0,inf]|largest gradient norm; .inf does not clip|
backup||a kind of optimizer||adam, sgd|another optimizer|
objectives||a list of mappings with a kind of objective|||the losses|required
objectives.*.kind||a kind of objective||dpo, f-dpo, sum|the loss|required
objectives.*.name||text|||label in tables|
objectives.*.train||a mapping|||overrides of train|
sweep||a mapping of lists of numbers|||values by path|
where||a mapping of values or lists of values|||selection of rows|
basis||a list of lists of numbers||[-1,1]|vectors|
seed||a whole number||[0,inf)|of the run|
solver||text|gradient|exact, gradient|how|
metrics||a list of texts||kl, tv|what to record|
extra||a value|||anything|
lambda|beta|a number|0.1|[1e-100,1e100]|regularization strength`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkDecode decodes one small run, as planning does thousands of times.
func BenchmarkDecode(b *testing.B) {
	d := decoder()
	root := parsed(b, accepted[6])
	for b.Loop() {
		if err := d.Decode(root, "", newExperiment()); err != nil {
			b.Fatal(err)
		}
	}
}

// Document parses data and decodes it into dst, a pointer to a struct that holds the defaults. It returns the tree (nil
// if the text is no YAML) and an Errors with all mistakes.
func (d *Decoder) Document(data []byte, dst any) (*Node, error) {
	root, err := Parse(d.File, data)
	if root == nil {
		return nil, err
	}
	return root, Join(err, d.Decode(root, "", dst))
}
