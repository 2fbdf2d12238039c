// Package rollout is the policy as a generator: it turns prompts into
// completions with the log-probs of their tokens.
//
// An [Engine] keeps a batch running. Prompts wait in a queue; each [Engine.Tick] lets in as many as there are free
// slots and room in the cache, and advances every request that has begun by one token. The tick's work is one pass
// through the layers, rarely more: the last token of each running request, and behind them as much of the waiting
// prompts as fits into the pass. Finished requests leave at once, and their slots are filled in the next tick: no
// batch waits for its slowest member.
//
//	queue -> admit -> plan a pass -> layers -> sample -> completions
//	           |                       |
//	         pages of the cache  <-----+
//
// The cache is made of pages. A prompt that was computed stays in them until they are wanted; an equal prompt, and
// whatever of another one begins the same, in whole pages, is shared and not computed again. Requests that continue
// the same prompt read the same pages. Where running requests outgrow the cache the youngest is put back and begins again.
//
// # What a sample depends on
//
// Every draw is keyed by the run's seed, the sample's ID and the token's position. Attention runs span by span,
// prompts in chunks of a page, and the rows of linear layers do not depend on each other (torch.BatchInvariant), so
// on the CPU in f32 a sample's tokens and log-probs have the same bits alone, among others, with whatever is
// in the cache, and from the beginning again. On other devices, and across libtorch builds
// or numbers of threads, they may differ by rounding.
//
// # Contract
//
// An Engine belongs to the compute thread. After the weights change,
// [Engine.Forget] must be called before the next prompt. Errors are the
// machine's or the user's, and after one from Tick only Close is left; a prompt
// that does not fit is a Completion with Finish azr.PromptTooLong.
package rollout
