# The Python reference (PyTorch and transformers) that goldens are made with: a
# virtual environment of some 5 GB, made only by `make reference`.

reference_inputs() {
	python3 --version
	hash_files third_party/parts/reference.sh third_party/reference-constraints.txt \
		testdata/golden/requirements.txt
}

# The folder is renamed when it is whole: its bin/python goes on working, its
# scripts, pip among them, do not.
reference_build() {
	python3 -m venv "$1"
	say "installing testdata/golden/requirements.txt (3 GB to fetch)"
	"$1/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
		-r "$root/testdata/golden/requirements.txt" -c "$root/third_party/reference-constraints.txt" ||
		die "cannot install testdata/golden/requirements.txt; pip's own words are above"
}
