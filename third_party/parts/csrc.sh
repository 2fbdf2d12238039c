# The C ABI over libtorch: CMakeLists.txt and csrc/ as shared libraries, which
# find libtorch by its place in the cache.

csrc_inputs() {
	result libtorch
	"${CXX:-c++}" --version
	hash_files third_party/parts/csrc.sh CMakeLists.txt csrc
}

csrc_build() { compile_csrc "$1" "" azrtorch; }

# compile_csrc FOLDER FLAGS LIBRARY... puts lib$LIBRARY.so there, compiled with further flags; what follows is for cmake. The
# build tree stays in the clone, one for each compiler, libtorch, library and flags.
compile_csrc() {
	local folder=$1 flags=$2 library=$3 libtorch tree generator="Unix Makefiles"
	shift 3
	libtorch=$(result libtorch)/torch
	tree=$root/build/csrc-$({ echo "$libtorch$flags$library$*"; "${CXX:-c++}" --version; } | sha256sum | cut -c1-8)
	if command -v ninja >/dev/null; then generator=Ninja; fi
	if [ -f "$tree/CMakeCache.txt" ]; then generator=; fi
	say "compiling csrc (half a minute)"
	cmake -S "$root" -B "$tree" ${generator:+-G "$generator"} -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_CXX_FLAGS="$flags" -DAZR_LIBTORCH="$libtorch" "$@" >"$folder.log" 2>&1 &&
		cmake --build "$tree" --target "$library" --parallel "$(nproc)" >>"$folder.log" 2>&1 ||
		die "compiling csrc failed: $(grep -m1 -E "error:|Error" "$folder.log" || tail -1 "$folder.log"); whole log: $folder.log"
	cp "$tree/lib$library.so" "$folder/"
	rm "$folder.log"
	if ldd "$folder/lib$library.so" | grep "not found" >&2; then die "lib$library.so does not find the libraries above"; fi
}

csrc_installed() {
	write_native_hash "$root/torch/internal/capi/native_generated.go" capi "$1"
}
