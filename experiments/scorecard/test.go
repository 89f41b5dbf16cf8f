package scorecard

// Test is one column of the scorecard.
type Test struct {
	Name   string  // a group, or a group and a part after a slash
	Asks   string  // the question, in a sentence
	Value  string  // what the value is, with its unit; less is better
	Theory string  // what is expected and why
	Bound  float64 // default largest value that passes
	// Places lists where a loss is measured.
	Places func(s *Subject) []*Place
	// Measure takes a reading at one place.
	Measure func(s *Subject, p *Place) Reading
}

// Reading is what a test finds at one place.
type Reading struct {
	Value  float64
	None   string // why the test does not apply here; the value is then NaN
	Place  *Place // set by the caller of Measure
	Prompt string // where the place has several
	Lambda float64
	Solver string // exact or train, or "" where no policy was needed
	Detail string // the finding in words
	// Reached and Expected are distributions over responses, nil where there are none; Against says what Expected is.
	Reached, Expected []float64
	Against           string
	// Again makes the experiment that reproduces the value; nil where only the scorecard itself does.
	Again func(bound float64) *Recipe

	stack string
}

// none is a reading that says why there is none.
func none(why string) Reading { return Reading{None: why, Value: nan} }

// Tests lists every test, in the order of the columns. A new one is a file of its own and a line here.
func Tests() []*Test {
	return []*Test{
		strongInterpolation,
		weakInterpolation,
		referenceLimit,
		monotone,
		preservation,
		preservationDominated,
		constraintL2,
		constraintEarlyStopping,
		constraintLowRank,
		existenceNeverLoses,
		existenceNeverCompared,
		existenceOnePair,
		existenceFlippedLabels,
		displacement,
		displacementMass,
		intransitive,
		ties,
		mixture,
		misspecifiedReference,
		misspecifiedLambdaLow,
		misspecifiedLambdaHigh,
		gradientBounded,
		gradientMisordered,
		gradientSize,
		sampleEfficiency,
	}
}
