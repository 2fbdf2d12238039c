// Package checkpoint writes and reads what a run can continue from, and is the
// one writer for saving, resuming and exporting.
//
// A checkpoint is an ordinary Hugging Face model folder with three files more:
//
//	config.json, generation_config.json    from the source model
//	tokenizer.json, ...                    from the source model
//	model.safetensors                      the weights; above 4 GiB model-00001-of-0000N.safetensors and an index
//	optimizer.safetensors                  the optimiser's tensors
//	state.json                             see [State]
//	manifest.json                          size and SHA-256 of every file above
//
// so that other programs can load it as a model as it stands. In a run's folder
// checkpoints are named for their step: checkpoints/step-000012.
//
// It is not a store of tensors: it takes and gives bytes (see torch/safetensors)
// and does not know what they mean.
//
// # Data flow
//
// [Save] streams one tensor at a time into a hidden temporary folder beside the
// target, writes the manifest last, forces everything to the disk and renames the
// folder; so a checkpoint is there completely or not at all, whatever stops the
// program. [Latest] finds the newest checkpoint that is whole, [Load] one by
// name; both verify every size and checksum before they return. [Export] copies
// the part that is an ordinary model. [Prune] forgets old ones.
//
// # Contract
//
// On an error the temporary folder is removed and nothing else has changed. What
// a killed process left behind is removed by the next Save or Latest; a lock,
// which the system releases when a process dies, tells it from one in use. All
// errors are one line. One goroutine at a time works on a run's checkpoints.
package checkpoint
