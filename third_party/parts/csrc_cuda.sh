# The CUDA plugin: csrc/cuda as a shared library, which libazrtorch.so opens if it lies beside it in
# third_party/build. It needs no CUDA toolkit.

csrc_cuda_inputs() {
	csrc_inputs
	result libtorch_cuda
	hash_files third_party/parts/csrc_cuda.sh
}

csrc_cuda_build() { compile_csrc "$1" "" azrcuda -DAZR_CUDA="$(result libtorch_cuda)"; }
