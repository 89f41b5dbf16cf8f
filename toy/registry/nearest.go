package registry

import (
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// longest is the length in runes above which no spelling is looked up; keys and words are far shorter.
const longest = 64

// Nearest returns the candidate with the fewest edits from a misspelt word, or "" if none is near; among equals one that begins
// with the same letter, then the first. Case and the choice between "-", "_" and a space do not count. Up to 4 letters
// allow one edit, 5 to 8 two, more three.
func Nearest(word string, candidates []string) string {
	if utf8.RuneCountInString(word) > longest {
		return ""
	}
	word = plainSpelling(word)
	best, fewest, alike := "", longest, false
	for _, c := range candidates {
		edits := distance(word, plainSpelling(c))
		length := utf8.RuneCountInString(c)
		cutoff := min((max(length, utf8.RuneCountInString(word))+3)/4, 3)
		sameStart := word != "" && strings.HasPrefix(plainSpelling(c), word[:1])
		better := edits < fewest || edits == fewest && sameStart && !alike
		if edits <= cutoff && edits < length && better {
			best, fewest, alike = c, edits, sameStart
		}
	}
	return best
}

func plainSpelling(word string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return '_'
		}
		return r
	}, strings.ToLower(word))
}

// distance is Levenshtein's, except that one swap of neighbours ("dop" for "dpo") costs one edit instead of two.
func distance(a, b string) int {
	least := levenshtein.ComputeDistance(a, b)
	if least < 2 {
		return least
	}
	letters := []rune(a)
	for i := 1; i < len(letters); i++ {
		letters[i-1], letters[i] = letters[i], letters[i-1]
		least = min(least, 1+levenshtein.ComputeDistance(string(letters), b))
		letters[i-1], letters[i] = letters[i], letters[i-1]
	}
	return least
}
