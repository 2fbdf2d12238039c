// Package model is the decoder-only language model: its configuration, its
// weights, and its forward passes, written layer by layer on package torch.
//
// The same weights serve both users of the package. Package rollout prefills and
// decodes with a [KVCache]; package trainer runs packed sequences one
// [Decoder.Layer] at a time, so that it can walk back through the layers in
// reverse. Tokens are packed: activations are (N, D) for N tokens of any number
// of sequences, and only attention knows where a sequence begins.
//
// A family of models is one small file that fills in a [Layout] (llama.go,
// qwen2.go, qwen3.go); Hugging Face's weight names are in weights.go and nowhere
// else. A [Config] tells the sizes of a model without its weights.
//
// A decoder may have adapters ([LoRA]) beside its projections, which then are what learns; folders of adapters are
// Hugging Face PEFT's.
//
// [Load] returns errors that name the file and the weight, or the key of config.json. The forward passes
// panic with *torch.Error on misuse, as all of torch does, and belong to the
// compute thread.
//
// Shape suffixes used below: N tokens, B rows of a decode batch, D hidden size,
// H query heads, K key-value heads, E head size, V vocabulary.
package model
