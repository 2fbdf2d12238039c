"""The worker: reads a task, forks a child for it, watches the child, replies.

Tasks and replies are frames on descriptors 0 and 1: u32 length, then JSON. The
child never has these descriptors. The worker alone decides what became of the
child; the child only claims a value, in a frame on a pipe of its own.

The trainer joins files into one program, and calls main when all are read:
canonical, dataflow, gate, state, child, zygote, script. Each uses the names of those before it;
only main also knows the last.
"""

import collections  # noqa: F401  (this and the next lines: preloaded for programs)
import functools  # noqa: F401
import heapq  # noqa: F401
import itertools  # noqa: F401
import json
import operator  # noqa: F401
import re  # noqa: F401
import select
import string  # noqa: F401
import time
import typing  # noqa: F401

NULL_FD = 3
MAX_TASK = 4 << 20
HEADER = 4
NONCE = 16
STATUSES = {letter: status for status, letter in LETTERS.items()}
SIGNALS = {
    signal.SIGSYS: ("blocked", "SIGSYS"),
    signal.SIGXCPU: ("timeout", "SIGXCPU"),
    signal.SIGXFSZ: ("output_limit", "SIGXFSZ"),
    signal.SIGKILL: ("memory", "SIGKILL"),
}


def read_exactly(n):
    data = b""
    while len(data) < n:
        part = os.read(0, n - len(data))
        if not part:
            os._exit(0)  # the trainer is gone
        data += part
    return data


def read_task():
    (length,) = struct.unpack("<I", read_exactly(HEADER))
    if length > MAX_TASK:
        os._exit(96)
    return {"more": [], **json.loads(read_exactly(length))}


def write_replies(replies):
    data = b""
    for reply in replies:
        body = json.dumps(reply).encode()
        data += struct.pack("<I", len(body)) + body
    while data:
        data = data[os.write(1, data) :]


def is_complete(frame):
    return len(frame) >= HEADER and len(frame) >= HEADER + struct.unpack_from("<I", frame)[0]


class Pipes:
    """A child seen from the worker: its pipes and what has come through them."""

    def __init__(self, task, settings):
        self.nonce = os.urandom(NONCE)
        self.result, child_result = os.pipe()
        self.output, child_output = os.pipe()
        self.unread, self.printed, self.settings = b"", 0, settings
        self.pid = os.fork()
        if self.pid == 0:
            child_main(task, self.nonce, child_result, child_output, NULL_FD, settings)
        os.close(child_result)
        os.close(child_output)
        self.poll = select.poll()
        self.poll.register(self.result, select.POLLIN)
        self.poll.register(self.output, select.POLLIN)

    def next_frame(self, deadline):
        """Reads until a frame is complete, the child has closed the pipe, or a limit is passed.

        Returns the status that a passed limit means, or None. What was read is in self.unread.
        """
        while not is_complete(self.unread):
            left = deadline - time.monotonic()
            if left <= 0:
                return "timeout"
            for fd, _ in self.poll.poll(left * 1000 + 1):
                data = os.read(fd, 1 << 16)
                if fd == self.output:
                    self.printed += len(data)
                    if self.printed > self.settings["output_bytes"]:
                        return "output_limit"
                    if not data:
                        self.poll.unregister(self.output)
                    continue
                self.unread += data
                if is_complete(self.unread):
                    return None
                if len(self.unread) > self.settings["frame_bytes"]:
                    return "output_limit"
                if not data:
                    return None if has_ended(self.pid, deadline) else "timeout"
        return None

    def take(self):
        """Returns what was read up to the end of the first frame."""
        size = HEADER + struct.unpack_from("<I", self.unread)[0] if is_complete(self.unread) else len(self.unread)
        frame, self.unread = self.unread[:size], self.unread[size:]
        return frame

    def close(self):
        """Ends the child."""
        os.kill(self.pid, signal.SIGKILL)
        _, wait_status, usage = os.wait4(self.pid, 0)
        expect_no_child()
        os.close(self.result)
        os.close(self.output)
        return wait_status, usage


def has_ended(pid, deadline):
    """Waits for a child that will send nothing more."""
    fd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    ended = bool(poll.poll(max(0, deadline - time.monotonic()) * 1000 + 1))
    os.close(fd)
    return ended


def judge(frame, nonce, wait_status):
    """Returns status, error and value of a child that passed no limit."""
    if is_complete(frame):
        (length,) = struct.unpack_from("<I", frame)
        status = STATUSES.get(frame[HEADER + NONCE : HEADER + NONCE + 1])
        error, end, value = frame[HEADER + NONCE + 1 :].partition(b"\0")
        if len(frame) != HEADER + length or frame[HEADER : HEADER + NONCE] != nonce or not status or not end:
            return "error", "ProtocolViolation", ""
        try:
            return status, error.decode(), value.decode()
        except UnicodeDecodeError:
            return "error", "ProtocolViolation", ""
    if frame:
        return "error", "ProtocolViolation", ""
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        return *SIGNALS.get(number, ("error", signal_name(number))), ""
    return "error", f"exit {os.WEXITSTATUS(wait_status)} without a value", ""


def signal_name(number):
    """Real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def execute(task, settings):
    """Runs the task's inputs in one child. Returns the replies, but for those that it has sent rather than let them wait for the child.

    A child that is shared by more inputs replies until one of them ends with
    anything but a value or an exception. That one and the rest get an infra
    reply: the trainer runs each of them in a child of its own.
    """
    task["arguments"] = [compile_arguments(text) for text in (task["args"], *task["more"])]
    pipes = Pipes(task, settings)
    start, replies = time.monotonic(), []
    for _ in task["more"]:
        if replies and not is_complete(pipes.unread):
            write_replies(replies)
            replies = []
        passed = pipes.next_frame(start + task["timeout"])
        claim = None if passed or not is_complete(pipes.unread) else judge(pipes.take(), pipes.nonce, 0)
        if not is_value_or_exception(claim):
            return [*replies, describe(task, ("infra", "", ""), start, pipes.close()[1])]
        replies.append({**describe(task, claim, start, None), "more": True})
        start = time.monotonic()
    passed = pipes.next_frame(start + task["timeout"])
    ended = not is_complete(pipes.unread)
    wait_status, usage = pipes.close()
    claim = (passed, "", "") if passed else judge(pipes.unread, pipes.nonce, wait_status)
    if task["more"] and (ended or not is_value_or_exception(claim)):
        claim = "infra", "", ""
    return [*replies, describe(task, claim, start, usage)]


def is_value_or_exception(claim):
    return claim is not None and claim[0] in ("ok", "error") and claim[1] != "ProtocolViolation"


def describe(task, claim, start, usage):
    """Returns the reply to one input of a task."""
    status, error, value = claim
    return {
        "id": task["id"],
        "status": status,
        "error": error,
        "value": value,
        "wall": time.monotonic() - start,
        "cpu": usage.ru_utime + usage.ru_stime if usage else 0,
        "rss": usage.ru_maxrss << 10 if usage else 0,
    }


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
        "output_bytes": given["output_bytes"],
        "frame_bytes": HEADER + NONCE + 2 + MAX_ERROR + given["value_bytes"],
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
    for _ in range(20):
        namespace = {}
        assert refusal(WARM_UP) is None and not keeps_state(WARM_UP)
        exec(compile(WARM_UP, "<program>", "exec", dont_inherit=True), namespace)
        json.loads(json.dumps({"value": canonical(namespace["f"](*build_arguments(compile_arguments("[3, 1, 2], 2"))))}))


def main():
    settings = read_settings(sys.argv[1])
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # for the children, where it costs some 25 page faults
    os.environ.clear()
    del sys.argv[:], sys.orig_argv[:]
    warm_up(settings["canonical"])
    gc.collect()
    gc.freeze()
    gc.disable()
    gc.set_threshold(100_000, 10, 10)  # for the children: short lives have little garbage and pay for each look at it
    write_replies([{"id": 0, "status": "ok", "error": "", "value": "", "wall": 0, "cpu": 0, "rss": 0}])
    while True:
        task = read_task()
        write_replies([execute_script(task, settings)] if "script" in task else execute(task, settings))
