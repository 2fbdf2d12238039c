"""What happens in the child that is forked for one execution.

The child reads its task itself, so that nothing of it is ever in the worker,
from which later children are copied. It gives up what the worker still had, runs
the program, and writes a frame for each input to descriptor 3: u32 length, then
the nonce, a status letter, the error's name, a NUL, and the value's canonical
text.

All that a child does itself, before and after the program, is bound in the
worker (make_child): a program cannot put something else in its place, and a child
copies fewer of the worker's pages, which is what a short execution costs.
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

# The worker's descriptors. A child has 0 to 3.
CLAIMS, ORDERS, REPORTS, TASKS, CHILD_STDERR, INPUT = 3, 4, 5, 6, 7, 8
# The status letters of a claim.
OK, ERROR, OUT_OF_MEMORY, OUTPUT_LIMIT, BLOCKED, BAD_INPUT = b"o", b"e", b"m", b"l", b"b", b"i"
# The flags of a task.
GATED, SCRIPT = 1, 2
MAX_ERROR = 200
# Frames wait for the next ones so long, in seconds: waking the trainer costs more than a short run.
PATIENCE = 0.002

prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 4, 22, 2


class FilterProgram(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def make_filter(raw):
    """Returns the argument for PR_SET_SECCOMP and the memory that it points to."""
    memory = ctypes.create_string_buffer(raw, len(raw))
    return ctypes.byref(FilterProgram(len(raw) // 8, ctypes.addressof(memory))), memory


def fresh_module():
    """Returns the namespace a program runs in: a module of its own, which is also __main__ to whoever asks."""
    module = types.ModuleType("program")
    sys.modules["program"] = sys.modules["__main__"] = module
    return module.__dict__


def make_confinement(child_filter):
    """Returns what ties a child to the worker, reads its task, and gives up what the worker still has."""
    ask, parent, leave, read, loads = prctl, os.getppid, os._exit, os.read, marshal.loads
    dup2, close, limit, nothing = os.dup2, os.closerange, resource.setrlimit, (0, 0)
    killed, cpu_time, processes = int(signal.SIGKILL), resource.RLIMIT_CPU, resource.RLIMIT_NPROC

    def die_with(worker):
        """Ties the child's life to the worker's, which may have died before the kernel was asked to."""
        ask(PR_SET_PDEATHSIG, killed, 0, 0, 0)
        if parent() != worker:
            leave(0)

    def read_task(size):
        """Returns nonce, flags, seconds of CPU time, the frame that says out of memory, a source and marshalled inputs."""
        data = read(TASKS, size)
        while len(data) < size:
            more = read(TASKS, size - len(data))
            if not more:
                leave(0)  # the trainer is gone
            data += more
        return loads(data)

    def give_up_rights(cpu_seconds, stdin):
        dup2(CHILD_STDERR, 2)
        if stdin is not None:
            dup2(stdin, 0)
        close(CLAIMS + 1, 64)
        limit(cpu_time, (cpu_seconds, cpu_seconds))
        limit(processes, nothing)
        if child_filter and ask(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, child_filter, 0, 0) != 0:
            leave(98)

    return die_with, read_task, give_up_rights


def make_sender():
    """Returns the function that writes a frame and, with the last, ends the child. It uses C methods alone: builtins may be changed by then."""
    write, leave, now, pack = os.write, os._exit, time.monotonic, struct.Struct("<I").pack
    encode, join, size = str.encode, bytes.join, bytes.__len__
    unsent, sent = b"", 0.0

    def send(nonce, status, error, value, last=True):
        nonlocal unsent, sent
        body = join(b"", (nonce, status, encode(error, "utf-8", "replace")[:MAX_ERROR], b"\0", encode(value, "utf-8", "replace")))
        unsent += pack(size(body)) + body
        if not last and now() - sent < PATIENCE:
            return
        while unsent:
            unsent = unsent[write(CLAIMS, unsent) :]
        if last:
            leave(0)
        sent = now()

    return send


def make_runner(send, canonical, share_any):
    """Returns the function that runs a program on each input, in a fresh namespace each, and sends a frame for each. MemoryError passes through it."""
    base, memory, not_literal, too_long, kind = BaseException, MemoryError, NotLiteral, TooLong, type
    name_of = type.__dict__["__name__"].__get__
    run, translate, loads, fresh, stateful, refuse = exec, compile, marshal.loads, fresh_module, keeps_state, refusal
    first = fresh()

    def call(code, given, namespace):
        try:
            arguments = loads(given)
        except base as e:
            return BAD_INPUT, name_of(kind(e)), ""
        try:
            run(code, namespace)
            return OK, "", canonical(namespace["f"](*arguments))
        except not_literal:
            return ERROR, "NotLiteral", ""
        except too_long:
            return OUTPUT_LIMIT, "value too long", ""
        except memory:
            raise
        except base as e:
            return ERROR, name_of(kind(e)), ""

    def run_program(nonce, program, gated, inputs):
        refused = refuse(program) if gated else None
        if refused:
            send(nonce, BLOCKED, refused, "")
        try:
            code = translate(program, "<program>", "exec", 0, True)
        except memory:
            raise
        except base as e:
            send(nonce, ERROR, name_of(kind(e)), "")
        left = len(inputs)
        if left > 1 and not share_any and stateful(program):
            return
        namespace = first
        for given in inputs:
            left -= 1
            send(nonce, *call(code, given, namespace), left == 0)
            namespace = fresh()

    return run_program


def make_child(settings):
    """Returns what a child does, which never returns. Stdin is what a script reads from, if there is anything."""
    leave, write, memory, read_json, run_a_script = os._exit, os.write, MemoryError, json.loads, run_script
    die_with, read_task, give_up_rights = make_confinement(settings["filter"])
    send = make_sender()
    run_program = make_runner(send, settings["canonical"], settings["share_any"])

    def child(worker, size, stdin):
        try:
            die_with(worker)
            nonce, flags, cpu_seconds, out_of_memory, source, inputs = read_task(size)
            give_up_rights(cpu_seconds, stdin)
            try:
                if flags & SCRIPT:
                    run_a_script(read_json(source), nonce, send)
                else:
                    run_program(nonce, source, flags & GATED, inputs)
            except memory:  # nothing can be made now, so this was made before
                write(CLAIMS, out_of_memory)
                leave(0)
        finally:
            leave(97)

    return child
