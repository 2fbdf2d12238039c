// Package eval measures how well a policy solves tasks that are fixed beforehand.
// A benchmark is rollouts without training: the same prompts, parsing and
// verification as in the game.
//
// It proposes nothing, pays no rewards and knows neither models nor Python, which
// it sees as an [azr.Generator] and an [azr.Environment].
//
// # Data flow
//
//	file -> Tasks -> Run: SolvePrompt -> Generator -> ParseAnswer -> Verify -> Report
//
// Answers are verified on goroutines while others are still being generated.
//
// # What is counted
//
// The accuracy of a task is the share of right answers among its checked ones,
// and that of a type the mean over its tasks. An answer that could not be checked
// is left out and counted, never taken for a wrong one; an answer in the wrong
// format, or cut at the token limit, is a wrong one.
//
// # Contract
//
// The same model, tasks, sampling and seed give the same [Report]. What the model
// wrote is never an error. [Run] is one call on one goroutine, and the goroutines
// that it starts have ended when it returns.
package eval
