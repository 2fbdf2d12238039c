# The GPU half of libtorch with the NVIDIA libraries that it is linked to, out of pinned wheels. It finds
# libtorch_cpu.so, and the two libraries that came with that, in the process that opens it.

libtorch_cuda_inputs() {
	libtorch_inputs
	echo "$CUDA_WHEELS"
	hash_files third_party/parts/libtorch_cuda.sh third_party/unpack.py
}

libtorch_cuda_build() {
	local name sha256 megabytes file unpack=$root/third_party/unpack.py
	if [ -n "${AZR_LIBTORCH:-}" ]; then
		other_libtorch_cuda "$1"
		return
	fi
	file=$(wheel "$TORCH_WHEEL" "$TORCH_SHA256" "$TORCH_SIZE")
	python3 "$unpack" "$file" "$1" torch/lib/libtorch_cuda.so torch/lib/libtorch_cuda_linalg.so \
		torch/lib/libc10_cuda.so torch/lib/libtorch_nvshmem.so torch/lib/libcaffe2_nvrtc.so
	while read -r name sha256 megabytes; do
		[ -n "$name" ] || continue
		file=$(wheel "$name" "$sha256" "$megabytes MB")
		python3 "$unpack" "$file" "$1" '*'
	done <<<"$CUDA_WHEELS"
}

# Another libtorch has NVIDIA's libraries and headers beside it, as pip installs them.
other_libtorch_cuda() {
	local beside
	beside=$(dirname "$(realpath "$AZR_LIBTORCH")")
	[ -f "$AZR_LIBTORCH/lib/libtorch_cuda.so" ] && [ -d "$beside/nvidia/nccl" ] ||
		die "AZR_LIBTORCH=$AZR_LIBTORCH has no GPU half; want lib/libtorch_cuda.so in it and nvidia/nccl beside it, as pip installs them"
	[ -d "$beside/nvidia/cu13/include/crt" ] ||
		die "$beside/nvidia/cu13 lacks headers of CUDA; hint: pip install --target $beside nvidia-cuda-crt, in the version of nvidia-cuda-runtime"
	ln -s "$(realpath "$AZR_LIBTORCH")" "$1/torch"
	ln -s "$beside/nvidia" "$1/nvidia"
}
