// Package executor runs Python programs that nobody has read, written by a
// model that is paid for finding holes, and tells what became of them.
//
// # Theory of operation
//
// A [Pool] keeps workers (zygotes): confined Python processes that have loaded
// the interpreter and a few modules once. For each input of an execution a worker forks a
// child, the child reads its task, runs the program and claims a value, the worker
// reports how the child ended, and the Pool reads the claim as a literal:
//
//	Run -> cache -> journal -> slot -> order -> worker -> fork, wait -> report -> Result
//	                             \-> task ---------------> child -> claim -> literal -/
//
// A fork costs a millisecond or two where a new interpreter costs fifty, and
// leaves nothing behind: a program that changes builtins, leaves threads or
// fills memory does so in a process that nobody uses again.
//
// Who decides what:
//
//   - The trainer reads inputs, values and answers as literals (package
//     literal), and alone compares them. A child never holds the expected
//     answer, so there is nothing to find and no verdict to forge.
//   - The trainer decides timeout and output limits, and the worker reports death by signal,
//     both from outside the child.
//   - The child claims a value. A program can reach into its own process and
//     claim another value than f returned: that does not help a solver, who does
//     not know the expected one, and a proposer gets past the gate first (Config.Gate).
//
// A worker never has a program, an input or a value, so its children cannot find those
// of earlier ones in the memory that they are copied from. Task and claim have pipes
// of their own between trainer and child, as has what a child prints; the worker knows
// a task by its number. Only a script's input goes through it, by a buffer that is wiped.
// These pipes last as long as the worker: no two children live at once, what one has
// written is read to the end before the next is forked, and a worker is replaced
// whose child left a part of its task unread.
//
// # Confinement
//
// Package sandbox starts a worker without network, without a writable place,
// with a view of the interpreter's files alone, and with a list of allowed
// system calls; it dies with the trainer. The child gives up the rest: limits on
// memory, CPU, descriptors and processes, and a second filter that forbids fork,
// exec, signals and changes of limits. So nothing that a program starts can
// outlive it. A program gets four descriptors: /dev/null, two pipes whose bytes
// are counted and dropped, and the pipe for its claims. The pipe that its task came by
// and those between trainer and worker are closed before it runs.
//
// What a machine allows differs. [Open] tries levels from Config.AtMost down
// and settles on the first at which real attacks fail: each worker is attacked
// before its first task. Below Config.Require it refuses and names what is missing.
//
// # Determinism
//
// An execution with Twice set runs each input under two workers with different
// hash seeds, address spaces and process ids, and is OK only if both agree. Two
// forks of one worker would agree on id() and hash(). Single executions always
// use the first kind of worker, so a stored output stays reproducible.
//
// # Trusted executions
//
// The inputs of a program that was validated before may share a child: it compiles
// the program once and runs it in a fresh namespace for each input, and the trainer
// times each claim. Results stay those of single runs. A program that changes
// what it imports, or uses the context of decimal, gets no shared child. From the
// first input on that ends with anything but a value or an exception, each is run
// again on its own. With Twice the second worker gets the inputs in reverse, and if
// the two disagree anywhere all are run again on their own.
//
// # Load and loss
//
// Results are kept in memory and in the journal by a hash of all that they depend
// on, and equal executions under way share one run; the first result for a key
// stays. A spare worker waits for each kind in use, workers are replaced after
// Config.RecycleAfter tasks, and five deaths within ten seconds with no task
// finished between them end the Pool. Fewer slots are opened than configured
// where Config.Memory for each does not fit into the machine. [Stats] tells all
// of it, and raises an alarm when many programs do what no task needs.
//
// # Scripts
//
// [Pool.RunScript] runs a whole program with modules, input and captured output,
// for benchmarks. It goes the same way to a child with the same limits, of which what
// it prints is kept; see [Script] for what a test inside the process is worth.
//
// # What it is not
//
// Not a judge: it knows no tasks, answers or rewards. Not protection against
// kernel bugs, timing channels, or a program that lies about its own value.
//
// # Contract
//
// A Pool is safe for concurrent use and runs Config.Slots programs at a time.
// Whatever a program does is a [azr.Result]. A worker that hangs or dies is
// killed and its task run once more on a new one; then the result is
// [azr.Infra], which is neither journaled nor a verdict. Run's error means that
// ctx ended, the journal or the sample file failed, or workers do not start any
// more or only die. Close ends every process.
package executor
