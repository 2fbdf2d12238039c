# The Rust crate third_party/tokenizers as a static library.

tokenizers_inputs() {
	rustc --version
	hash_files third_party/parts/tokenizers.sh third_party/tokenizers/Cargo.toml \
		third_party/tokenizers/Cargo.lock third_party/tokenizers/src
}

# The target folder stays in the clone, so that a change compiles only itself.
tokenizers_build() {
	local target=$root/build/tokenizers
	say "compiling the Rust crate (1 minute the first time)"
	cargo build --quiet --release --locked \
		--manifest-path "$root/third_party/tokenizers/Cargo.toml" --target-dir "$target" >&2
	cp "$target/release/libtokenizers.a" "$1/"
}

tokenizers_installed() {
	write_native_hash "$root/rollout/tokenizer/native_generated.go" tokenizer "$1"
}
