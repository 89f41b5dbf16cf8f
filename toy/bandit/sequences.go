package bandit

// Sequences is the shape of responses that are sequences of tokens: all sequences of Length tokens 0..Vocabulary-1.
// A response's index is the number that its tokens spell in base Vocabulary, most significant digit first: of 2 tokens
// over a vocabulary of 8, response 11 is the sequence 1, 3.
type Sequences struct {
	Vocabulary int // V, at least 2
	Length     int // T, at least 1
}

// Responses returns K = V^T.
func (s Sequences) Responses() int {
	k := 1
	for range s.Length {
		k *= s.Vocabulary
	}
	return k
}

// Tokens appends the tokens of a response to dst.
func (s Sequences) Tokens(response int, dst []int) []int {
	for divisor := s.Responses() / s.Vocabulary; divisor > 0; divisor /= s.Vocabulary {
		dst = append(dst, response/divisor%s.Vocabulary)
	}
	return dst
}

// Index returns the response that consists of the given tokens, the inverse of Tokens.
func (s Sequences) Index(tokens []int) int {
	index := 0
	for _, token := range tokens {
		index = index*s.Vocabulary + token
	}
	return index
}
