"""Floors for the executor: what its work costs in plain Python, without isolation, protocol or limits.

usage: floor.py fork|inplace COUNT FIRST

fork runs each program in a child as the worker does: fork, compile, exec, repr,
a pipe and wait. inplace runs them all in this process. The modules loaded are
the worker's, as a fork's cost grows with them. Prints one JSON object: seconds
of wall and CPU time in all, and the wall time of each program.
"""

import collections  # noqa: F401
import ctypes  # noqa: F401
import functools  # noqa: F401
import gc
import heapq  # noqa: F401
import itertools  # noqa: F401
import json
import math  # noqa: F401
import operator  # noqa: F401
import os
import re  # noqa: F401
import resource  # noqa: F401
import select  # noqa: F401
import string  # noqa: F401
import sys
import time
import typing  # noqa: F401


def evaluate(program, value):
    namespace = {}
    exec(compile(program, "<program>", "exec"), namespace)
    return repr(namespace["f"](value)).encode()


def in_child(program, value):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, evaluate(program, value))
        os._exit(0)
    os.close(write)
    result = os.read(read, 1 << 16)
    os.close(read)
    os.waitpid(pid, 0)
    return result


def cpu():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def main():
    run = {"fork": in_child, "inplace": evaluate}[sys.argv[1]]
    count, first = int(sys.argv[2]), int(sys.argv[3])
    for _ in range(20):
        evaluate("def f(x):\n    return [x + 1, 'warm']\n", 1)
    gc.collect()
    gc.freeze()
    gc.disable()
    each = []
    used, start = cpu(), time.monotonic()
    for i in range(first, first + count):
        begun = time.monotonic()
        expected = repr([i, str(i)]).encode()
        assert run(f"def f(x):\n    return [x + {i}, str(x + {i})]\n", 0) == expected
        each.append(time.monotonic() - begun)
    print(json.dumps({"wall": time.monotonic() - start, "cpu": cpu() - used, "each": each}))


main()
