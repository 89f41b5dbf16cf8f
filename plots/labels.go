package plots

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"windtunnel/metrics/tables"
	"windtunnel/toy/objective"
)

// columnFile says how columns of tables read in a figure: on an axis, by words, symbol and unit, and in a legend before
// "= value". Columns that it does not list are written as they are.
//
//go:embed columns.csv
var columnFile string

var columnLabels, columnSymbols = func() (labels, symbols map[string]string) {
	labels, symbols = map[string]string{}, map[string]string{}
	for _, column := range records(columnFile) {
		labels[column[0]], symbols[column[0]] = column[1], column[2]
	}
	return labels, symbols
}()

// records are the rows of a table of this package below its header.
func records(file string) [][]string {
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("plots: a table of this program cannot be read: %v", err))
	}
	return rows[1:]
}

// columnLabel is the axis label of a column.
func columnLabel(column string) string {
	return cmp.Or(columnLabels[column], strings.ReplaceAll(column, "_", " "))
}

// columnLabel is the axis label of a column of the rows. Rewards of texts, whose tables have the reference's too, are no
// log-probabilities and have no unit.
func (r *rows) columnLabel(column string) string {
	label := columnLabel(column)
	if column == "reward" && r.table.Has("proxy_reward") {
		label = "Gold reward [nats]" // beside the proxy's
	}
	if r.table.Has("ref_reward") && strings.HasSuffix(column, "reward") {
		label, _, _ = strings.Cut(label, " [")
	}
	return label
}

// valueLabel writes "symbol = value" of a column, such as λ = 10⁻⁵; words speak for themselves.
func valueLabel(column, cell string) string {
	if column == "objective" || column == leftColumn || column == rightColumn {
		return lossName(cell)
	}
	symbol := symbolOf(column)
	switch {
	case cell == "":
		return symbol + " not set"
	case math.IsNaN(tables.ParseFloat(cell)) && !strings.ContainsAny(cell[:1], "[{") && cell != "true" && cell != "false":
		return wordLabel(column, cell)
	}
	return symbol + " = " + cellLabel(cell)
}

// wordNames are words of configurations as readers say them.
var wordNames = map[string]string{"exact": "exact minimizers", "train": "trained", "gru": "GRU"}

// wordSigns sets what words name or spell as mathematics.
var wordSigns = strings.NewReplacer("pi_ref", "$π_{ref}$", "pi_star", "$π$*", " x ", " × ", " -", " −")

// wordNumbers are the powers of ten among words.
var wordNumbers = regexp.MustCompile(`\b\d+e-?\d+\b`)

// wordLabel writes the words that a cell holds.
func wordLabel(column, cell string) string {
	switch {
	case column == "group":
		return promptName(cell) + " prompts"
	case strings.HasPrefix(cell, "of "):
		cell = symbolOf(column) + " " + cell
	case column == "policy" && !strings.Contains(cell, " "):
		cell += " policy"
	}
	return wordNumbers.ReplaceAllStringFunc(wordSigns.Replace(cmp.Or(wordNames[cell], spacedWords(cell))), cellLabel)
}

// spacedWords writes joined-small-words apart.
func spacedWords(label string) string {
	if label == strings.ToLower(label) && !strings.ContainsAny(label, " 0123456789") {
		return strings.ReplaceAll(label, "-", " ")
	}
	return label
}

// promptName is what a prompt or a group of prompts is called.
func promptName(name string) string { return strings.Replace(name, "heldout-", "held-out ", 1) }

// symbolOf is what a column is called beside a value.
func symbolOf(column string) string {
	return cmp.Or(columnSymbols[column], strings.ReplaceAll(column, "_", " "))
}

// cellLabel writes a number the way people do: 10⁻⁵, e⁻⁴, 0.5; other cells stay as they are.
func cellLabel(cell string) string {
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return cell
	}
	if v > 0 {
		k10, ke := math.Round(math.Log10(v)), math.Round(math.Log(v))
		if math.Abs(math.Log10(v)-k10) < 1e-9 && math.Abs(k10) > 2 {
			return powerLabel(10, int(k10))
		}
		if ke != 0 && math.Abs(math.Log(v)-ke) < 1e-9 {
			return powerLabel(math.E, int(ke))
		}
	}
	short := strconv.FormatFloat(v, 'g', 4, 64)
	if mantissa, exponent, ok := strings.Cut(short, "e"); ok {
		k, _ := strconv.Atoi(exponent) // FormatFloat wrote it
		return minusSign(mantissa) + "·" + powerLabel(10, k)
	}
	return minusSign(short)
}

// sweepLabels returns how to write the values of a column side by side: all as powers of ten if they are, else each as
// cellLabel does.
func sweepLabels(cells []string) func(cell string) string {
	power := func(cell string) float64 { return math.Log10(tables.ParseFloat(cell)) }
	for _, cell := range cells {
		if k := power(cell); !(math.Abs(k-math.Round(k)) < 1e-9) {
			return cellLabel
		}
	}
	return func(cell string) string { return powerLabel(10, int(math.Round(power(cell)))) }
}

// minusSign replaces the hyphen of a written number by a minus sign.
func minusSign(number string) string { return strings.ReplaceAll(number, "-", "−") }

// kindLabels are the printed names of the registered losses that have one.
var kindLabels = sync.OnceValue(func() map[string]string {
	labels := map[string]string{}
	for _, kind := range objective.Kinds() {
		labels[kind.Name] = kind.Label
	}
	return labels
})

// The ends of labels: a word, and among words which alpha a loss has.
var labelWord, labelAlpha = regexp.MustCompile("^-([a-z]+)"), regexp.MustCompile(`alpha(\d)`)

// lossName is the printed name of an objective. A label that a configuration made up of a loss and more, such as typo-8 or
// typo-mean, has the name in place of the loss.
func lossName(label string) string {
	for end := len(label); end > 0; end = strings.LastIndex(label[:end], "-") {
		if name := kindLabels()[label[:end]]; name != "" {
			return name + labelAlpha.ReplaceAllString(labelWord.ReplaceAllString(label[end:], ", $1"), "$$α$$ = $1")
		}
	}
	return spacedWords(label)
}

// responseName is y_a, y_b, ... for the first 26 responses and y_26, ... for the rest.
func responseName(index int) string {
	if index < 26 {
		return "y_" + string(rune('a'+index))
	}
	return "y_{" + strconv.Itoa(index) + "}"
}
