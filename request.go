package azr

// Measures are what an Environment sees in a program without running it. The
// zero value says that nothing is known.
type Measures struct {
	// Program is equal for programs that differ in names and layout only, Skeleton also where constants differ. Empty: unknown.
	Program  string `json:"program"`
	Skeleton string `json:"skeleton"`
	// Size counts what a solver has to follow, in a unit of the environment. For Python these are statements; returns,
	// definitions, imports and statements without effect do not count.
	Size int `json:"size"`
	// Complexity is the cognitive complexity, 0 or more; Halstead a mixture of Halstead's and McCabe's measures, 0 to 1.
	Complexity float64 `json:"complexity"`
	Halstead   float64 `json:"halstead"`
	// Distance is the mean edit distance from the references that the proposer saw, 0 (equal) to 1; 0 if there were none.
	Distance float64 `json:"distance"`
	// Standalone: the program can be a helper of another one, see [Request].Helpers.
	Standalone bool `json:"standalone"`
}

// Request is what a proposer is asked for.
type Request struct {
	Type TaskType
	// References are tasks to differ from; for Induction the first one's program is the program to be shown by examples.
	References []Task
	// Size, if above 0, is the [Measures].Size that the program must have. Relative says it as the difference
	// from the last reference's.
	Size     int
	Relative bool
	// Helpers are tasks whose programs the new one must call (composite functions).
	Helpers []Task
}
