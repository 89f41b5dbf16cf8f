package inference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/inference"
	_ "windtunnel/toy/fixedseed"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)

	// Student's sleep data (1908), hours of extra sleep under two drugs, as R's data set sleep has them.
	drug1 = []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}
	drug2 = []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	// Darwin's maize (Fisher 1935, The design of experiments, section 17), differences in eighths of an inch.
	maize = []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}
	// Hours between failures of air conditioning (Davison and Hinkley 1997, example 1.1).
	aircondit = []float64{3, 5, 7, 18, 43, 85, 91, 98, 100, 130, 230, 487}
)

// near says whether two numbers agree to a relative tolerance; NaN agrees with NaN.
func near(got, want, tolerance float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= tolerance*math.Abs(want)
}

func want(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !near(got, want, tolerance) {
		t.Errorf("%s: %.17g, want %.17g", what, got, want)
	}
}

// alternating is center, then n pairs of center-0.1 and center+0.1, as NIST's NumAcc3 and NumAcc4 are built.
func alternating(center, low, high float64, pairs int) []float64 {
	x := []float64{center}
	for range pairs {
		x = append(x, low, high)
	}
	return x
}

// Certified values of NIST's Statistical Reference Datasets, univariate: NumAcc1 to NumAcc4. The numbers cannot be
// stored exactly, which alone costs some digits of NumAcc4's deviation.
func TestDescribeCertified(t *testing.T) {
	for name, c := range map[string]struct {
		x                   []float64
		mean, sd, tolerance float64
	}{
		"NumAcc1": {[]float64{10000001, 10000003, 10000002}, 10000002, 1, 0},
		"NumAcc2": {alternating(1.2, 1.1, 1.3, 500), 1.2, 0.1, 1e-14},
		"NumAcc3": {alternating(1000000.2, 1000000.1, 1000000.3, 500), 1000000.2, 0.1, 1e-9},
		"NumAcc4": {alternating(10000000.2, 10000000.1, 10000000.3, 500), 10000000.2, 0.1, 1e-8},
	} {
		d := inference.Describe(c.x)
		want(t, name+" mean", d.Mean, c.mean, 1e-15)
		want(t, name+" sd", d.SD, c.sd, c.tolerance)
		want(t, name+" se", d.SE, c.sd/math.Sqrt(float64(len(c.x))), c.tolerance)
	}
}

// Quantiles as R's quantile and numpy.quantile give them by default.
func TestDescribe(t *testing.T) {
	for name, c := range map[string]struct {
		x    []float64
		want inference.Description
	}{
		"powers":       {[]float64{64, 1, 2, 4, 8, 16, 32}, inference.Description{N: 7, Mean: 127. / 7, SD: 22.937804104640385, SE: 8.6696750403992926, Min: 1, Q25: 3, Median: 8, Q75: 24, Max: 64}},
		"two":          {[]float64{3, 1}, inference.Description{N: 2, Mean: 2, SD: math.Sqrt2, SE: 1, Min: 1, Q25: 1.5, Median: 2, Q75: 2.5, Max: 3}},
		"one":          {[]float64{5}, inference.Description{N: 1, Mean: 5, SD: nan, SE: nan, Min: 5, Q25: 5, Median: 5, Q75: 5, Max: 5}},
		"none":         {nil, inference.Description{Mean: nan, SD: nan, SE: nan, Min: nan, Q25: nan, Median: nan, Q75: nan, Max: nan}},
		"missing":      {[]float64{nan, 1, nan, 3}, inference.Description{N: 2, Missing: 2, Mean: 2, SD: math.Sqrt2, SE: 1, Min: 1, Q25: 1.5, Median: 2, Q75: 2.5, Max: 3}},
		"equal":        {[]float64{0.1, 0.1, 0.1}, inference.Description{N: 3, Mean: 0.1, Min: 0.1, Q25: 0.1, Median: 0.1, Q75: 0.1, Max: 0.1}},
		"infinite":     {[]float64{1, inf, 2}, inference.Description{N: 3, Infinite: 1, Mean: inf, SD: nan, SE: nan, Min: 1, Q25: 1.5, Median: 2, Q75: inf, Max: inf}},
		"both ends":    {[]float64{-inf, inf}, inference.Description{N: 2, Infinite: 2, Mean: nan, SD: nan, SE: nan, Min: -inf, Q25: nan, Median: nan, Q75: nan, Max: inf}},
		"largest":      {[]float64{math.MaxFloat64, 0}, inference.Description{N: 2, Mean: math.MaxFloat64 / 2, SD: math.MaxFloat64 / math.Sqrt2, SE: math.MaxFloat64 / 2, Min: 0, Q25: math.MaxFloat64 / 4, Median: math.MaxFloat64 / 2, Q75: math.MaxFloat64 * 0.75, Max: math.MaxFloat64}},
		"smaller than": {[]float64{1e-300, 3e-300}, inference.Description{N: 2, Mean: 2e-300, SD: math.Sqrt2 * 1e-300, SE: 1e-300, Min: 1e-300, Q25: 1.5e-300, Median: 2e-300, Q75: 2.5e-300, Max: 3e-300}},
	} {
		d := inference.Describe(c.x)
		if d.N != c.want.N || d.Missing != c.want.Missing || d.Infinite != c.want.Infinite {
			t.Errorf("%s: counts of %+v, want %+v", name, d, c.want)
		}
		for what, pair := range map[string][2]float64{
			"mean": {d.Mean, c.want.Mean}, "sd": {d.SD, c.want.SD}, "se": {d.SE, c.want.SE}, "min": {d.Min, c.want.Min}, "max": {d.Max, c.want.Max},
			"q25": {d.Q25, c.want.Q25}, "median": {d.Median, c.want.Median}, "q75": {d.Q75, c.want.Q75},
		} {
			want(t, name+" "+what, pair[0], pair[1], 1e-8)
		}
	}
}

// Equal values have exactly their mean and no deviation, whatever rounding does to their sum.
func TestDescribeEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		if d := inference.Describe(slices.Repeat([]float64{v}, rapid.IntRange(2, 100).Draw(t, "n"))); d.Mean != v || d.SD != 0 || d.Median != v {
			t.Fatalf("%+v of %g", d, v)
		}
	})
}

func TestQuantile(t *testing.T) {
	x := []float64{1, 2, 4, 8, 16, 32, 64}
	for p, q := range map[float64]float64{0: 1, 0.1: 1.6, 0.9: 44.8, 1: 64} { // R 4.2.2
		want(t, fmt.Sprint(p), inference.Quantile(x, p), q, 1e-14)
	}
}

// Describing does not depend on the order, follows shifts and factors, and leaves its argument alone.
func TestDescribeInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 30).Draw(t, "x")
		before := slices.Clone(x)
		d := inference.Describe(x)
		if !slices.Equal(x, before) {
			t.Fatal("the sample was changed")
		}
		reversed := slices.Clone(x)
		slices.Reverse(reversed)
		if inference.Describe(reversed) != d {
			t.Fatalf("%+v depends on the order", d)
		}
		if !(d.Min <= d.Q25 && d.Q25 <= d.Median && d.Median <= d.Q75 && d.Q75 <= d.Max) || d.Mean < d.Min-1e-9 || d.Mean > d.Max+1e-9 {
			t.Fatalf("%+v is out of order", d)
		}
		for i := range x {
			x[i] = 1024*x[i] + 0
		}
		if s := inference.Describe(x); !near(s.SD, 1024*d.SD, 1e-12) || !near(s.Mean, 1024*d.Mean, 1e-12) {
			t.Fatalf("%+v scaled by 1024 is %+v", d, s)
		}
		if i := d.MeanInterval(); !i.Contains(d.Mean) {
			t.Fatalf("%+v does not contain the mean of %+v", i, d)
		}
	})
}

// Student's own data and Darwin's, with the numbers of R's t.test.
func TestMeanInterval(t *testing.T) {
	i := inference.MeanInterval(maize)
	want(t, "low", i.Low, 0.031193318392974231, 1e-9)
	want(t, "high", i.High, 41.835473348273687577, 1e-12)
	if i.Warning != "" || i.Method != "student-t 95% of the mean" {
		t.Errorf("%+v", i)
	}
	// Of two values the interval is their mean -+ 12.7062 times half their distance.
	two := inference.MeanInterval([]float64{1, 3})
	want(t, "two", two.High, 2+12.7062047361746941, 1e-12)
}

// The ends of an interval belong to it.
func TestContains(t *testing.T) {
	i := inference.Interval{Low: 1, High: 2}
	for v, want := range map[float64]bool{math.Nextafter(1, 0): false, 1: true, 1.5: true, 2: true, math.Nextafter(2, 3): false, nan: false} {
		if i.Contains(v) != want {
			t.Errorf("%+v contains %v: %v", i, v, !want)
		}
	}
}

// What has no interval says why.
func TestNoInterval(t *testing.T) {
	boot := inference.Bootstrap{Resamples: 100}
	for what, c := range map[string]struct {
		got  inference.Interval
		want string
	}{
		"t of one":        {inference.MeanInterval([]float64{1}), "an interval needs at least 2 values, there is 1"},
		"t of none":       {inference.MeanInterval(nil), "an interval needs at least 2 values, there are 0"},
		"t, missing":      {inference.MeanInterval([]float64{1, nan}), "an interval needs at least 2 values, there is 1"},
		"t, infinite":     {inference.MeanInterval([]float64{1, 2, inf}), "1 of 3 values are infinite, so that there is no interval of the mean"},
		"bca of one":      {boot.BCa([]float64{1}), "an interval needs at least 2 values, there is 1"},
		"bca, infinite":   {boot.BCa([]float64{1, 2, inf}), "1 of 3 values are infinite, so that there is no interval of the mean"},
		"bca, no bias":    {inference.Bootstrap{Resamples: 1}.BCa(aircondit), "1 resamples are too few"},
		"wilson of none":  {inference.WilsonInterval(0, 0), "an interval needs at least 1 value, there are 0"},
		"paired with one": {inference.Compare([]float64{1, nan}, []float64{2, 3}).Interval, "an interval needs at least 2 values, there is 1"},
	} {
		if c.got.Known() || c.got.Contains(1) || !strings.HasPrefix(c.got.Warning, c.want) || c.got.Method == "" {
			t.Errorf("%s: %+v, want none and %q", what, c.got, c.want)
		}
	}
}

// Intervals of equal values have no width.
func TestEqualValues(t *testing.T) {
	x := []float64{0.1, 0.1, 0.1, 0.1}
	for _, i := range []inference.Interval{inference.MeanInterval(x), inference.Bootstrap{Resamples: 10}.BCa(x)} {
		if i.Low != 0.1 || i.High != 0.1 || i.Warning != "" {
			t.Errorf("%+v, want 0.1 to 0.1", i)
		}
	}
}

// Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, to more digits by R's prop.test.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		successes, n int
		low, high    float64
	}{
		{81, 263, 0.25528851987827428, 0.36620957698280016},
		{15, 148, 0.062386399530736283, 0.160487241723308},
		{0, 20, 0, 0.1611251580528193},
		{1, 29, 0.006113214292762661, 0.171755218793202824},
		{29, 29, 0.88303020150025935, 1},
	} {
		i := inference.WilsonInterval(c.successes, c.n)
		want(t, fmt.Sprint(c, " low"), i.Low, c.low, 1e-10)
		want(t, fmt.Sprint(c, " high"), i.High, c.high, 1e-10)
	}
}

// The ends of the interval are the probabilities at which the score statistic is the normal quantile.
func TestWilsonSolvesItsEquation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		i := inference.WilsonInterval(k, n)
		share := float64(k) / float64(n)
		if !i.Contains(share) || i.Low < 0 || i.High > 1 {
			t.Fatalf("%d of %d: %+v", k, n, i)
		}
		for _, p := range []float64{i.Low, i.High} {
			const z2 = 3.841458820694124 // the 0.95-quantile of chi squared with one degree of freedom
			if left, right := (share-p)*(share-p), z2*p*(1-p)/float64(n); !(math.Abs(left-right) <= 1e-12) {
				t.Fatalf("%d of %d: score at %g is %g, want %g", k, n, p, left, right)
			}
		}
		other := inference.WilsonInterval(n-k, n)
		if !near(1-i.Low, other.High, 1e-12) {
			t.Fatalf("%+v and %+v are no mirror images", i, other)
		}
	})
}

// scipy.stats.bootstrap 1.10.1 (BCa, a million resamples) gives 57.0 to 226.17 for the air conditioning, and going through
// all multisets of the eight values gives 6.25 to 38.25 by the formulas of Efron and Tibshirani. Their own resamples
// differ, so the ends may by some hundredths of the width.
func TestBCa(t *testing.T) {
	boot := inference.Bootstrap{Resamples: 100_000, Seed: 1}
	for _, c := range []struct {
		x         []float64
		low, high float64
	}{
		{aircondit, 57.0, 226.1666667},
		{[]float64{1, 2, 4, 8, 16, 32, 64, 3}, 6.25, 38.25},
		{[]float64{-9, -7, -5, -3, -1, 1, 3, 5, 7, 9}, -3.6, 3.6}, // symmetric, so by percentiles of all 10^10 resamples
	} {
		i := boot.BCa(c.x)
		if width := c.high - c.low; !(math.Abs(i.Low-c.low) <= 0.01*width) || !(math.Abs(i.High-c.high) <= 0.02*width) {
			t.Errorf("%+v, want %g to %g", i, c.low, c.high)
		}
		if few := len(c.x) < 10; few != (i.Warning != "") {
			t.Errorf("%d values: warning %q", len(c.x), i.Warning)
		}
	}
}

// The same seed gives the same interval whatever the order of the values; another seed gives another.
func TestBCaSeed(t *testing.T) {
	boot := inference.Bootstrap{Resamples: 200, Seed: 7}
	first := boot.BCa(aircondit)
	reversed := slices.Clone(aircondit)
	slices.Reverse(reversed)
	if again := boot.BCa(reversed); again != first {
		t.Errorf("%+v, then %+v", first, again)
	}
	boot.Seed = 8
	if other := boot.BCa(aircondit); other == first {
		t.Errorf("%+v with two seeds", first)
	}
}

// The bootstrap follows shifts and factors of either sign of exponent, up to rounding.
func TestBCaInvariants(t *testing.T) {
	boot := inference.Bootstrap{Resamples: 200, Seed: 3}
	base := boot.BCa(aircondit)
	for _, factor := range []float64{math.Ldexp(1, -900), 1, math.Ldexp(1, 900)} {
		x := slices.Clone(aircondit)
		for i := range x {
			x[i] = factor * x[i]
		}
		got := boot.BCa(x)
		if !near(got.Low, factor*base.Low, 1e-12) || !near(got.High, factor*base.High, 1e-12) {
			t.Errorf("times %g: %+v, from %+v", factor, got, base)
		}
	}
}

// Of 95 % intervals about 95 % contain the truth: Student's of normal samples, Wilson's of coins, BCa's of skewed samples
// nearly. The bounds are four standard errors of the share around the nominal or, for BCa, from what is known of it.
func TestCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: simulates 2000 samples of each kind")
	}
	const samples, n = 2000, 20
	random := rand.New(rand.NewPCG(1, 2))
	boot := inference.Bootstrap{Resamples: 500, Seed: 1}
	var student, wilson, bca int
	count := func(hits *int, i inference.Interval, truth float64) {
		if i.Contains(truth) {
			*hits++
		}
	}
	for range samples {
		normal, skewed, heads := make([]float64, n), make([]float64, n), 0
		for i := range n {
			normal[i], skewed[i] = 3+2*random.NormFloat64(), random.ExpFloat64()
			if random.Float64() < 0.3 {
				heads++
			}
		}
		count(&student, inference.MeanInterval(normal), 3)
		count(&wilson, inference.WilsonInterval(heads, n), 0.3)
		count(&bca, boot.BCa(skewed), 1)
	}
	for _, c := range []struct {
		name      string
		hits      int
		low, high float64
	}{{"student", student, 0.93, 0.97}, {"wilson", wilson, 0.93, 0.985}, {"bca", bca, 0.88, 0.95}} {
		if share := float64(c.hits) / samples; share < c.low || share > c.high {
			t.Errorf("%s contains the truth in %.3f of samples, want %g to %g", c.name, share, c.low, c.high)
		}
	}
}

func ExampleMeanInterval() {
	fmt.Println(inference.MeanInterval([]float64{0.31}).Warning)
	// Output: an interval needs at least 2 values, there is 1
}
