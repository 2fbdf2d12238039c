package selfplay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// Intrinsic adds to a proposer's learnability what its program or its answer is
// like. All terms are off by default; the authors found none that helped.
type Intrinsic struct {
	// Combine the terms that are on with the learnability L: "sum" L + the terms' sum (default), "multiply" L × their
	// product, "sum_multiply" L + their product, "multiply_sum" L × their sum.
	Combine Combine `yaml:"combine"`
	// Complexity is the cognitive complexity over 15.
	Complexity Term `yaml:"complexity"`
	// Distance is the mean edit distance from the references, 0 to 1.
	Distance Term `yaml:"distance"`
	// Halstead is the mixture of Halstead's and McCabe's measures in [azr.Measures], 0 to 1.
	Halstead Term `yaml:"halstead"`
	// Diversity is how rare the answer is among those of the tasks kept so far: the output of deduction, the input of
	// abduction, the exception.
	Diversity Term `yaml:"diversity"`
	// InputDiversity is the mean over an induction task's inputs of how rare each is.
	InputDiversity Term `yaml:"input_diversity"`
	// OutputDiversity is the mean over an induction task's outputs of how rare each is.
	OutputDiversity Term `yaml:"output_diversity"`
	// Hierarchical takes for a diversity the mean of how rare the answer's type is and how rare the answer is within it.
	Hierarchical bool `yaml:"hierarchical"`
}

// Term is min(Coefficient × value, Max); it is off where Coefficient is 0 (default 0 and 0.5).
type Term struct {
	// Coefficient multiplies the value; 0 turns the term off (default 0).
	Coefficient float64 `yaml:"coefficient"`
	// Max bounds the term from above (default 0.5).
	Max float64 `yaml:"max"`
}

// Combine is a way to join intrinsic terms with the learnability.
type Combine string

// The ways of [Intrinsic.Combine].
const (
	CombineSum         Combine = "sum"
	CombineMultiply    Combine = "multiply"
	CombineSumMultiply Combine = "sum_multiply"
	CombineMultiplySum Combine = "multiply_sum"
)

func defaultIntrinsic() Intrinsic {
	off := Term{Max: 0.5}
	return Intrinsic{Combine: CombineSum, Complexity: off, Distance: off, Halstead: off, Diversity: off, InputDiversity: off, OutputDiversity: off}
}

func (i Intrinsic) validate() error {
	if !slices.Contains([]Combine{CombineSum, CombineMultiply, CombineSumMultiply, CombineMultiplySum}, i.Combine) {
		return fmt.Errorf("selfplay.Config: unknown rewards.intrinsic.combine; got %q, want sum, multiply, sum_multiply or multiply_sum", i.Combine)
	}
	for _, t := range []Term{i.Complexity, i.Distance, i.Halstead, i.Diversity, i.InputDiversity, i.OutputDiversity} {
		if !(t.Coefficient >= 0 && t.Coefficient <= 1e6 && t.Max >= 0 && t.Max <= 1e6) {
			return fmt.Errorf("selfplay.Config: a term of rewards.intrinsic is out of range; got coefficient %v and max %v, want 0 to 1e6", t.Coefficient, t.Max)
		}
	}
	return nil
}

// reward joins the learnability of a task, above 0, with the terms that are on.
func (i Intrinsic) reward(learnability float64, t azr.Task, d diversity) float64 {
	sum, product, on := 0.0, 1.0, false
	add := func(term Term, value float64) {
		if term.Coefficient > 0 {
			v := min(term.Coefficient*value, term.Max)
			sum, product, on = sum+v, product*v, true
		}
	}
	add(i.Complexity, t.Measures.Complexity/15)
	add(i.Distance, t.Measures.Distance)
	add(i.Halstead, t.Measures.Halstead)
	if t.Type == azr.Induction {
		add(i.InputDiversity, d.mean(t, inputs, i.Hierarchical))
		add(i.OutputDiversity, d.mean(t, outputs, i.Hierarchical))
	} else {
		add(i.Diversity, d.mean(t, answers(t.Type), i.Hierarchical))
	}
	switch {
	case !on:
		return learnability
	case i.Combine == CombineMultiply:
		return learnability * product
	case i.Combine == CombineSumMultiply:
		return learnability + product
	case i.Combine == CombineMultiplySum:
		return learnability * sum
	default:
		return learnability + sum
	}
}

// side is one of the two values of an example.
type side bool

const (
	inputs  side = false
	outputs side = true
)

// answers is the side that the solver of a type is asked for.
func answers(t azr.TaskType) side { return side(t != azr.Abduction) }

func (s side) of(e azr.Example) string {
	if s == outputs {
		return e.Output
	}
	return e.Input
}

// diversity counts the values in all tasks that were ever kept, by task type and side.
type diversity map[valuesOf]*valueCounts

type valuesOf struct {
	task azr.TaskType
	side side
}

// valueCounts counts values, also by the kind of literal.
type valueCounts struct {
	total         int
	kinds, values map[string]int
}

func (d diversity) add(t azr.Task) {
	for _, s := range []side{inputs, outputs} {
		counts := d[valuesOf{t.Type, s}]
		if counts == nil {
			counts = &valueCounts{kinds: map[string]int{}, values: map[string]int{}}
			d[valuesOf{t.Type, s}] = counts
		}
		for _, e := range t.Examples {
			counts.total++
			counts.kinds[kindOf(s.of(e))]++
			counts.values[s.of(e)]++
		}
	}
}

// mean is the mean over a task's examples of 1 - the share of the value among all; 1 where none was seen.
func (d diversity) mean(t azr.Task, s side, hierarchical bool) float64 {
	counts := d[valuesOf{t.Type, s}]
	if counts == nil || len(t.Examples) == 0 {
		return 1
	}
	sum := 0.0
	for _, e := range t.Examples {
		kind, value := counts.kinds[kindOf(s.of(e))], counts.values[s.of(e)]
		if hierarchical {
			sum += (rarity(kind, counts.total) + rarity(value, kind)) / 2
		} else {
			sum += rarity(value, counts.total)
		}
	}
	return sum / float64(len(t.Examples))
}

func rarity(count, total int) float64 {
	if total == 0 {
		return 1
	}
	return 1 - float64(count)/float64(total)
}

// kindOf tells literals of different types apart, by how they are written.
func kindOf(text string) string {
	switch {
	case text == "":
		return ""
	case strings.ContainsRune("'\"", rune(text[0])):
		return "'"
	case strings.ContainsRune("-0123456789", rune(text[0])):
		if strings.ContainsAny(text, ".ej") {
			return "."
		}
		return "0"
	case text == "True" || text == "False":
		return "True"
	}
	return text[:1]
}
