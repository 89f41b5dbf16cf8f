package vectors

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/lines"
)

// floor is the size below which a number's difference is taken relative to it.
const floor = 1e-2

// difference returns how far a number is from the one wanted, relative to the larger and to no less than floor.
func difference(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / max(math.Abs(got), math.Abs(want), floor)
}

// answer is what the user's code gave for a vector: the loss and the gradients in the order of Numbers.all, NaN where it gave
// none.
type answer struct {
	vector  *Vector
	numbers []float64
}

// readAnswers reads lines with id and any of loss, grad_chosen and grad_rejected; a line may have other columns. name
// stands in messages, which say in which line something is wrong.
func readAnswers(in io.Reader, name string, all []Vector) ([]answer, error) {
	r, err := lines.NewReader(in, name)
	if err != nil {
		return nil, err
	}
	known, ids := map[string]*Vector{}, make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
		known[ids[i]] = &all[i]
	}
	var answers []answer
	seen := map[*Vector]int{}
	for {
		o, err := r.Next()
		if errors.Is(err, io.EOF) && len(answers) == 0 {
			return nil, fmt.Errorf("%s: has no answer; want a JSON object a line with id and any of loss, grad_chosen, grad_rejected", name)
		}
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		a, err := readAnswer(o, known, ids)
		if before := seen[a.vector]; err == nil && before > 0 {
			err = fmt.Errorf("id: %s has been answered in line %d; want one answer a vector", a.vector.ID, before)
		}
		if err != nil {
			return nil, r.Wrong(err)
		}
		seen[a.vector] = r.Line
		answers = append(answers, a)
	}
}

func readAnswer(o *lines.Object, known map[string]*Vector, ids []string) (a answer, err error) {
	id := ""
	if ok, err := o.Read("id", &id, "the id of a vector"); err != nil {
		return a, err
	} else if !ok {
		return a, errors.New("id: missing; want the id of a vector")
	}
	if a.vector = known[id]; a.vector == nil {
		return a, decode.Suggest(fmt.Errorf("id: there is no vector %q in version %d", id, Version), id, ids)
	}
	some := false
	for _, key := range []string{"loss", "grad_chosen", "grad_rejected"} {
		numbers, err := readNumbers(o, key, a.vector)
		if err != nil {
			return a, err
		}
		some = some || o.Has(key)
		a.numbers = append(a.numbers, numbers...)
	}
	if !some {
		return a, fmt.Errorf("has %s; want any of loss, grad_chosen, grad_rejected beside id", o.Keys())
	}
	return a, nil
}

// readNumbers reads the loss, or a gradient: a row for a pair, a list of rows for a batch. Without the column all are NaN.
func readNumbers(o *lines.Object, key string, v *Vector) ([]float64, error) {
	size, found := positions, make([][]*float64, len(v.pairs()))
	var err error
	switch {
	case key == "loss":
		size, found = 1, [][]*float64{{nil}}
		_, err = o.Read(key, &found[0][0], "a finite number")
	case !o.Has(key):
	case v.Pair != nil:
		_, err = o.Read(key, &found[0], fmt.Sprintf("a list of %d numbers", size))
	default:
		want := fmt.Sprintf("%d lists of %d numbers, one a pair", len(found), size)
		if _, err = o.Read(key, &found, want); err == nil && len(found) != len(v.Batch) {
			err = fmt.Errorf("%s: has %d lists; want %s", key, len(found), want)
		}
	}
	if err != nil {
		return nil, err
	}
	var numbers []float64
	for i, row := range found {
		if o.Has(key) && len(row) != size {
			return nil, fmt.Errorf("%s: has %d numbers in list %d; want %d, one a position, prompt and padding included", key, len(row), i+1, size)
		}
		for k := range size {
			switch {
			case !o.Has(key):
				numbers = append(numbers, math.NaN())
			case row[k] == nil:
				return nil, fmt.Errorf("%s: number %d of list %d is null, NaN or infinite in the answer of %s, whose numbers are all finite: "+
					"see that no logarithm is taken of a sigmoid or of 1 - exp", key, k+1, i+1, v.ID)
			default:
				numbers = append(numbers, *row[k])
			}
		}
	}
	return numbers, nil
}

// apart returns the largest difference of an answer from what is right or, if name is that of a mistake, from what it gives; and
// of which number it is. A mistake that changes nothing for a vector gives what is right.
func (a *answer) apart(name string) (most float64, at int) {
	n, ok := a.vector.Mistakes[name]
	if !ok {
		n = a.vector.Expected
	}
	want, _ := n.all()
	for i, x := range a.numbers {
		if d := difference(x, want[i]); d > most { // never of NaN
			most, at = d, i
		}
	}
	return most, at
}

// wrong says what a number of the answer is and is to be.
func (a *answer) wrong(at int) string {
	want, _ := a.vector.Expected.all()
	where := "loss"
	if at > 0 {
		side, rest := (at-1)/(len(want)/2), (at-1)%(len(want)/2)
		where = fmt.Sprintf("%s of pair %d at position %d", []string{"grad_chosen", "grad_rejected"}[side], rest/positions+1, rest%positions+1)
	}
	return fmt.Sprintf("%s: %s is %.6g, not %.6g", a.vector.ID, where, a.numbers[at], want[at])
}

// Verdict is what answers to a group of vectors say.
type Verdict struct {
	Group        string
	Answered, Of int
	Off          float64  // largest difference from what is right
	Where        string   // and where it is
	Right        bool     // all answers are right
	Matches      []string // names of mistakes that explain all numbers; several where they give the same
	Nearest      string   // the mistake that is least off where none explains them, and by how much
	NearestOff   float64
	Hidden       []string // of right answers, the mistakes that would have given the same
}

// Diagnose reads answers and returns a verdict a group that has some. Numbers that differ by no more than tolerance,
// relative, and for those below 1/100 relative to that, are the same.
func Diagnose(in io.Reader, name string, tolerance float64) ([]Verdict, error) {
	all, err := Of()
	if err != nil {
		return nil, err
	}
	return diagnose(in, name, tolerance, all)
}

func diagnose(in io.Reader, name string, tolerance float64, all []Vector) ([]Verdict, error) {
	answers, err := readAnswers(in, name, all)
	if err != nil {
		return nil, err
	}
	var groups []string
	of, possible := map[string]int{}, map[string]map[string]bool{}
	for i := range all {
		g := all[i].group()
		if of[g]++; of[g] == 1 {
			groups, possible[g] = append(groups, g), map[string]bool{}
		}
		for mistake := range all[i].Mistakes {
			possible[g][mistake] = true
		}
	}
	var found []Verdict
	for _, group := range groups {
		mine := slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return a.vector.group() != group })
		if len(mine) > 0 {
			v := judge(mine, possible[group], tolerance)
			v.Group, v.Of = group, of[group]
			found = append(found, v)
		}
	}
	return found, nil
}

// judge compares answers with what is right and with each mistake that is possible.
func judge(answers []answer, possible map[string]bool, tolerance float64) Verdict {
	apart := func(name string) (most float64, worst *answer, at int) {
		for i := range answers {
			if d, k := answers[i].apart(name); d > most {
				most, worst, at = d, &answers[i], k
			}
		}
		return most, worst, at
	}
	off, worst, at := apart("")
	v := Verdict{Answered: len(answers), NearestOff: math.Inf(1), Off: off, Right: off <= tolerance}
	if worst != nil {
		v.Where = worst.wrong(at)
	}
	for _, m := range mistakes {
		if !possible[m.name] {
			continue
		}
		d, _, _ := apart(m.name)
		switch {
		case d <= tolerance && v.Right:
			v.Hidden = append(v.Hidden, m.name)
		case d <= tolerance:
			v.Matches = append(v.Matches, m.name)
		}
		if d < v.NearestOff {
			v.Nearest, v.NearestOff = m.name, d
		}
	}
	return v
}

// String says the verdict in a line.
func (v *Verdict) String() string {
	switch {
	case v.Right && len(v.Hidden) > 0:
		return "right, as far as these answers show; so they would be under: " + strings.Join(v.Hidden, ", ")
	case v.Right:
		return fmt.Sprintf("right, to %.1g", v.Off)
	case len(v.Matches) > 0:
		texts := make([]string, len(v.Matches))
		for i, name := range v.Matches {
			texts[i] = fmt.Sprintf("%s (%s)", textOf(name), name)
		}
		return "matches: " + strings.Join(texts, "; or, with the same numbers: ")
	case v.Off <= 1e-3:
		return fmt.Sprintf("none of the known mistakes; off by %.1g, as float32 is: see --tolerance; %s", v.Off, v.Where)
	}
	return fmt.Sprintf("none of the known mistakes explains all numbers: off by %.2g, %s; nearest mistake: %s, off by %.2g", v.Off, v.Where, v.Nearest, v.NearestOff)
}

func textOf(name string) string {
	return mistakes[slices.IndexFunc(mistakes, func(m mistake) bool { return m.name == name })].text
}

// Mistakes lists the known mistakes, a name and what it is, aligned.
func Mistakes() string {
	var out strings.Builder
	for _, m := range mistakes {
		fmt.Fprintf(&out, "  %-24s %s\n", m.name, m.text)
	}
	return out.String()
}

// JUnit returns verdicts as the XML that CI systems read: a test case a group.
func JUnit(verdicts []Verdict) []byte {
	var cases bytes.Buffer
	failures := 0
	quoted := func(text string) string {
		var out strings.Builder
		xml.EscapeText(&out, []byte(text)) // a Builder takes everything
		return out.String()
	}
	for i := range verdicts {
		v := &verdicts[i]
		fmt.Fprintf(&cases, "  <testcase classname=\"vectors\" name=\"%s\">", quoted(v.Group))
		if !v.Right {
			failures++
			fmt.Fprintf(&cases, "<failure message=\"%s\"/>", quoted(v.String()))
		}
		fmt.Fprintln(&cases, "</testcase>")
	}
	return fmt.Appendf(nil, "%s<testsuite name=\"vectors version %d\" tests=\"%d\" failures=\"%d\">\n%s</testsuite>\n", xml.Header, Version, len(verdicts), failures, &cases)
}
