package lines

import (
	"errors"
	"fmt"
)

// Account says what became of the records of a file. Each that was read is used or has one reason why not.
type Account struct {
	File      string `json:"file"`
	Read      int    `json:"read"`
	Used      int    `json:"used"`
	TooLong   int    `json:"too_long"`
	Shortest  int    `json:"-"`         // tokens of the shortest of these
	Bad       int    `json:"bad"`       // are no pair, or of another form than the first
	Identical int    `json:"identical"` // have a chosen response that is the rejected one
	Empty     int    `json:"empty"`     // have a response without text, or no weight
	Cut       int    `json:"cut"`       // of those used, from whose responses a repeated prompt was cut
}

// What is wrong with a pair that has its own place in an account. Messages wrap them.
var (
	ErrIdentical = errors.New("the chosen and the rejected response are the same; want two different ones")
	ErrEmpty     = errors.New("response is empty; want text")
)

// Refuse counts a record that is passed over.
func (a *Account) Refuse(err error) {
	switch {
	case errors.Is(err, ErrIdentical):
		a.Identical++
	case errors.Is(err, ErrEmpty):
		a.Empty++
	default:
		a.Bad++
	}
}

// Long counts a pair that is too long by its tokens.
func (a *Account) Long(tokens int) {
	if a.TooLong++; a.Shortest == 0 || tokens < a.Shortest {
		a.Shortest = tokens
	}
}

// Complete says whether every record was used as it stands.
func (a *Account) Complete() bool { return a.Used == a.Read && a.Cut == 0 }

// String is the account in a line: "pairs.jsonl: 9 read, 1 used, 8 bad".
func (a *Account) String() string {
	text := fmt.Sprintf("%s: %d read, %d used", a.File, a.Read, a.Used)
	for i, n := range []int{a.TooLong, a.Bad, a.Identical, a.Empty, a.Cut} {
		if n > 0 {
			text += fmt.Sprintf(", %d %s", n, [...]string{"too long", "bad", "identical", "empty", "cut, where both responses began with the prompt"}[i])
		}
	}
	return text
}
