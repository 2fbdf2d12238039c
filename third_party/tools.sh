#!/usr/bin/env bash
# The tools that building needs: tools.sh check names the missing ones,
# tools.sh install brings them to a Debian or Ubuntu machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The least versions that do: go.mod's, that of the Rust crates in Cargo.lock,
# CMakeLists.txt's, and the least for which convert.py's packages are pinned.
go_want=1.26 rust_want=1.85 cmake_want=3.18 gxx_want=11 python_want=3.11

# at_least GOT WANT compares versions. Nothing got is less than any.
at_least() {
	[ -n "$1" ] && [ "$(printf '%s\n' "$2" "$1" | sort -V | head -1)" = "$2" ]
}

first_version() { grep -oE '[0-9]+(\.[0-9]+)*' | head -1 || true; }

# version TOOL prints its version, or nothing if it is not there.
# In a folder with a go.mod, go names the toolchain that it would switch to.
version() {
	case $1 in
	go) (cd "$here/.." && go env GOVERSION) 2>/dev/null | first_version ;;
	g++) "${CXX:-c++}" -dumpfullversion -dumpversion 2>/dev/null | first_version ;;
	pip) python3 -m pip --version 2>/dev/null | first_version ;;
	*) "$1" --version 2>/dev/null | first_version ;;
	esac
}

# missing prints a line for each tool that is missing or too old.
missing() {
	local tool want got
	while read -r tool want; do
		got=$(version "$tool")
		at_least "$got" "$want" || echo "$tool >= $want (${got:-none} is here)"
	done <<-END
		g++ $gxx_want
		cmake $cmake_want
		go $go_want
		cargo $rust_want
		rustc $rust_want
		python3 $python_want
		pip 20
		flock 2
	END
}

check() {
	local lines
	lines=$(missing)
	[ -z "$lines" ] && return
	sed 's/^/missing: /' <<<"$lines" >&2
	echo 'run `make prerequisites` to install what is missing' >&2
	exit 1
}

install() {
	local gone
	gone=$(missing)
	[ -z "$gone" ] && { echo "nothing is missing"; return; }
	command -v apt-get >/dev/null ||
		{ echo "this machine has no apt-get; install by hand:"; echo "$gone"; exit 1; } >&2
	as_root apt-get update -qq
	as_root apt-get install --yes -qq --no-install-recommends \
		build-essential cmake ninja-build ca-certificates git util-linux python3 python3-pip python3-venv
	if grep -qE '^(cargo|rustc)' <<<"$gone"; then install_rust; fi
	if grep -q '^go ' <<<"$gone"; then "$here/build.sh" go; fi
	check
}

# install_rust takes the first package that is new enough: a plain cargo, the
# one that Debian keeps current for its browsers, or Ubuntu's numbered ones.
install_rust() {
	local package got
	for package in cargo cargo-web $(apt-cache --names-only search '^cargo-1\.[0-9]+$' | cut -d' ' -f1 | sort -rV); do
		got=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: *//p' | first_version)
		case $package in
		cargo-1.*) got=${package#cargo-} ;;
		# Debian numbered cargo 0.N until 1.N of Rust was N-1.
		cargo) at_least "$got" 1 || got= ;;
		esac
		if at_least "$got" "$rust_want"; then
			as_root apt-get install --yes -qq --no-install-recommends "$package" "${package/cargo/rustc}"
			return
		fi
	done
	echo "no package of Rust >= $rust_want here; install it with rustup" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"; else sudo DEBIAN_FRONTEND=noninteractive "$@"; fi
}

case ${1:-} in
check | install) "$1" ;;
*) echo "usage: tools.sh check|install" >&2; exit 2 ;;
esac
