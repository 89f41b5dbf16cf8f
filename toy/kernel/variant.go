package kernel

// variant is a set of instructions that float32 kernels are written for.
type variant int

// Each variant needs a newer processor than the one before. AVX2 and AVX-512 give the same bytes; the portable code, which
// also serves float64, differs from them by rounding.
const (
	portable variant = iota
	withAVX2
	withAVX512
)

func (v variant) String() string { return [...]string{"portable", "AVX2", "AVX-512"}[v] }

// active is the variant in use. Only tests change it.
var active = newest()

// Rounding names how float32 results are rounded on this processor: "fma" where a product and a sum are rounded once, which
// every variant in assembly does alike, and "portable".
func Rounding() string {
	if active == portable {
		return "portable"
	}
	return "fma"
}
