package scorecard

// Test is one column of the scorecard.
type Test struct {
	Name   string  // a group, or a group and a part after a slash
	Asks   string  // the question, in a sentence
	Value  string  // what the value is, with its unit; less is better
	Theory string  // what is expected and why
	Bound  float64 // default largest value that passes
	// Where lists the environments in which a loss is measured.
	Where func(s *Subject) []*Environment
	// Measure takes a reading in one environment.
	Measure func(s *Subject, p *Environment) Reading
}

// Reading is what a test finds in one environment.
type Reading struct {
	Value       float64
	None        string       // why the test does not apply here; the value is then NaN
	Environment *Environment // set by the caller of Measure
	Prompt      string       // where the environment has several
	Lambda      float64
	Solver      string // exact or train, or "" where no policy was needed
	Detail      string // the finding in words
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
