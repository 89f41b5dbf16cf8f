package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// digits is how many significant digits of a number are shown.
const digits = 4

// short writes a number for reading; one that is not there is empty.
func short(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}

// plainDirection spells out the characters that change the direction of the text around them or hide in it, with which
// a name could make a page say something else than what stands in the file.
func plainDirection(text string) string {
	if !strings.ContainsFunc(text, steers) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if steers(r) {
			fmt.Fprintf(&b, "[U+%04X]", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// steers says whether a character is an invisible one that formats those around it.
func steers(r rune) bool { return r > unicode.MaxLatin1 && unicode.Is(unicode.Cf, r) }

// counted writes "1 run" or "3 runs".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
