// Package rollout is the policy as a generator: it turns prompts into
// completions with the log-probs of their tokens.
//
// An [Engine] keeps a running batch in the slots of a KV cache. Prompts wait in
// a queue; each [Engine.Tick] admits as many as there are free slots, computes
// their prompts, and advances every running sequence by one token; finished
// ones leave at once and free their slots. A prompt whose tokens are already in
// some slot is forked from there instead of being computed again.
//
// # What a sample depends on
//
// Every draw is keyed by the run's seed, the sample's ID and the token's
// position. Prompts are computed alone, attention of a decode step runs row by
// row, and linear layers run at fixed numbers of rows (model.RowBlocks), so on
// the CPU in f32 a sample's tokens and log-probs have the same bits alone,
// among others, and in any slot. On other devices, and across libtorch builds
// or numbers of threads, they may differ by rounding.
//
// # Contract
//
// An Engine belongs to the compute thread. After the weights change,
// [Engine.Forget] must be called before the next prompt. Errors are the
// machine's or the user's, and after one from Tick only Close is left; a prompt
// that does not fit is a Completion with Finish azr.PromptTooLong.
package rollout
