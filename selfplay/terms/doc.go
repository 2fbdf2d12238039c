// Package terms is a second world of tasks beside Python programs: arithmetic
// over one whole number x. It implements [azr.Environment] without an executor,
// since Go evaluates a term itself, and shows all that an environment has to do.
//
// A program is a term such as (x + 3) * 2 // max(x, 1), written and meant as in
// Python: whole numbers, x, + - * // %, parentheses, min and max of two. A task
// is one of the three of [azr.TaskTypes]:
//
//	deduction   term, x       -> the result
//	abduction   term, result  -> an x that gives it
//	induction   some pairs    -> a term that gives the hidden ones too
//
// # Data flow
//
//	references, task --templates--> Prompt          environment.go, prompts/ROLE_TYPE.tmpl
//	completion text  --parse-->     Task or answer  environment.go, term.go
//	parsed task      --evaluate-->  Task, Verdict   judge.go
//	answer           --evaluate-->  Verdict         judge.go
//
// # What counts as a task
//
// No number on the way to a result is further from 0 than 1,000,000, and nothing
// is divided by 0. The term's value depends on x: it differs between some of the
// inputs that are tried. A term is at most 400 bytes long, which bounds its size,
// its depth and the time that it takes.
//
// What the model wrote is data and never an error. An Environment has no state
// and is safe for concurrent use.
package terms
