package curves

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/azr-train/azr"
)

// Curve is a number over the steps of a run.
type Curve struct {
	Name   string
	Points []Point
	// Share says that the number is a share of 1, which people read in percent.
	Share bool
}

// Point is the number at a step, with its interval; Low and High are Mean where none is known.
type Point struct {
	Step            int
	Mean, Low, High float64
}

// Read reads the steps of a run from its metrics.jsonl. A last line that is not finished, of a run under way, is left
// out; numbers that were not finite are missing.
func Read(file string) ([]azr.StepRecord, error) {
	const op = "curves.Read"
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	defer f.Close()
	var records []azr.StepRecord
	for lines := json.NewDecoder(f); ; {
		var line map[string]*float64
		err := lines.Decode(&line)
		switch {
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return records, nil
		case err != nil:
			return nil, fmt.Errorf("%s: line %d of %s: %w", op, len(records)+1, file, err)
		case line["step"] == nil:
			return nil, fmt.Errorf("%s: line %d of %s has no step", op, len(records)+1, file)
		}
		r := azr.StepRecord{Step: int(*line["step"]), Metrics: map[string]float64{}}
		delete(line, "step")
		for name, v := range line {
			if v != nil {
				r.Metrics[name] = *v
			}
		}
		records = append(records, r)
	}
}

// Of returns the curve of the named metric; without points if no step has it.
func Of(records []azr.StepRecord, metric string) Curve {
	c := Curve{Name: metric}
	for _, r := range records {
		if v, ok := r.Metrics[metric]; ok {
			c.Points = append(c.Points, Point{r.Step, v, v, v})
		}
	}
	return c
}

// HeldOut returns the accuracy on held-out tasks: a curve a task type that was measured, and one of all.
func HeldOut(records []azr.StepRecord) []Curve {
	var list []Curve
	for _, t := range azr.AllTaskTypes {
		list = append(list, accuracy(records, t.String()))
	}
	list = append(list, accuracy(records, "all"))
	measured := list[:0]
	for _, c := range list {
		if len(c.Points) > 0 {
			measured = append(measured, c)
		}
	}
	return measured
}

// BySize returns the accuracy on a type's held-out tasks: a curve a size, ascending; none where there is only one.
func BySize(records []azr.StepRecord, t azr.TaskType) []Curve {
	var list []Curve
	const largest = 99
	for size := 1; size <= largest; size++ {
		if c := accuracy(records, fmt.Sprintf("%s %d", t, size)); len(c.Points) > 0 {
			list = append(list, c)
		}
	}
	if len(list) < 2 {
		return nil
	}
	return list
}

// accuracy is the curve of "deduction" or of a part of it, "deduction 4".
func accuracy(records []azr.StepRecord, name string) Curve {
	metric := "held_out/" + strings.ReplaceAll(name, " ", "/")
	c := Of(records, metric+"/accuracy")
	c.Name, c.Share = name, true
	low, high := Of(records, metric+"/low"), Of(records, metric+"/high")
	if len(low.Points) == len(c.Points) && len(high.Points) == len(c.Points) {
		for i := range c.Points {
			c.Points[i].Low, c.Points[i].High = low.Points[i].Mean, high.Points[i].Mean
		}
	}
	return c
}
