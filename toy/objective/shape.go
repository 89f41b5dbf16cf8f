package objective

// End is what a function psi does as its argument goes to an infinity.
type End int

// Ends. Only Rises and Plunges are unbounded.
const (
	Unknown   End = iota // nobody has said
	Rises                // psi grows without bound
	Saturates            // psi tends to a finite value strictly from below: coming back lowers it
	Level                // psi is constant from some finite argument on, and least there
	Falls                // psi tends strictly from above to its infimum, which it takes nowhere
	Plunges              // psi falls without bound
)

// Unattained says whether psi falls for ever towards this end.
func (e End) Unattained() bool { return e == Falls || e == Plunges }

// Convexity is how much of a function is known to be convex.
type Convexity int

// Convexities.
const (
	NotConvex      Convexity = iota // nothing is known
	Weak                            // psi'' >= 0
	StrictAtLosses                  // convex, and strictly so on z <= 0
	Strict                          // psi is strictly convex everywhere
)

// Shape is what is known of a function psi of one number, as far as the existence and the uniqueness of minimizers depend on
// it.
type Shape struct {
	Low, High End // at -Inf and at +Inf
	Convexity Convexity
	Monotone  bool    // psi' is nowhere 0
	Hinge     bool    // psi is max(0, 1-z)
	Sigmoid   float64 // psi is this multiple of sigmoid(z), plus a constant; 0 where it is something else
}

// Attained says whether psi reaches its infimum. Where it does not (logistic loss), a response that never loses has no
// finite minimizer.
func (s Shape) Attained() bool { return !s.Low.Unattained() && !s.High.Unattained() }

// Bounded says whether psi is, on both sides.
func (s Shape) Bounded() bool {
	return s.Low != Rises && s.Low != Plunges && s.High != Rises && s.High != Plunges
}

// Decreasing says whether psi' < 0 everywhere.
func (s Shape) Decreasing() bool { return s.Monotone && s.High.Unattained() }

// Shaped is an Outer whose shape is known. Of others the exact solver says that it cannot decide.
type Shaped interface {
	Outer
	Shape() Shape
}

// ShapeOf returns the shape of psi, and whether it is known.
func ShapeOf(psi Outer) (Shape, bool) {
	if s, ok := psi.(Shaped); ok {
		shape := s.Shape()
		return shape, shape.Low != Unknown && shape.High != Unknown
	}
	return Shape{}, false
}

// mirrored is the shape of weight sigmoid(z) plus a constant: bounded, monotone, in opposite directions for opposite
// weights.
func mirrored(weight float64) Shape {
	switch {
	case weight > 0:
		return Shape{Low: Falls, High: Saturates, Monotone: true, Sigmoid: weight}
	case weight < 0:
		return Shape{Low: Saturates, High: Falls, Monotone: true, Sigmoid: weight}
	}
	return Shape{Low: Level, High: Level, Convexity: Weak}
}

// Structure is what a pair term is made of: for each comparison psi of a margin, plus a function of either response. What
// does not depend on the policy (offsets, positive factors of a comparison) is left out.
//
// A solver asks for the structures of an objective's Bandit form, in which formulas are margin losses and losses of single
// responses where they can be. Where a formula holds a part back, its term there is Resting: its structure is that of its
// Potential, with Held set, and the policies at which training rests are that term's stationary points. A formula that cannot be
// taken apart is no Structured term.
type Structure struct {
	Margin           *Shape // of an increasing function of t_w - t_l; nil where there is no such part
	Chosen, Rejected *Shape // of an increasing function of t_w, of t_l; nil where there is none
	Link             Link   // t as a function of the log-ratio (or log-probability); nil is the identity
	ReferenceFree    bool   // t is a function of the log-probability, which is never positive
	Raised           bool   // the chosen response's t is raised or steepened by another, concave link, the identity above 0
	Dispersed        bool   // the margin is scaled by the prompt's dispersion index, and constant where that is 0
	Coupled          bool   // psi is of margins or sides by quantile, not of each comparison's own
	Invariant        bool   // the same constant added to all log-probabilities changes no function of a single response, in sum
	Symmetric        bool   // what is held is a positive factor, the same for a comparison and its opposite
	Held             bool   // a statistic is held back from differentiation: the gradient is that of no loss, it has rest points
}

// Structured is a pair term whose structure is known.
type Structured interface {
	PairTerm
	// Structure returns the structure, and false where a part is an Outer of unknown shape.
	Structure() (Structure, bool)
}
