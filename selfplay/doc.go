// Package selfplay is the game of the Absolute Zero Reasoner: one model proposes
// tasks, solves them, and is paid for both (paper, section 3 and algorithm 1).
//
// It is not the model, which it sees as an [azr.Generator]; not Python, which it
// sees as an [azr.Environment]; and not the update, which receives the
// [azr.Sample]s of a [Play].
//
// # Data flow of a step
//
//	buffer --references--> propose prompt -> Generator -> parse -> validate
//	valid task  -> n estimates -> solve rate -> learnability -> proposer's reward
//	            -> its place in the solve batch -> answer -> verify -> solver's reward
//	invalid one -> the place is filled with a task from the buffer
//
// The batch has BatchSize places for each task type. Place i belongs to proposal
// i: its task is solved in the step that proposed it (algorithm 1), and where
// there is no new task the place goes to the next one of a keyed shuffle of the
// buffer. Nothing waits for a whole phase: estimates and solutions enter the
// running batch while other proposals are still being written. With another
// [SolveBatch] the tasks to solve are chosen from the buffers before anything is
// proposed.
//
// What a proposer is asked for is an [azr.Request]: beside references it may name
// a size, see [Sizes], or helpers, see [Composite].
//
// # Logical time
//
// Time is counted in ticks of the Generator. A proposal that finishes at tick t
// is validated on a goroutine and its verdict is consumed at tick t + d, waiting
// for it if need be, so the executor's speed decides nothing. Ids derive from
// the proposal's place, draws are keyed by them and made from the buffers as
// they were when the step began, and rows, samples and tasks are sorted at the
// end: the same seed gives the same [Play], in whatever order things finish.
//
// # Contract
//
// A [Game] is used by one goroutine; it starts goroutines for the Environment
// and has ended them all when a method returns. What the model wrote is never an
// error. After an error the Game is not to be used any more: its buffers may be
// ahead of the run's file, from which [New] restores them.
package selfplay
