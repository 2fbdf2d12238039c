// Package dist lets several processes compute together, over libtorch's c10d: Gloo
// between CPUs and, with the CUDA plugin, NCCL between GPUs (see [Group.Connect]).
//
// Each process is a rank of a [Group]. Ranks begin the same collectives in the same
// order; a collective runs beside what follows until its [Work] is waited for:
//
//	g, err := dist.Open(membership)
//	w := g.AllReduce(grad, dist.Sum)    // begins
//	...                                 // the next layer's backward
//	err = w.Wait()                      // grad holds the sum of all ranks
//
// # Who starts the processes
//
// [FromEnvironment] reads the variables that torchrun and Kubernetes' PyTorchJob set,
// RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, or those of Slurm's srun.
// Rank 0 keeps the store by which the others find each other.
//
// # Failures
//
// A rank that dies or does not come ends every other's collective with an error within
// the group's timeout. Each rank tells the store once a second where it is, so that the
// error can name the ranks that are behind: see [Error].
package dist
