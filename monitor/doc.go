// Package monitor is what a person sees of a run: progress bars while it goes,
// numbers in files that other tools read, and a closing summary.
//
// It computes no metric, keeps no state of the game and decides nothing: losing
// all of it loses no bit of the run.
//
// # Data flow
//
//	azr.Progress   -> Bars (terminal), Lines (elsewhere) or a quiet Lines
//	azr.StepRecord -> Metrics -> metrics.jsonl                 what the seed determines
//	                          -> timings.jsonl                 what is measured
//	                          -> tensorboard/events.out.tfevents.*   both
//	               -> StepLine, Summary                        text for people
//	               -> StepObject, Summary.Object               JSON for programs
//
// The names of metrics are those of package selfplay ("propose/deduction/valid",
// "solve/abduction/reward", ...). A timing whose name ends in "_seconds" is a
// phase of a step; "step_seconds" is the whole step without the measuring on held-out
// tasks ("held_out_seconds"), and "compute_idle" the share of
// it that the compute thread was not in libtorch.
//
// # Text from the model
//
// Whatever a model may have written passes through [Printable] before it
// reaches a terminal.
//
// # Contract
//
// [Bars] and [Lines] are safe for concurrent use and never fail: progress is not
// worth stopping for. [Metrics] is used by one goroutine; its errors are one line
// that begins with "monitor.", and after one the files end where the last whole
// step ended.
package monitor
