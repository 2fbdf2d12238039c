package executor

// scriptTask is the form in which a worker gets a script.
type scriptTask struct {
	Program string            `json:"program"`
	Files   map[string]string `json:"files"`
	Stdin   []byte            `json:"stdin"`
	Test    string            `json:"test"`
	Entry   string            `json:"entry"`
	// Libraries maps the names that may be imported to their files.
	Libraries map[string]string `json:"libraries"`
}

// scriptReply is what a worker says of a script beyond what it says of any task.
type scriptReply struct {
	ExitCode  int    `json:"exit_code"`
	Stdout    []byte `json:"stdout"`
	Stderr    []byte `json:"stderr"`
	Truncated bool   `json:"truncated"`
}
