"""Prints where the modules named in the arguments, and all that they require, are installed."""

import importlib.metadata
import importlib.util
import json
import os
import re
import sys


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(distribution):
    """The distributions that one needs, but for those of its extras."""
    for line in importlib.metadata.requires(distribution) or []:
        if "extra ==" not in line:
            yield normal(re.match(r"[\w.-]+", line)[0])


def spec_of(name):
    if not name.isidentifier():
        return None
    spec = importlib.util.find_spec(name)
    return spec if spec and spec.has_location else None


def find(names):
    owners = importlib.metadata.packages_distributions()
    modules = {}
    for module, distributions in owners.items():
        for distribution in distributions:
            modules.setdefault(normal(distribution), set()).add(module)
    files, paths, waiting = {}, set(), [n for n in names if n not in sys.stdlib_module_names]
    missing = [n for n in waiting if not spec_of(n)]
    while waiting:
        name = waiting.pop()
        spec = None if name in files else spec_of(name)
        if not spec:
            continue
        files[name] = file = os.path.realpath(spec.origin)
        place = os.path.dirname(file) if spec.submodule_search_locations else file
        paths.add(place)
        for distribution in set(owners.get(name, [])):
            shared = os.path.join(os.path.dirname(place), distribution + ".libs")
            paths.update([shared] if os.path.isdir(shared) else [])
            for required in requirements(distribution):
                waiting.extend(modules.get(required, []))
    return {"Files": files, "Paths": sorted(paths), "Missing": missing}


print(json.dumps(find(sys.argv[1:])))
