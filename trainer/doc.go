// Package trainer turns Samples into an update of the policy: task-relative
// REINFORCE++ (AZR paper, section 3.3.5), a clipped loss, and AdamW.
//
// It sees token ids, log-probs and rewards; what a task is, it does not know.
//
//	Samples -> advantages (trr.go, or another algorithm) -> micro-batches
//	        -> loss on response tokens -> backward, layer by layer -> AdamW
//
// Backward is driven from Go. Each layer's input is a leaf of its own small
// graph, and so is the last one's output, from which a chunk of tokens at a time
// goes through the head to the loss and back. After that the layers are walked in
// reverse, each one's backward run alone and its graph freed. With activation checkpointing the forward pass
// keeps the inputs only and a layer is run again just before its backward.
//
// Weights in bf16 are moved by way of copies in f32, see [Rounding].
//
// Where memory runs out in a micro-batch the update begins again with micro-batches
// of half the size; [Report] and [Trainer.MicroBatchTokens] tell.
//
// A [Trainer] belongs to the compute thread and works in place on the decoder's
// weights. [Trainer.Step] returns an error when the loss or the gradients are not
// finite, or memory is too small for a single sample; the update that failed is not
// made, so with one epoch the weights are as they were.
package trainer
