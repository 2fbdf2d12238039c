package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEstimates(t *testing.T) {
	e := estimated([]float64{0.5, 0.6, 0.7})
	assert.InDelta(t, 0.6, e.mean, 1e-12)
	assert.InDelta(t, 0.1/math.Sqrt(3), e.se, 1e-12)
	assert.Equal(t, "60.0 ± 5.8", e.String())
	one := estimated([]float64{0.25})
	assert.Equal(t, "25.0", one.String())
	d := e.minus(one)
	assert.InDelta(t, 0.35, d.mean, 1e-12)
	assert.InDelta(t, e.se, d.se, 1e-12)
	assert.True(t, d.clear())
	assert.InDelta(t, 0.1*math.Sqrt(4.0/3), e.minus(e.asOne(one)).se, 1e-12)
	assert.False(t, one.minus(e).clear())
	alone := estimated([]float64{0.5}).minus(one)
	assert.Equal(t, "25.0", alone.String())
	assert.False(t, alone.clear(), "nothing is known of its error")
	assert.False(t, estimate{mean: 0.1, se: 0.05}.clear(), "exactly two standard errors are not more than two")
}
