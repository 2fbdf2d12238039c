# csrc as in parts/csrc.sh, with GCC's address sanitizer in it: tests that go through it end where it reads or writes
# outside of a tensor.

csrc_asan_inputs() {
	csrc_inputs
	hash_files third_party/parts/csrc_asan.sh
}

csrc_asan_build() { compile_csrc "$1" "-fsanitize=address -fno-omit-frame-pointer -g1 -O1" azrtorch; }
