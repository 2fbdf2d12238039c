package main

import (
	"fmt"
	"math"
)

// estimate is a mean over seeds with its standard error; the error of one seed is not known.
type estimate struct {
	mean, se float64
	n        int
}

func estimated(values []float64) estimate {
	e := estimate{n: len(values), se: math.NaN()}
	for _, v := range values {
		e.mean += v / float64(e.n)
	}
	if e.n > 1 {
		squares := 0.0
		for _, v := range values {
			squares += (v - e.mean) * (v - e.mean)
		}
		e.se = math.Sqrt(squares / float64(e.n-1) / float64(e.n))
	}
	return e
}

// String is the estimate in percent, "52.3 ± 1.4".
func (e estimate) String() string { return e.format("%.1f") }

func (e estimate) format(mean string) string {
	if math.IsNaN(e.se) {
		return fmt.Sprintf(mean, 100*e.mean)
	}
	return fmt.Sprintf(mean+" ± %.1f", 100*e.mean, 100*e.se)
}

// asOne gives an estimate of one run the error that one run of e's has: its seeds are taken to lie as far apart.
func (e estimate) asOne(o estimate) estimate {
	o.se = e.se * math.Sqrt(float64(e.n))
	return o
}

// minus is the difference; a base that is merely scored adds no error of seeds. Of two single runs nothing is known of it.
func (e estimate) minus(o estimate) estimate {
	if math.IsNaN(e.se) && math.IsNaN(o.se) {
		return estimate{e.mean - o.mean, math.NaN(), 1}
	}
	variance := 0.0
	for _, se := range []float64{e.se, o.se} {
		if !math.IsNaN(se) {
			variance += se * se
		}
	}
	return estimate{e.mean - o.mean, math.Sqrt(variance), min(e.n, o.n)}
}

// clear tells whether a difference is above zero by more than two standard errors.
func (e estimate) clear() bool { return e.mean > 2*e.se }
