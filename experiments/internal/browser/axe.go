//go:build browser

package browser

import (
	_ "embed"
	"fmt"
	"strings"
)

// axe is axe-core 4.14.1.
//
//go:embed axe/axe.min.js
var axe string

// finding is a rule of axe-core's that a page breaks.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// mostNodes is how many elements a violation quotes.
const mostNodes = 5

// Violations runs axe-core's rules on the page as it now stands and returns those that it breaks in a serious or critical
// way, each with the elements.
func (p *Page) Violations() []string {
	p.t.Helper()
	p.Eval(axe+";0", nil)
	var findings []finding
	p.Eval(`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`, &findings)
	var words []string
	for _, f := range findings {
		if f.Impact == "serious" || f.Impact == "critical" {
			words = append(words, f.String())
		}
	}
	return words
}

// String names the rule and the elements that break it.
func (f *finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s; %d elements", f.ID, f.Impact, f.Help, len(f.Nodes))
	for i, n := range f.Nodes {
		if i == mostNodes {
			break
		}
		fmt.Fprintf(&b, "\n  %s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
	}
	return b.String()
}
