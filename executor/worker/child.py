"""What happens in the child that is forked for one execution.

The child reads its task itself, so that nothing of it is ever in the worker,
from which later children are copied. It gives up what the worker still had, runs
the program, and writes a frame for each input to descriptor 3: u32 length, then
the nonce, a status letter, the error's name, a NUL, and the value's canonical
text. Everything that is needed after the program has run is bound to local names
before it starts.
"""

import ctypes
import gc
import marshal
import os
import resource
import signal
import struct
import sys
import time
import types

LETTERS = {"ok": b"o", "error": b"e", "memory": b"m", "output_limit": b"l", "blocked": b"b", "bad_input": b"i"}
# The worker's descriptors. A child has 0 to 3.
CLAIMS, ORDERS, REPORTS, TASKS, CHILD_STDERR, INPUT = 3, 4, 5, 6, 7, 8
MAX_ERROR = 200

# A task is u32 length, this, and as many parts, each after its u32 length.
TASK = struct.Struct("<16sBII")  # nonce, flags, seconds of CPU time, number of parts
LENGTH = struct.Struct("<I")
GATED, SCRIPT = 1, 2
PAGE = 4096

prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 4, 22, 2


class FilterProgram(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def make_filter(raw):
    """Returns the argument for PR_SET_SECCOMP and the memory that it points to."""
    memory = ctypes.create_string_buffer(raw, len(raw))
    return ctypes.byref(FilterProgram(len(raw) // 8, ctypes.addressof(memory))), memory


def die_with(worker):
    """Ties the child's life to the worker's, which may have died before the kernel was asked to."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != worker:
        os._exit(0)


def read_task():
    """Returns nonce, flags, seconds of CPU time, and the parts."""
    data, size = b"", LENGTH.size
    while len(data) < size:
        read = os.read(TASKS, max(PAGE, size - len(data)))
        if not read:
            os._exit(0)  # the trainer is gone
        data += read
        if size == LENGTH.size <= len(data):
            size += LENGTH.unpack_from(data)[0]
    nonce, flags, seconds, count = TASK.unpack_from(data, LENGTH.size)
    parts, at = [], LENGTH.size + TASK.size
    for _ in range(count):
        begin = at + LENGTH.size
        at = begin + LENGTH.unpack_from(data, at)[0]
        parts.append(data[begin:at])
    return nonce, flags, seconds, parts


def fresh_module(program):
    """Returns the namespace the program runs in: a module of its own, which is also __main__ to whoever asks."""
    module = types.ModuleType("program")
    sys.modules["program"] = sys.modules["__main__"] = module
    return module.__dict__


def give_up_rights(cpu_seconds, child_filter):
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if child_filter and prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, child_filter, 0, 0) != 0:
        os._exit(98)


# Frames wait for the next ones so long, in seconds: waking the trainer costs more than a short run.
PATIENCE = 0.002


def make_sender(nonce):
    """Returns the function that writes a frame and, with the last, ends the child. It uses C methods alone: builtins may be changed by then."""
    write, leave, pack, letters, now = os.write, os._exit, struct.pack, LETTERS, time.monotonic
    encode, size = str.encode, bytes.__len__
    unsent, sent = b"", now()

    def send(status, error, value, last=True):
        nonlocal unsent, sent
        body = nonce + letters[status] + encode(error, "utf-8", "replace")[:MAX_ERROR] + b"\0" + encode(value, "utf-8", "replace")
        unsent += pack("<I", size(body)) + body
        if not last and now() - sent < PATIENCE:
            return
        while unsent:
            unsent = unsent[write(CLAIMS, unsent) :]
        if last:
            leave(0)
        sent = now()

    return send


def out_of_memory(nonce):
    """Returns the frame that says so. It is made in time: later there is no memory to make it of."""
    body = nonce + LETTERS["memory"] + b"MemoryError\0" + b"1"
    return LENGTH.pack(len(body)) + body


def run_program(program, inputs, gated, send, canonical, share_any):
    """Runs the program on each of the inputs, in a fresh namespace each, and sends a frame for each. MemoryError passes through it."""
    base, memory, not_literal, too_long, kind = BaseException, MemoryError, NotLiteral, TooLong, type
    name_of = type.__dict__["__name__"].__get__
    run, translate, read, fresh = exec, compile, marshal.loads, fresh_module

    def answer(step, given):
        try:
            return step(given)
        except not_literal:
            return "error", "NotLiteral", ""
        except too_long:
            return "output_limit", "value too long", ""
        except memory:
            raise
        except base as e:
            return "error", name_of(kind(e)), ""

    def load(program):
        refused = refusal(program) if gated else None
        return ("blocked", refused, "") if refused else translate(program, "<program>", "exec", dont_inherit=True)

    def call(given):
        try:
            arguments = read(given)
        except base as e:
            return "bad_input", name_of(kind(e)), ""
        namespace = fresh(program)
        run(code, namespace)
        return "ok", "", canonical(namespace["f"](*arguments))

    code = answer(load, program)
    if kind(code) is tuple:
        send(*code)
    left = len(inputs)
    if left > 1 and not share_any and keeps_state(program):
        return
    for given in inputs:
        left -= 1
        send(*answer(call, given), left == 0)


def child_main(worker, settings, stdin=None):
    """Never returns. Stdin is what a script reads from, if there is anything."""
    leave, write, memory = os._exit, os.write, MemoryError
    exhausted = b""
    try:
        die_with(worker)
        nonce, flags, cpu_seconds, parts = read_task()
        exhausted, send = out_of_memory(nonce), make_sender(nonce)
        os.dup2(CHILD_STDERR, 2)
        if stdin is not None:
            os.dup2(stdin, 0)
        os.closerange(CLAIMS + 1, 64)
        gc.enable()
        give_up_rights(cpu_seconds, settings["filter"])
        if flags & SCRIPT:
            run_script(json.loads(parts[0]), send)
        else:
            run_program(parts[0].decode(), parts[1:], flags & GATED, send, settings["canonical"], settings["share_any"])
    except memory:
        write(CLAIMS, exhausted)
        leave(0)
    finally:
        leave(97)
