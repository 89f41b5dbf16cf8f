package plots

// cffCalls finds the subroutines that charstrings call (Adobe Technical Note 5177, The Type 2 Charstring Format), so that a
// subset of a font leaves out the others, which are most of it.
type cffCalls struct {
	global, local         [][]byte
	usedGlobal, usedLocal map[int]bool
	stack                 []int
	stems, depth          int
}

// Operators of a charstring.
const (
	csHStem, csVStem, csHStemHM, csVStemHM = 1, 3, 18, 23
	csCallSubr, csReturn, csEscape         = 10, 11, 12
	csEndChar, csHintMask, csCntrMask      = 14, 19, 20
	csShortInt, csCallGSubr                = 28, 29
	csFirstNumber, csFixed                 = 32, 255
)

// trace follows a glyph.
func (c *cffCalls) trace(charstring []byte) {
	c.stack, c.stems, c.depth = c.stack[:0], 0, 0
	c.run(charstring)
}

// run executes a charstring as far as its calls need it and says whether the glyph goes on after it.
func (c *cffCalls) run(code []byte) bool {
	if c.depth++; c.depth > 10 { // the limit of the format
		panic(errCFF)
	}
	defer func() { c.depth-- }()
	for i := 0; i < len(code); {
		b := int(code[i])
		if b >= csFirstNumber || b == csShortInt {
			n := c.push(code[i:])
			i += n
			continue
		}
		i++
		switch b {
		case csReturn:
			return true
		case csEndChar:
			return false
		case csCallSubr:
			if !c.call(c.local, c.usedLocal) {
				return false
			}
			continue
		case csCallGSubr:
			if !c.call(c.global, c.usedGlobal) {
				return false
			}
			continue
		case csHStem, csVStem, csHStemHM, csVStemHM:
			c.stems += len(c.stack) / 2
		case csHintMask, csCntrMask: // what is on the stack are vertical stems
			c.stems += len(c.stack) / 2
			i += (c.stems + 7) / 8
		case csEscape:
			i++
		}
		c.stack = c.stack[:0]
	}
	return true
}

// push reads a number and says how many bytes it takes.
func (c *cffCalls) push(code []byte) int {
	if code[0] == csFixed { // 16.16, which no subroutine's number is
		c.stack = append(c.stack, 0)
		return 5
	}
	v, n := cffNumber(code)
	c.stack = append(c.stack, v)
	return n
}

// call runs the subroutine whose number is on top of the stack.
func (c *cffCalls) call(subrs [][]byte, used map[int]bool) bool {
	bias := 107
	switch {
	case len(subrs) >= 33900:
		bias = 32768
	case len(subrs) >= 1240:
		bias = 1131
	}
	last := len(c.stack) - 1
	n := c.stack[last] + bias
	c.stack = c.stack[:last]
	used[n] = true
	return c.run(subrs[n])
}

// only keeps the subroutines that are used; the others return at once, as some readers refuse empty ones.
func only(subrs [][]byte, used map[int]bool) [][]byte {
	kept := make([][]byte, len(subrs))
	for i := range kept {
		kept[i] = []byte{csReturn}
		if used[i] {
			kept[i] = subrs[i]
		}
	}
	return kept
}
