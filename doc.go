// Package azr is the vocabulary of the Absolute Zero Reasoner (AZR, arXiv
// 2505.03335): the nouns that every other package speaks in and the four
// interfaces through which they meet. It imports nothing of this module.
//
// One language model plays two roles. As proposer it invents a [Task]; as solver
// it answers one. A task asks for one of three kinds of reasoning: [Deduction],
// [Abduction] or [Induction]. The data flow of one self-play step is
//
//	Prompt -> Generator -> Completion -> Environment -> Verdict -> Sample
//
// and the packages are its stations: selfplay plays the game, rollout is the
// Generator, selfplay/python is the Environment on top of executor (the
// Executor) and selfplay/terms one without it, store keeps the run, trainer turns
// Samples into an update.
//
// # Contract
//
// Values here are plain data and safe to copy. What a model wrote (programs,
// inputs, answers, messages) is data too: it is never an error and it is never
// evaluated outside an Executor. Errors mean that this program, its machine or
// its user failed.
package azr
