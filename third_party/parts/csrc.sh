# The C ABI over libtorch: CMakeLists.txt and csrc/ as shared libraries, which
# find libtorch by its place in the cache.

csrc_inputs() {
	result libtorch
	"${CXX:-c++}" --version
	hash_files third_party/parts/csrc.sh CMakeLists.txt csrc
}

csrc_build() { compile_csrc "$1" ""; }

# compile_csrc FOLDER FLAGS puts the libraries there, compiled with further flags. The build tree stays in the clone, one
# for each compiler, libtorch and flags.
compile_csrc() {
	local libtorch tree generator="Unix Makefiles"
	libtorch=$(result libtorch)/torch
	tree=$root/build/csrc-$({ echo "$libtorch$2"; "${CXX:-c++}" --version; } | sha256sum | cut -c1-8)
	if command -v ninja >/dev/null; then generator=Ninja; fi
	if [ -f "$tree/CMakeCache.txt" ]; then generator=; fi
	say "compiling csrc (half a minute)"
	cmake -S "$root" -B "$tree" ${generator:+-G "$generator"} -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_CXX_FLAGS="$2" -DAZR_LIBTORCH="$libtorch" >"$1.log" 2>&1 &&
		cmake --build "$tree" --parallel "$(nproc)" >>"$1.log" 2>&1 ||
		die "compiling csrc failed: $(grep -m1 -iE 'error' "$1.log" || tail -1 "$1.log"); whole log: $1.log"
	cp "$tree"/libazrtorch*.so "$1/"
	rm "$1.log"
	if ldd "$1/libazrtorch.so" | grep "not found" >&2; then die "libazrtorch.so does not find the libraries above"; fi
}

csrc_installed() {
	write_native_hash "$root/torch/internal/capi/native_generated.go" capi "$1"
}
