package monitor_test

import (
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
)

func Example() {
	fmt.Println(monitor.StepLine(azr.StepRecord{Step: 3, Timings: map[string]float64{"step_seconds": 12.5}, Metrics: map[string]float64{
		"propose/deduction/count": 8, "propose/deduction/valid": 5, "propose/deduction/reward": 0.25,
		"solve/deduction/count": 8, "solve/deduction/solve_rate": 0.5, "solve/deduction/reward": 0.5,
	}}))
	// Output: 5 of 8 proposals valid, solve rate - estimated 0.500 answered, reward 0.250 proposer 0.500 solver, 12.5 s
}

// What a model wrote cannot steer a terminal.
func ExamplePrintable() {
	fmt.Println(monitor.Printable("a\x1b[2Jb", 0))
	// Output: a\x1b[2Jb
}
