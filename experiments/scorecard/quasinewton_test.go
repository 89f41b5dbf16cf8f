package scorecard

import (
	"math"
	"testing"
)

// valley is Rosenbrock's function and a variant with a kink along the valley's floor (Lewis and Overton 2013, section 5.5),
// both least at (1, 1).
type valley struct {
	kinked bool
	x, y   float64
}

func (v *valley) loss(x []float64) float64 {
	v.x, v.y = x[0], x[1]
	off := v.y - v.x*v.x
	if v.kinked {
		return 8*math.Abs(off) + (1-v.x)*(1-v.x)
	}
	return 100*off*off + (1-v.x)*(1-v.x)
}

func (v *valley) slope(grad []float64) {
	off := v.y - v.x*v.x
	by := 200 * off
	if v.kinked {
		by = math.Copysign(8, off)
	}
	grad[0], grad[1] = -2*v.x*by-2*(1-v.x), by
}

// The search reaches published minima of a smooth function and of one with a kink.
func TestQuasiNewton(t *testing.T) {
	for _, c := range []struct {
		kinked bool
		near   float64
	}{{false, 1e-7}, {true, 1e-4}} {
		x := []float64{-1.2, 1}
		quasiNewton(&valley{kinked: c.kinked}, x, 1e-10, 1e-6)
		if off := math.Max(math.Abs(x[0]-1), math.Abs(x[1]-1)); !(off < c.near) {
			t.Errorf("kinked %v: ended at %v, want (1, 1)", c.kinked, x)
		}
	}
}
