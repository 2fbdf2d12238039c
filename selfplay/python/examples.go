package python

import "github.com/azr-train/azr"

// maxInductionInputs is how many inputs the worked examples have.
const maxInductionInputs = 16

const identity = "def f(x):\n    return x"

// Seeds are the identity function as a task of each type: all that the game
// starts from (paper, section 3.3.1).
func (e *Environment) Seeds() []azr.Task {
	values := mixedValues
	if e.cfg.Style == Trace {
		values = digitLists
	}
	hello := []azr.Example{{Input: values[0], Output: values[0]}}
	var mixed []azr.Example
	for _, value := range values[:e.cfg.InductionInputs] {
		mixed = append(mixed, azr.Example{Input: value, Output: value})
	}
	return []azr.Task{
		{Type: azr.Deduction, Program: identity, Examples: hello},
		{Type: azr.Abduction, Program: identity, Examples: hello},
		{Type: azr.Induction, Program: identity, Examples: mixed, Message: "The function returns its argument unchanged."},
		{Type: azr.ErrorPrediction, Program: identity, Examples: []azr.Example{{Input: hello[0].Input, Output: noError}}},
	}
}

// mixedValues are canonical literals of many types.
var mixedValues = [maxInductionInputs]string{
	"'Hello World'", "7", "[1, 2, 3]", "{'a': 1}", "True", "(4, 'b')", "None", "-2.5",
	"''", "0", "[]", "{5, 6}", "[[1], [2]]", "'x y'", "100", "(8,)",
}

// digitLists are canonical literals of the one type that traced models know.
var digitLists = [maxInductionInputs]string{
	"[3, 1, 4]", "[7]", "[2, 7, 1, 8]", "[0, 5]", "[9, 9, 6]", "[4, 8, 0, 2, 5]", "[1, 6]", "[8, 3, 7]",
	"[5, 5]", "[6, 0, 9]", "[2, 4]", "[7, 1, 3, 3]", "[0, 2, 8]", "[9, 4]", "[1, 1, 5, 0]", "[6, 7]",
}

// worked are the fixed examples that show the format of a block to a model that
// continues text. A proposal that copies one is no task.
var worked = []azr.Task{
	{
		Measures: azr.Measures{Size: 4},
		Program:  "def f(items):\n    total = 0\n    for item in items:\n        if item > 0:\n            total += item\n    return total",
		Message:  "Adds up the positive items.",
		Examples: []azr.Example{
			{Input: "[3, -1, 4]", Output: "7"}, {Input: "[]", Output: "0"}, {Input: "[-5, 2]", Output: "2"},
			{Input: "[10]", Output: "10"}, {Input: "[1, 1, 1]", Output: "3"}, {Input: "[-2, -3]", Output: "0"},
			{Input: "[0, 8]", Output: "8"}, {Input: "[6, -6, 6]", Output: "12"}, {Input: "[20, 30]", Output: "50"},
			{Input: "[-9]", Output: "0"}, {Input: "[2, 4, 6]", Output: "12"}, {Input: "[5, 0, -5]", Output: "5"},
			{Input: "[7, 7]", Output: "14"}, {Input: "[-1, 1]", Output: "1"}, {Input: "[15, -4, 5]", Output: "20"},
			{Input: "[100, -1]", Output: "100"},
		},
	},
	{
		Program: "def f(text):\n    return text[::-1]",
		Message: "Turns the text around.",
		Examples: []azr.Example{
			{Input: "'hello'", Output: "'olleh'"}, {Input: "'ab'", Output: "'ba'"}, {Input: "''", Output: "''"}, {Input: "'xyz'", Output: "'zyx'"},
			{Input: "'code'", Output: "'edoc'"}, {Input: "'a'", Output: "'a'"}, {Input: "'sun'", Output: "'nus'"}, {Input: "'12345'", Output: "'54321'"},
			{Input: "'tree'", Output: "'eert'"}, {Input: "'no'", Output: "'on'"}, {Input: "'left'", Output: "'tfel'"}, {Input: "'ok'", Output: "'ko'"},
			{Input: "'abc'", Output: "'cba'"}, {Input: "'moon'", Output: "'noom'"}, {Input: "'up'", Output: "'pu'"}, {Input: "'rain'", Output: "'niar'"},
		},
	},
}

// workedErrors are those of error prediction.
var workedErrors = []azr.Task{
	{Program: worked[0].Program, Measures: worked[0].Measures, Examples: []azr.Example{{Input: "[3, 'a', 4]", Output: "TypeError"}}},
	{Program: worked[1].Program, Measures: worked[1].Measures, Examples: []azr.Example{{Input: "'hello'", Output: noError}}},
}

// workedFor returns the worked examples of a type.
func workedFor(t azr.TaskType) []azr.Task {
	if t == azr.ErrorPrediction {
		return workedErrors
	}
	return worked
}
