package main

import "github.com/azr-train/azr/monitor/curves"

// picture shows numbers over the steps, the means over the seeds with bands of one standard error.
type picture struct {
	name, title, label string
	curves             func(rows []row) []curves.Curve
}

const onValidation = "accuracy on the validation file"

var pictures = []picture{
	{"longer", "deduction, programs longer than any in the bootstrap", onValidation, accuracy(longer...)},
	{"deduction", "deduction, all lengths", onValidation, accuracy("deduction")},
	{"abduction", "abduction, all lengths", onValidation, accuracy("abduction")},
	{"induction", "induction, all lengths", onValidation, accuracy("induction")},
	{"proposals", "proposals of self-play", "share, rate", ofProposals},
}

// accuracy is a curve an arm: the mean over parts of the validation file that were measured.
func accuracy(parts ...string) func([]row) []curves.Curve {
	return func(rows []row) (list []curves.Curve) {
		for _, r := range rows {
			points := overSeeds(r.results, func(result result) []point {
				var points []point
				for _, m := range result.Validation {
					if _, ok := m.Accuracy[parts[0]]; ok {
						points = append(points, point{m.Step, m.mean(parts)})
					}
				}
				return points
			})
			if len(points) > 0 {
				list = append(list, curves.Curve{Name: r.name, Points: points})
			}
		}
		return list
	}
}

func (m measured) mean(parts []string) (sum float64) {
	for _, part := range parts {
		sum += m.Accuracy[part] / float64(len(parts))
	}
	return sum
}

// ofProposals are three curves of self-play.
func ofProposals(rows []row) (list []curves.Curve) {
	for _, r := range rows {
		if r.name != selfPlay {
			continue
		}
		for _, c := range []struct {
			name string
			of   func(proposals) float64
		}{
			{"valid", func(p proposals) float64 { return p.Valid }},
			{"learnability", func(p proposals) float64 { return p.Learnability }},
			{"solve rate", func(p proposals) float64 { return p.SolveRate }},
		} {
			points := overSeeds(r.results, func(result result) []point {
				var points []point
				for _, p := range result.Proposals {
					points = append(points, point{p.Step, c.of(p)})
				}
				return points
			})
			if len(points) > 0 {
				list = append(list, curves.Curve{Name: c.name, Points: points})
			}
		}
	}
	return list
}

// point is a number of one seed at a step.
type point struct {
	step  int
	value float64
}

// overSeeds takes the mean of each point over the results that have it, in the order of the first one's.
func overSeeds(results []result, of func(result) []point) (points []curves.Point) {
	values := map[int][]float64{}
	var steps []int
	for _, r := range results {
		for _, p := range of(r) {
			if values[p.step] == nil {
				steps = append(steps, p.step)
			}
			values[p.step] = append(values[p.step], p.value)
		}
	}
	for _, step := range steps {
		e := estimated(values[step])
		low, high := e.mean, e.mean
		if e.n > 1 {
			low, high = e.mean-e.se, e.mean+e.se
		}
		points = append(points, curves.Point{Step: step, Mean: e.mean, Low: low, High: high})
	}
	return points
}
