package eval

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// Report is the result of a benchmark.
type Report struct {
	Sampling azr.Sampling `json:"sampling"`
	Rollouts int          `json:"rollouts"`
	// Scores has one entry for each task type that has tasks, in canonical order, and "all" at the end.
	Scores []Score `json:"scores"`
	// Sizes has one entry for each task type and [azr.Measures].Size that has tasks, sizes ascending; none where no task
	// was measured.
	Sizes []Score `json:"sizes,omitempty"`
	// Answers are in the order of the tasks, then of the rollouts.
	Answers []Answer `json:"answers"`
}

// Score sums up the answers to the tasks of one type, or to all.
type Score struct {
	// Name is the task type, with the size if the score is of one, or "all".
	Name  string `json:"name"`
	Tasks int    `json:"tasks"`
	// Answers counts them all; Passed, Failed, Faults, Malformed and Unchecked add up to it.
	Answers   int `json:"answers"`
	Passed    int `json:"passed"`
	Failed    int `json:"failed"`
	Faults    int `json:"faults"`
	Malformed int `json:"malformed"`
	Unchecked int `json:"unchecked"`
	// Truncated counts the malformed ones that were cut at the token limit.
	Truncated int `json:"truncated"`
	// ParseRate is the share of completions with an answer in the required format; 0 if there are no completions.
	ParseRate float64 `json:"parse_rate"`
	// Accuracy is null if no answer could be checked.
	Accuracy *Interval `json:"accuracy"`
	// AccuracyParsed counts only answers in the required format; null if there is none.
	AccuracyParsed *Interval `json:"accuracy_parsed"`
	// PassAt holds pass@k for the powers of two up to Rollouts, and for Rollouts.
	PassAt []PassAt `json:"pass_at"`
}

// Interval is a mean with its Wilson score interval at 95 % confidence.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// PassAt is the chance that at least one of K answers is right.
type PassAt struct {
	K    int     `json:"k"`
	Mean float64 `json:"mean"`
	// Tasks counts those that have at least K checked answers; the others are left out.
	Tasks int `json:"tasks"`
}

// tried is how a task went: checked answers n, and right ones c.
type tried struct{ n, c int }

func newReport(cfg Config, tasks []azr.Task, answers []Answer) Report {
	r := Report{Sampling: cfg.Sampling, Rollouts: cfg.Rollouts, Answers: answers}
	for _, typ := range azr.AllTaskTypes {
		s := score(typ.String(), cfg.Rollouts, tasks, answers, func(t azr.Task) bool { return t.Type == typ })
		if s.Tasks > 0 {
			r.Scores = append(r.Scores, s)
		}
		for _, size := range sizesOf(tasks, typ) {
			r.Sizes = append(r.Sizes, score(fmt.Sprintf("%s %d", typ, size), cfg.Rollouts, tasks, answers,
				func(t azr.Task) bool { return t.Type == typ && t.Measures.Size == size }))
		}
	}
	r.Scores = append(r.Scores, score("all", cfg.Rollouts, tasks, answers, func(azr.Task) bool { return true }))
	return r
}

// sizesOf lists the sizes of a type's measured tasks, ascending.
func sizesOf(tasks []azr.Task, t azr.TaskType) []int {
	var sizes []int
	for _, task := range tasks {
		if task.Type == t && task.Measures.Size > 0 && !slices.Contains(sizes, task.Measures.Size) {
			sizes = append(sizes, task.Measures.Size)
		}
	}
	slices.Sort(sizes)
	return sizes
}

func score(name string, rollouts int, tasks []azr.Task, answers []Answer, in func(azr.Task) bool) Score {
	s := Score{Name: name}
	var tries []tried
	completions := 0
	for i, task := range tasks {
		if !in(task) {
			continue
		}
		s.Tasks++
		var t tried
		for _, a := range answers[i*rollouts : (i+1)*rollouts] {
			s.add(a)
			if a.Finish != azr.PromptTooLong {
				completions++
			}
			if a.Verdict.Outcome != azr.Unchecked {
				t.n++
			}
			if a.Verdict.Outcome == azr.Pass {
				t.c++
			}
		}
		tries = append(tries, t)
	}
	if completions > 0 {
		s.ParseRate = float64(completions-s.Malformed) / float64(completions)
	}
	s.Accuracy = accuracy(tries)
	if parsed := s.Passed + s.Failed + s.Faults; parsed > 0 {
		interval := wilson(float64(s.Passed)/float64(parsed), parsed)
		s.AccuracyParsed = &interval
	}
	for k := 1; k <= rollouts; k *= 2 {
		s.PassAt = append(s.PassAt, passAt(k, tries))
	}
	if last := s.PassAt[len(s.PassAt)-1].K; last < rollouts {
		s.PassAt = append(s.PassAt, passAt(rollouts, tries))
	}
	return s
}

// add counts an answer.
func (s *Score) add(a Answer) {
	s.Answers++
	switch a.Verdict.Outcome {
	case azr.Pass:
		s.Passed++
	case azr.Fail:
		s.Failed++
	case azr.Fault:
		s.Faults++
	case azr.Malformed:
		s.Malformed++
	default:
		s.Unchecked++
	}
	if a.Finish == azr.Truncated {
		s.Truncated++
	}
}

// accuracy is the mean over tasks of their share of right answers. Answers to
// one task are not independent, so the interval counts tasks, not answers: with
// several rollouts it is wider than it need be, never narrower.
func accuracy(tries []tried) *Interval {
	sum, tasks := 0.0, 0
	for _, t := range tries {
		if t.n > 0 {
			sum += float64(t.c) / float64(t.n)
			tasks++
		}
	}
	if tasks == 0 {
		return nil
	}
	interval := wilson(sum/float64(tasks), tasks)
	return &interval
}

// wilson is the score interval of Wilson (1927) for a share p of n trials at 95 % confidence.
func wilson(p float64, n int) Interval {
	const z = 1.959963984540054 // the normal distribution's 97.5th percentile
	m := float64(n)
	scale := 1 / (1 + z*z/m)
	center := scale * (p + z*z/(2*m))
	half := scale * z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Interval{Mean: p, Low: min(p, max(0, center-half)), High: max(p, min(1, center+half))}
}

// passAt is the mean over tasks of the unbiased estimate 1 - C(n-c, k) / C(n, k)
// (Chen et al., arXiv 2107.03374, equation 1).
func passAt(k int, tries []tried) PassAt {
	p := PassAt{K: k}
	sum := 0.0
	for _, t := range tries {
		if t.n < k {
			continue
		}
		p.Tasks++
		allWrong := 1.0
		for i := t.n - t.c + 1; i <= t.n; i++ {
			allWrong *= max(0, 1-float64(k)/float64(i))
		}
		sum += 1 - allWrong
	}
	if p.Tasks > 0 {
		p.Mean = sum / float64(p.Tasks)
	}
	return p
}

// Metrics are the scores as named numbers, for example PREFIX + "deduction/accuracy" and "deduction/4/accuracy", each
// with "low" and "high" beside it, and "parsed". What has no accuracy is left out.
func (r Report) Metrics(prefix string) map[string]float64 {
	metrics := map[string]float64{}
	for _, s := range slices.Concat(r.Sizes, r.Scores) {
		name := prefix + strings.ReplaceAll(s.Name, " ", "/") + "/"
		metrics[name+"parsed"] = s.ParseRate
		if a := s.Accuracy; a != nil {
			metrics[name+"accuracy"], metrics[name+"low"], metrics[name+"high"] = a.Mean, a.Low, a.High
		}
	}
	return metrics
}

// WriteTo writes the scores as a table for people.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %6s %8s %9s %16s %7s %9s %9s", "type", "tasks", "answers", "accuracy", "95 % interval", "parsed", "of parsed", "unchecked")
	for _, p := range r.Scores[0].PassAt[1:] {
		fmt.Fprintf(&b, " %8s", fmt.Sprintf("pass@%d", p.K))
	}
	b.WriteString("\n")
	for _, s := range slices.Concat(r.Sizes, r.Scores) {
		s.writeTo(&b)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (s Score) writeTo(b *strings.Builder) {
	mean, interval, parsed := "-", "-", "-"
	if a := s.Accuracy; a != nil {
		mean, interval = fmt.Sprintf("%.3f", a.Mean), fmt.Sprintf("%.3f to %.3f", a.Low, a.High)
	}
	if a := s.AccuracyParsed; a != nil {
		parsed = fmt.Sprintf("%.3f", a.Mean)
	}
	fmt.Fprintf(b, "%-12s %6d %8d %9s %16s %7.3f %9s %9d", s.Name, s.Tasks, s.Answers, mean, interval, s.ParseRate, parsed, s.Unchecked)
	for _, p := range s.PassAt[1:] {
		if p.Tasks == 0 {
			fmt.Fprintf(b, " %8s", "-")
		} else {
			fmt.Fprintf(b, " %8.3f", p.Mean)
		}
	}
	b.WriteString("\n")
}
