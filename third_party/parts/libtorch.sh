# libtorch for the CPU, out of the pinned Python wheel. AZR_LIBTORCH=DIR uses
# another one, CPU or CUDA: a folder with include/ and lib/.

libtorch_inputs() {
	if [ -n "${AZR_LIBTORCH:-}" ]; then
		other_libtorch "$AZR_LIBTORCH"
	else
		echo "$TORCH_SHA256 $CUPTI_SHA256 $CUDART_SHA256"
		hash_files third_party/parts/libtorch.sh third_party/unpack.py
	fi
}

# other_libtorch tells one from another without reading half a gigabyte.
other_libtorch() {
	local library=$1/lib/libtorch_cpu.so
	[ -f "$1/include/ATen/ATen.h" ] && [ -f "$library" ] ||
		die "AZR_LIBTORCH=$1 is not a libtorch; want include/ATen/ATen.h and lib/libtorch_cpu.so in it"
	realpath "$1"
	stat -L -c '%s %Y' "$library"
	if [ -f "$1/build-version" ]; then cat "$1/build-version"; fi
}

libtorch_build() {
	if [ -n "${AZR_LIBTORCH:-}" ]; then
		ln -s "$(realpath "$AZR_LIBTORCH")" "$1/torch"
		return
	fi
	[ "$(uname -sm)" = "Linux x86_64" ] ||
		die "the pinned libtorch is for Linux x86_64, this is $(uname -sm); set AZR_LIBTORCH=DIR to one for this machine"
	unpack_libtorch "$1"
}

# unpack_libtorch keeps torch/ and nvidia/ side by side, since libtorch_cpu.so
# finds the NVIDIA libraries by a relative path.
unpack_libtorch() {
	local torch cupti cudart unpack=$root/third_party/unpack.py
	torch=$(wheel "$TORCH_WHEEL" "$TORCH_SHA256" "$TORCH_SIZE")
	cupti=$(wheel "$CUPTI_WHEEL" "$CUPTI_SHA256" "$CUPTI_SIZE")
	cudart=$(wheel "$CUDART_WHEEL" "$CUDART_SHA256" "$CUDART_SIZE")
	say "unpacking libtorch_cpu"
	python3 "$unpack" "$torch" "$1" 'torch/include/*' 'torch-*.dist-info/*' \
		torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1
	python3 "$unpack" "$cupti" "$1" '*'
	python3 "$unpack" "$cudart" "$1" '*'
}
