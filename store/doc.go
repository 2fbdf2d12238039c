// Package store keeps a run in one SQLite file: the tasks that were proposed,
// every completion and what became of it, the numbers of each step, and the
// journal of execution results. It implements [azr.Store] and answers the
// questions of a person who inspects a run.
//
// It does not decide what a task is worth, and it keeps no weights: checkpoints
// are folders beside the file.
//
// # Data flow
//
//	selfplay -> Commit(step)  -> steps, tasks, completions, metrics   one transaction a step
//	executor -> Record(key)   -> pending -> journal                   flushed in the background
//	resume   -> Rollback(step)   forgets later steps, keeps the journal
//	inspect  -> Summaries, Records, Rows, Search                      read only
//
// The journal outlives a rollback because a verdict near a limit is not
// reproducible: a step that is played again must meet the same verdicts.
//
// # Durability
//
// A committed step survives a power cut: the write-ahead log is synced before
// [Store.Commit] returns. A journaled result survives the end of the process as
// soon as it is flushed (within a tenth of a second), and a power cut once the
// next step is committed.
//
// # Contract
//
// A [Store] is safe for concurrent use. One process writes a file at a time;
// others may read it meanwhile with [View]. Errors are one line that begins with
// "store.", and an error of the background flush is returned by the next
// [Store.Record], [Store.Commit] or [Store.Close], which keep what is pending
// and try again. What the model wrote is stored as it is, NUL bytes and invalid
// UTF-8 included.
package store
