package expression

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind tells tokens apart.
type kind int

const (
	endToken kind = iota
	numberToken
	nameToken
	symbolToken // one of + - * / ^ ( ) ,
)

// token is a word of the source.
type token struct {
	kind   kind
	offset int     // of its first byte
	text   string  // as written
	value  float64 // of a number
}

// describe names the token in an error.
func (t token) describe() string {
	if t.kind == endToken {
		return "the end"
	}
	return strconv.Quote(t.text)
}

const (
	symbols = "+-*/^(),"
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
)

// ValidName says whether a word can name a variable: ASCII letters, digits and underscores, no digit first, and not
// the name of a function.
func ValidName(word string) bool {
	if word == "" || span(word, letters) == 0 || span(word, letters+digits) != len(word) {
		return false
	}
	return !newTable().reserved(word)
}

// span returns the length of the longest prefix of s that is made of the given bytes.
func span(s, bytes string) int {
	rest := strings.TrimLeft(s, bytes)
	return len(s) - len(rest)
}

// next reads the token at or after offset.
func next(source string, offset int) (token, *Error) {
	offset += span(source[offset:], " \t\r\n")
	rest := source[offset:]
	switch {
	case rest == "":
		return token{kind: endToken, offset: offset}, nil
	case strings.HasPrefix(rest, "**"):
		return token{}, mistake(source, offset, `"**" is not an operator`, "", "^")
	case strings.IndexByte(symbols, rest[0]) >= 0:
		return token{kind: symbolToken, offset: offset, text: rest[:1]}, nil
	case span(rest, letters) > 0:
		return token{kind: nameToken, offset: offset, text: rest[:span(rest, letters+digits)]}, nil
	case span(rest, digits+".") > 0:
		return number(source, offset)
	}
	first, _ := utf8.DecodeRuneInString(rest)
	return token{}, mistake(source, offset, fmt.Sprintf("%q is no part of an expression", first),
		"numbers, names, + - * / ^, parentheses and commas", "")
}

// number reads digits with an optional fraction and exponent.
func number(source string, offset int) (token, *Error) {
	rest := source[offset:]
	end := span(rest, digits+".")
	if end < len(rest) && (rest[end] == 'e' || rest[end] == 'E') {
		exponent := end + 1
		if exponent < len(rest) && (rest[exponent] == '+' || rest[exponent] == '-') {
			exponent++
		}
		if n := span(rest[exponent:], digits); n > 0 {
			end = exponent + n
		}
	}
	text := rest[:end]
	value, err := strconv.ParseFloat(text, 64)
	if math.IsInf(value, 0) {
		return token{}, mistake(source, offset, text+" is too large", "a number below 1.8e308", "")
	}
	if err != nil || span(rest[end:], letters+digits) > 0 {
		wrong := rest[:end+span(rest[end:], letters+digits)]
		return token{}, mistake(source, offset, wrong+" is not a number", "a number such as 1, 0.5 or 1e-3", "")
	}
	return token{kind: numberToken, offset: offset, text: text, value: value}, nil
}
