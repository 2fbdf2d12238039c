"""What happens in the child that is forked for one execution.

The child gives up what the worker still had, runs the program, and writes one
frame to descriptor 3: u32 length, then the nonce, a status letter, the error's
name, a NUL, and the value's canonical text. Everything that is needed after the
program has run is bound to local names before it starts.
"""

import ctypes
import gc
import math
import os
import resource
import signal
import struct
import sys
import time
import types

LETTERS = {"ok": b"o", "error": b"e", "memory": b"m", "output_limit": b"l", "blocked": b"b", "bad_input": b"i"}
RESULT_FD = 3
MAX_ERROR = 200

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 4, 22, 2


class FilterProgram(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def make_filter(raw):
    """Returns the argument for PR_SET_SECCOMP and the memory that it points to."""
    memory = ctypes.create_string_buffer(raw, len(raw))
    return ctypes.byref(FilterProgram(len(raw) // 8, ctypes.addressof(memory))), memory


def literal_names():
    return {"__builtins__": {}, "nan": math.nan, "inf": math.inf, "nanj": complex(0, math.nan), "infj": complex(0, math.inf), "set": set, "frozenset": frozenset}


def compile_arguments(text):
    """Compiles the canonical text that the trainer printed of parsed literals; an exception where it cannot.

    The worker does it before it forks: in a child, each page that the compiler touches is copied first.
    """
    try:
        return compile("(" + text + ",)" if text else "()", "<input>", "eval")
    except BaseException as e:
        return e


def build_arguments(code):
    """Builds the arguments afresh from what compile_arguments returned."""
    if isinstance(code, BaseException):
        raise code
    return eval(code, literal_names())


def fresh_module(program):
    """Returns the namespace the program runs in: a module of its own, which is also __main__ to whoever asks."""
    module = types.ModuleType("program")
    sys.modules["program"] = sys.modules["__main__"] = module
    return module.__dict__


def give_up_rights(cpu_seconds, memory_bytes, child_filter):
    limits = resource.setrlimit
    limits(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    limits(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    limits(resource.RLIMIT_NOFILE, (16, 16))
    limits(resource.RLIMIT_NPROC, (0, 0))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if child_filter and libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, child_filter, 0, 0) != 0:
        os._exit(98)


# Frames wait for the next ones so long, in seconds: waking the worker costs more than a short run.
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
            unsent = unsent[write(RESULT_FD, unsent) :]
        if last:
            leave(0)
        sent = now()

    return send


def run_program(task, send, canonical, share_any):
    """Runs the program on each input of the task, in a fresh namespace each, and sends a frame for each."""
    base, memory, not_literal, too_long, kind = BaseException, MemoryError, NotLiteral, TooLong, type
    name_of = type.__dict__["__name__"].__get__
    run, translate, read, fresh = exec, compile, build_arguments, fresh_module
    program, gated, inputs = task["program"], task["gate"], task["arguments"]

    def answer(step, given):
        try:
            return step(given)
        except not_literal:
            return "error", "NotLiteral", ""
        except too_long:
            return "output_limit", "value too long", ""
        except memory:
            return "memory", "MemoryError", ""
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
        try:
            send(*answer(call, given), left == 0)
        except memory:
            send("memory", "MemoryError", "")


def child_main(task, nonce, result_fd, output_fd, null_fd, settings):
    """Never returns."""
    leave = os._exit
    try:
        os.dup2(null_fd, 0)
        os.dup2(output_fd, 1)
        os.dup2(output_fd, 2)
        os.dup2(result_fd, RESULT_FD)
        os.closerange(RESULT_FD + 1, 64)
        gc.enable()
        give_up_rights(math.ceil(task["timeout"] * len(task["arguments"])) + 1, settings["memory_bytes"], settings["filter"])
        run_program(task, make_sender(nonce), settings["canonical"], settings["share_any"])
    finally:
        leave(97)
