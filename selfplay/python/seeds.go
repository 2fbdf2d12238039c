package python

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/azr-train/azr"
)

// maxSeedLine bounds a line of a file of seeds, in bytes.
const maxSeedLine = 4 << 20

// seedRecord is a line of the authors' files: a triplet has input and output, an
// induction record inputs, outputs and a message. Other keys are not read, and
// neither are outputs: they are worked out again.
type seedRecord struct {
	Snippet string   `json:"snippet"`
	Imports []string `json:"imports"`
	Input   *string  `json:"input"`
	Inputs  []string `json:"inputs"`
	Message string   `json:"message"`
}

// ReadSeeds reads the files of [Config].Seeds: one JSON object a line, as the authors publish them. A triplet is read
// as a deduction task. The tasks are still to be validated. A line that is no task is skipped and told
// about, as "FILE:LINE: reason".
func (e *Environment) ReadSeeds() (tasks []azr.Task, skipped []string, err error) {
	for _, path := range e.cfg.Seeds {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, fmt.Errorf("python.ReadSeeds: %w", err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, maxSeedLine)
		n := 0
		for lines.Scan() {
			n++
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			task, reason := e.readSeed(lines.Bytes())
			if reason != "" {
				skipped = append(skipped, fmt.Sprintf("%s:%d: %s", path, n, reason))
				continue
			}
			tasks = append(tasks, task)
		}
		if err := lines.Err(); err != nil {
			return nil, nil, fmt.Errorf("python.ReadSeeds: %s:%d: %w; want a JSON object of at most %d bytes a line", path, n+1, err, maxSeedLine)
		}
	}
	return tasks, skipped, nil
}

// readSeed reads a line. A record with fewer inputs than an induction task needs
// is taken with those that it has, at least two; one with more is cut.
func (e *Environment) readSeed(line []byte) (task azr.Task, reason string) {
	var record seedRecord
	if err := json.Unmarshal(line, &record); err != nil {
		return task, "not a seed record"
	}
	task = azr.Task{Type: azr.Deduction, Program: withImports(record), SolveRate: -1}
	inputs := record.Inputs
	switch {
	case record.Snippet == "":
		return task, "no program"
	case record.Input != nil:
		inputs = []string{*record.Input}
	default:
		task.Type, task.Message = azr.Induction, strings.TrimSpace(record.Message)
	}
	if task.Examples, reason = examplesOf(inputs); reason != "" {
		return task, reason
	}
	if task.Type == azr.Induction {
		task.Examples = task.Examples[:min(len(task.Examples), e.cfg.InductionInputs)]
		return task, e.refuseInduction(task, 2)
	}
	return task, ""
}

// withImports puts before a program the import lines that are kept beside it.
func withImports(record seedRecord) string {
	program := trimProgram(record.Snippet)
	var missing []string
	for _, line := range record.Imports {
		if !strings.Contains("\n"+program+"\n", "\n"+line+"\n") {
			missing = append(missing, line)
		}
	}
	return strings.Join(append(missing, program), "\n")
}
