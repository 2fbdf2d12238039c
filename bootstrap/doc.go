// Package bootstrap makes a starter: a tiny language model that begins with random weights and learns, from tasks
// that a program writes, just enough of the game's formats to play it. No line of it was written by a person.
//
//	generator (Python in the sandbox) -> programs, inputs, values line by line
//	Corpus    -> demonstrations of all six groups, role x task type: a prompt of the environment and a right answer
//	Tokenizer -> a tokenizer.json whose words are the pieces of such texts
//
// What it is taught is a Config. Programs of the sizes that it does not name are never shown, and neither are
// held-out ones, so that both measure what self-play adds.
//
// A Corpus is used by one goroutine; its batches are functions of the seed and their number. What the trainer does
// with them is the caller's to wire: the result is an ordinary Llama folder.
package bootstrap
