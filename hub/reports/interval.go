package reports

import "math"

const (
	// Hidden is the number of answers below which a result is not shown, so
	// that nobody can be recognised in it.
	Hidden = 5
	// Faint is the number of answers below which a result is shown in grey:
	// its interval is too wide to act on.
	Faint = 30
)

// z95 is the 97.5 % quantile of the normal distribution: 95 % two-sided.
const z95 = 1.959963984540054

// Interval is a range of shares, 0…1.
type Interval struct{ Low, High float64 }

// Wilson is the 95 % score interval of hits out of n.
//
// E. B. Wilson, "Probable inference, the law of succession, and statistical
// inference", JASA 22 (1927) 209–212; recommended for small n by Brown, Cai
// and DasGupta, Statistical Science 16 (2001) 101–133, section 4.1.
// Out of nothing, nothing is known: Wilson(0, 0) is 0…1.
func Wilson(hits, n int) Interval {
	if n <= 0 {
		return Interval{0, 1}
	}
	p, m := float64(hits)/float64(n), float64(n)
	z2 := z95 * z95
	centre := (p + z2/(2*m)) / (1 + z2/m)
	half := z95 / (1 + z2/m) * math.Sqrt(p*(1-p)/m+z2/(4*m*m))
	return Interval{max(0, centre-half), min(1, centre+half)}
}

// Scores counts answers by satisfaction: Scores[0] is 1 (very dissatisfied),
// Scores[4] is 5 (very satisfied).
type Scores [5]int

// Add counts n answers of one score; a score outside 1…5 is no satisfaction
// and is left out.
func (s *Scores) Add(score, n int) {
	if score >= 1 && score <= 5 {
		s[score-1] += n
	}
}

// Without takes out those counted apart.
func (s Scores) Without(apart Scores) Scores {
	for i, n := range apart {
		s[i] -= n
	}
	return s
}

// N is the number of answers.
func (s Scores) N() int { return s[0] + s[1] + s[2] + s[3] + s[4] }

// Satisfied is the number of "satisfied" and "very satisfied". The middle is
// not counted as satisfied.
func (s Scores) Satisfied() int { return s[3] + s[4] }

// Share is satisfied over all, 0…1; 0 when there is no answer.
func (s Scores) Share() float64 {
	if s.N() == 0 {
		return 0
	}
	return float64(s.Satisfied()) / float64(s.N())
}

// Interval is where the share of satisfied may truly lie.
func (s Scores) Interval() Interval { return Wilson(s.Satisfied(), s.N()) }

// Shown says whether there are enough answers to show any result.
func (s Scores) Shown() bool { return s.N() >= Hidden }

// Firm says whether there are enough answers to show it in full colour.
func (s Scores) Firm() bool { return s.N() >= Faint }

// Of is one score's share, 0…1.
func (s Scores) Of(score int) float64 {
	if s.N() == 0 || score < 1 || score > 5 {
		return 0
	}
	return float64(s[score-1]) / float64(s.N())
}
