"""Prints the lines of code of each folder and checks the sizes that CONTRIBUTING.md asks for.

A Go file has at most 400 lines, a function at most 80. Functions are found by
gofmt's layout: from a line that begins with "func" to one that is "}".
"""

import collections
import pathlib
import subprocess
import sys

MAX_FILE, MAX_FUNCTION = 400, 80
SUFFIXES = (".go", ".cc", ".h", ".def", ".rs", ".py", ".sh")


def main():
    names = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], text=True)
    paths = [pathlib.Path(name) for name in names.splitlines()]
    folders = collections.Counter()
    problems = []
    for path in paths:
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        folders[str(path.parent)] += len(lines)
        if path.suffix == ".go":
            problems += oversized(path, lines)

    for folder, count in sorted(folders.items()):
        print(f"{count:7d} {folder}")
    print(f"{sum(folders.values()):7d} in all")
    if problems:
        sys.exit("\n".join(problems))


def oversized(path, lines):
    if len(lines) > MAX_FILE:
        yield f"{path}: file too long; got {len(lines)} lines, want at most {MAX_FILE}"
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("func ") and not line.endswith("}"):
            start = number
        elif line == "}" and start:
            if number - start + 1 > MAX_FUNCTION:
                yield f"{path}:{start}: function too long; got {number - start + 1} lines, want at most {MAX_FUNCTION}"
            start = None


if __name__ == "__main__":
    main()
