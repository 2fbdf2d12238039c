"""The worker: forks a child for each task, kills it when told to, and reports its end.

It never holds a program, an input or a value: those pass between trainer and
child. It knows a task by its number alone. Only the input of a script goes
through it, by way of a buffer that is wiped.

The trainer joins files into one program, and calls main when all are read:
canonical, dataflow, gate, state, child, script, zygote. Each uses the names of
those before it; only make_child also knows json and the script's.
"""

import collections  # noqa: F401  (this and the next lines: preloaded for programs)
import functools  # noqa: F401
import heapq  # noqa: F401
import itertools  # noqa: F401
import json
import math  # noqa: F401
import operator  # noqa: F401
import re  # noqa: F401
import select
import string  # noqa: F401
import typing  # noqa: F401

ORDER = struct.Struct("<BQQQ")  # what to do, the task's number, its bytes, and those of a script's input
REPORT = struct.Struct("<QiQQ")  # the task's number, its wait status, microseconds of CPU time, peak bytes of memory
RUN, KILL = 0, 1
READY = REPORT.pack(0, 0, 0, 0)


def read_order():
    data = os.read(ORDERS, ORDER.size)  # written at once, so never less
    if not data:
        os._exit(0)  # the trainer is gone
    return ORDER.unpack(data)


class Feed:
    """Hands a script its input, a page at a time."""

    page = bytearray(select.PIPE_BUF)  # a pipe that is writable takes this much without blocking

    def __init__(self, size):
        self.left = size
        self.stdin, self.pipe = os.pipe()

    def take(self):
        """Reads the next page from the trainer."""
        view = memoryview(self.page)
        n = os.readv(INPUT, [view[: self.left]])
        if n == 0:
            os._exit(0)  # the trainer is gone
        self.left -= n
        return view[:n]

    def pump(self):
        """Hands on a page. After the last one the script is to see the end."""
        try:
            os.write(self.pipe, self.take())
        except BrokenPipeError:
            pass
        if not self.left:
            os.close(self.pipe)

    def close(self):
        """Takes what nobody will read, and wipes the page."""
        if self.left:
            os.close(self.pipe)
        while self.left:
            self.take()
        self.page[:] = bytes(len(self.page))


def run(number, size, input_size, worker, child):
    """Runs one task in a child. Returns its wait status and its usage."""
    feed = Feed(input_size) if input_size else None
    pid = os.fork()
    if pid == 0:
        child(worker, size, feed and feed.stdin)
    end = os.pidfd_open(pid)
    if feed:
        os.close(feed.stdin)
    watch(pid, number, end, feed)
    os.close(end)
    if feed:
        feed.close()
    _, wait_status, usage = os.wait4(pid, 0)
    expect_no_child()
    return wait_status, usage


def watch(pid, number, end, feed):
    """Waits for the child's end, obeying orders and feeding it meanwhile."""
    while True:
        hungry = [feed.pipe] if feed and feed.left else []
        ready, writable, _ = select.select([end, ORDERS], hungry, [])
        if end in ready:
            return
        if ready:
            order, which, _, _ = read_order()
            if order == KILL and which == number:
                os.kill(pid, signal.SIGKILL)
        if writable:
            feed.pump()


def expect_no_child():
    """Ends the worker, and so all in it, if a task left a process behind."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    os._exit(95)


def read_settings(text):
    given = json.loads(text)
    child_filter, memory = make_filter(bytes.fromhex(given["filter"])) if given["filter"] else (None, None)
    return {
        "memory_bytes": given["memory_bytes"],
        "canonical": make_canonical(given["value_bytes"]),
        "filter": child_filter,
        "filter_memory": memory,
        "share_any": given["share_any"],
    }


WARM_UP = '''
from collections import Counter
import math
def f(a, b=2):
    d = {}
    for i, x in enumerate(sorted(a)):
        d.setdefault(x, []).append(i)
    s = "".join(str(k) for k in d)
    return {k: v for k, v in d.items()}, s.upper(), f"{b:.2f}", [x * x for x in a if x], math.sqrt(b), {b}
'''


def warm_up(canonical):
    """Goes the child's way a few times, so that each fork shares what the interpreter builds on first use."""
    given = marshal.dumps(([3, 1, 2], 2), 2)
    for _ in range(20):
        namespace = {}
        assert refusal(WARM_UP) is None and not keeps_state(WARM_UP)
        exec(compile(WARM_UP, "<program>", "exec", dont_inherit=True), namespace)
        json.loads(json.dumps({"value": canonical(namespace["f"](*marshal.loads(given)))}))


def main():
    settings = read_settings(sys.argv[1])
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # for the children, where it costs some 25 page faults
    os.environ.clear()
    del sys.argv[:], sys.orig_argv[:]
    warm_up(settings["canonical"])
    # What the children are to have too costs less once here than in each of them.
    resource.setrlimit(resource.RLIMIT_AS, (settings["memory_bytes"], settings["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    child = make_child(settings)
    worker = os.getpid()
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim:
        trim(0)  # each fork goes through what the worker holds
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)  # for the children: short lives have little garbage and pay for each look at it
    os.write(REPORTS, READY)
    while True:
        order, number, size, input_size = read_order()
        if order == RUN:
            wait_status, usage = run(number, size, input_size, worker, child)
            cpu = int((usage.ru_utime + usage.ru_stime) * 1e6)
            os.write(REPORTS, REPORT.pack(number, wait_status, cpu, usage.ru_maxrss << 10))
