// Package python is the world of tasks that the paper plays in: Python programs
// with their inputs and outputs (paper, section 3.2). It implements
// [azr.Environment] on top of an [azr.Executor], which runs the programs, and
// executor/literal, which reads and compares values.
//
// It is not the sandbox and not the game: it asks, reads, checks and judges, and
// leaves running to one and paying to the other.
//
// # Data flow
//
//	references, task --templates--> Prompt          prompt.go, prompts/STYLE/ROLE_TYPE.tmpl
//	completion text  --parse-->     Task or answer  chat.go, completion.go
//	parsed task      --validate-->  Task, Verdict   validate.go, exception.go, probe.go (section 3.3.3)
//	valid task       --measure-->   Measures        measure.go, measure.py
//	answer           --verify-->    Verdict         verify.go (section 3.3.4)
//
// Two styles ask for the same things. [Chat] instructs an able model, which
// answers in think and answer tags with fenced blocks. [Completion] shows a few
// worked blocks that a base or weak model continues.
//
// # What counts as a task
//
// A program is Python source with a function f at the top level; helper
// functions, classes and imports may stand beside or inside it. Inputs are
// argument lists of literals without keywords. A task is valid if f names at
// least one of its parameters in its body, returns a literal for every input,
// returns the same one under another hash seed and in another address space,
// and no input or output is longer than [Config].MaxValueBytes: nothing is ever
// shortened. The output of a deduction or abduction task is not None, which is
// what a program without a return gives, and those of an induction task are not
// all equal. An error-prediction task may raise any exception, and always the same.
//
// What this does not catch: a program that ignores its input for most inputs
// ([Config].Probes catches some), one that computes what another does in another way, and a
// message that gives the program away in plain English.
//
// # Contract
//
// What the model wrote is data. It goes into prompts as text, is never evaluated
// here, and is never an error. An error from Validate or Verify means that the
// Executor cannot run anything any more. Expected outputs are never sent to the
// Executor. An Environment is safe for concurrent use.
package python
