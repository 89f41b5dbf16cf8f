package gold

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
)

// published holds sentences and their compound scores, rounded to four digits, as vaderSentiment's README gives them. The one
// with emoji is left out: its score there is from before the lexicon had "heart".
var published = map[string]float64{
	"VADER is smart, handsome, and funny.":                                                0.8316,
	"VADER is smart, handsome, and funny!":                                                0.8439,
	"VADER is very smart, handsome, and funny.":                                           0.8545,
	"VADER is VERY SMART, handsome, and FUNNY.":                                           0.9227,
	"VADER is VERY SMART, handsome, and FUNNY!!!":                                         0.9342,
	"VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!":                            0.9469,
	"VADER is not smart, handsome, nor funny.":                                            -0.7424,
	"The book was good.":                                                                  0.4404,
	"At least it isn't a horrible book.":                                                  0.431,
	"The book was only kind of good.":                                                     0.3832,
	"The plot was good, but the characters are uncompelling and the dialog is not great.": -0.7042,
	"Today SUX!": -0.5461,
	"Today only kinda sux! But I'll get by, lol": 0.5249,
	"Make sure you :) or :D today!":              0.8633,
	"Not bad at all":                             0.431,
}

func TestVADERPublished(t *testing.T) {
	r := Default()
	for text, want := range published {
		if got := r.Score(text, nil); math.Abs(got-want) > 0.5e-4 {
			t.Errorf("%q: %.4f, published is %.4f", text, got, want)
		}
	}
}

// The scores of testdata were computed by a separate program, which was written from vaderSentiment's rules and read its
// lexicon, not the port's.
func TestVADERStories(t *testing.T) {
	file, err := os.Open("testdata/vader.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := Default()
	n := 0
	for in := json.NewDecoder(file); ; n++ {
		var line struct {
			Text     string
			Compound float64
		}
		if err := in.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if got := r.Score(line.Text, nil); math.Abs(got-line.Compound) > 1e-12 {
			t.Errorf("%q: %v, want %v", line.Text, got, line.Compound)
		}
	}
	if n < 20 {
		t.Errorf("only %d texts", n)
	}
}

// A word by itself has its valence in the lexicon, normalized. Valences are those of vader_lexicon.txt.
func TestVADERWords(t *testing.T) {
	r := Default()
	for word, valence := range map[string]float64{
		"happy": 2.7, "sad": -2.1, "love": 3.2, "cry": -2.1, "fun": 2.3, "scared": -1.9, "friend": 2.2, "heart": 3.2, "hearts": 3.3,
		"tree": 0, "": 0, "\n": 0,
	} {
		want := valence / math.Sqrt(valence*valence+15)
		for _, text := range []string{word, word + ".", "\n" + word + "\n", "the " + word} {
			if got := r.Score(text, nil); math.Abs(got-want) > 1e-15 {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
	}
}

// Texts at the extremes stay in [-1, 1], and no text is NaN.
func TestVADERBounds(t *testing.T) {
	r := Default()
	for text, want := range map[string]float64{
		strings.Repeat("happy ", 1e5): 1, strings.Repeat("sad ", 1e5): -1, strings.Repeat("!", 1e5): 0, "\xff\xfe": 0,
	} {
		if got := r.Score(text, nil); !(math.Abs(got-want) < 1e-6) {
			t.Errorf("%.10q...: %v, want %v", text, got, want)
		}
	}
}

// Goroutines that share a reward get the scores of a single one; the race detector checks the rest.
func TestVADERShared(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r := Default()
			for text, want := range published {
				if got := r.Score(text, nil); math.Abs(got-want) > 0.5e-4 {
					t.Errorf("%q: %v, want %v", text, got, want)
				}
			}
		})
	}
	wg.Wait()
}

// The cost of a continuation of 64 tokens.
func BenchmarkVADER(b *testing.B) {
	const text = " was so happy. She loved her new red ball, but she could not find it anywhere.\nHer mom said, \"Don't worry, " +
		"Lily! We can look for it together.\" They looked and looked. At last they found it, and Lily gave her mom a big hug."
	r := Default()
	b.ReportAllocs()
	for b.Loop() {
		r.Score(text, nil)
	}
}
