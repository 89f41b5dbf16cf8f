package plots

import (
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Interpolation draws where training takes each loss: a panel a loss with the probability of every response over the
// training steps, beside the dashed BT-optimal policy.
type Interpolation struct {
	Where  tables.Where `yaml:"where" doc:"selects the runs, one for each loss: usually one lambda"`
	Prompt string       `yaml:"prompt,omitempty" doc:"prompt to draw; needed where there are several"`
	Title  string       `yaml:"title,omitempty" doc:"title of every panel after the loss; without it the value of lambda"`
}

func (f *Interpolation) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Trajectories, f.Where).Prompt("prompt", f.Prompt)
}

func (f *Interpolation) panels(src Sources) []*Panel {
	all := selectPrompt(src, tables.Trajectories, f.Where, f.Prompt, "pi")
	ofPrompt := less(f.Where, "step")
	ofPrompt["prompt"] = all.values("prompt")
	finals := selectRows(src, tables.Policies, ofPrompt, "pi_star")
	if n := len(all.values("response")); n > len(responseColors) {
		try.Fail("%d responses cannot be told apart; select at most %d with `where: {response: [...]}`", n, len(responseColors))
	}
	return all.panelsBy("objective", "", func(of subset) *Panel { return f.panel(of, finals) })
}

func (f *Interpolation) panel(of subset, finals *rows) *Panel {
	r, title := of.rows, of.label
	switch {
	case f.Title != "":
		title += ", " + f.Title
	case len(r.values("lambda")) == 1 && r.values("lambda")[0] != "":
		title += ", " + valueLabel("lambda", r.values("lambda")[0])
	}
	p := newPanel(title)
	p.ShareY = "probability"
	p.Y.Label.Text = columnLabel("pi")
	p.Y.Min, p.Y.Max = 0, 1
	labelSteps(&p.X, r.stepName(), r.numbers("step"))

	cells := r.values("response")
	for k, cell := range cells {
		points := collectPoints(r.with("response", cell), "step", "pi", "step", spreadRange)
		index, err := strconv.Atoi(cell)
		if err != nil {
			try.Fail("table %s: response %q is not an index", tables.Trajectories, cell)
		}
		name := responseName(index)
		// The first are the widest, so that none hides another.
		l := seriesStyle{color: responseColors[k], width: vg.Length(1.1+0.4*float64(len(cells)-1-k)) * curveWidth}
		p.addCurve("$π_θ("+name+")$", l, points).plain = true
		star := finals.with("run", r.text(0, "run")).with("response", cell)
		if star.len() == 0 {
			try.Fail("table %s has no response %s", tables.Policies, cell)
		}
		if value := star.float(0, "pi_star"); !math.IsNaN(value) { // there may be no pi_star
			p.Add(rule{value: value, style: targetStyle(l.color, k)})
			p.addEntry(referenceRank, "$π$*", "target", rule{style: targetStyle(inkGray, 0)})
		}
	}
	return p
}

// targetStyle is the line of where curve k, of a color, should end. The dashes of the next begin later, for the same reason.
func targetStyle(c color.RGBA, k int) draw.LineStyle {
	later := vg.Length(k) * (reference[0] + reference[1]) / 2
	return draw.LineStyle{Color: c, Width: 0.8 * curveWidth, Dashes: reference, DashOffs: later}
}

// stepName is the label of an axis over steps. They are rounds, each solved exactly, where rounds are watched and the last loss is that
// of all comparisons, not of a minibatch.
func (r *rows) stepName() string {
	if r.runs.Has(tables.Period) && r.runs.Text(r.run[0], "loss") == r.runs.Text(r.run[0], "data_loss") {
		return "Round"
	}
	return columnLabel("step")
}

// labelSteps labels an axis over steps, in thousands where there are many and they are no powers of ten.
func labelSteps(axis *plot.Axis, name string, steps []float64) {
	axis.Label.Text = name
	if _, linear := axis.Scale.(plot.LinearScale); linear && slices.ContainsFunc(steps, func(s float64) bool { return s >= 2000 }) {
		axis.Label.Text += inThousands
		ones := axis.Tick.Marker
		axis.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick {
			ticks := ones.Ticks(lo/1000, hi/1000)
			for i := range ticks {
				ticks[i].Value *= 1000
			}
			return ticks
		})
	}
}

// inThousands is the unit of such an axis; values themselves stay steps.
const inThousands = " [$10^3$]"
