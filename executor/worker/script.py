"""The other kind of work: a script with files, input and captured output.

A script is run as Python would run it, as __main__ or as a program and the test
of it, in a child that is confined like any other. Its modules come from memory,
since there is no place to write them to. The worker feeds its input and
collects what it prints.
"""

import base64
import builtins
import importlib.machinery
import select

# A pipe that poll reports as writable takes this much without blocking.
CHUNK = select.PIPE_BUF
# What is printed must fit into a reply, as base64.
MAX_PRINTED = 2 << 20


class MemoryFinder:
    """Finds modules among source texts, by name."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        stem = name.replace(".", "/")
        for file in (stem + "/__init__.py", stem + ".py"):
            if file in self.sources:
                return importlib.machinery.ModuleSpec(name, self, origin=file, is_package=file.endswith("/__init__.py"))
        if any(file.startswith(stem + "/") for file in self.sources):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)  # a folder without __init__.py
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        file = module.__spec__.origin
        if file is None:
            return
        module.__file__ = file
        exec(compile(self.sources[file], file, "exec", dont_inherit=True), module.__dict__)


class LibraryFinder:
    """Finds the top modules of the allowed libraries, each by its file; what is inside a package Python finds itself."""

    def __init__(self, files):
        self.files = files

    def find_spec(self, name, path=None, target=None):
        file = self.files.get(name)
        if file is None:
            return None
        folder, _, last = file.rpartition("/")
        if last != "__init__.py":
            return importlib.util.spec_from_file_location(name, file)
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=[folder])


def prepare_imports(script):
    """The script's own modules come before the standard library, the libraries after it."""
    sources = script["files"] or {}
    for file in sources:
        top = file.removesuffix(".py").partition("/")[0]
        if top not in sys.builtin_module_names:
            sys.modules.pop(top, None)
    sys.meta_path.insert(0, MemoryFinder(sources))
    if script["libraries"]:
        import importlib.util  # noqa: F401

        sys.meta_path.append(LibraryFinder(script["libraries"]))
        os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # a process here cannot have more


def run_test(script, send):
    """Sends ok only after the test, and check if there is an entry, have come to their end."""
    base, memory, kind = BaseException, MemoryError, type
    name_of = type.__dict__["__name__"].__get__
    run, translate, show = exec, compile, show_exception
    entry, unchanged = script["entry"], dict(vars(builtins))
    try:
        test = translate(script["test"], "test.py", "exec", dont_inherit=True)
        namespace = fresh_module(script["program"])
        run(translate(script["program"], "main.py", "exec", dont_inherit=True), namespace)
        names = {**namespace, "__builtins__": unchanged}  # the test's own: the program may have changed its builtins
        names.pop("check", None)
        run(test, names)
        if entry:
            names["check"](names[entry])
    except base as e:
        status, error = "memory" if kind(e) is memory else "error", name_of(kind(e))
        try:
            show(e)
        except base:
            pass
    else:
        status, error = "ok", ""
    try:
        flush_output()
    except base:
        pass
    send(status, error, "0" if status == "ok" else "1")


def run_main(script, send):
    """Runs the program as `python main.py` would, to its exit code."""
    import atexit

    status, error, code = "ok", "", 0
    try:
        module = types.ModuleType("__main__")
        module.__file__ = "main.py"
        sys.modules["__main__"] = module
        exec(compile(script["program"], "main.py", "exec", dont_inherit=True), module.__dict__)
    except SystemExit as e:
        code = exit_code(e.code)
        status, error = "error" if code else "ok", f"exit {code}" if code else ""
    except BaseException as e:
        code, status, error = 1, "memory" if type(e) is MemoryError else "error", type(e).__name__
        show_exception(e)
    atexit._run_exitfuncs()
    flush_output()
    send(status, error, str(code))


def show_exception(e):
    """Prints the traceback from the script's own frames on."""
    trace = e.__traceback__.tb_next
    sys.excepthook(type(e), BaseException.with_traceback(e, trace), trace)


def exit_code(code):
    """Does with the argument of sys.exit what Python does."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def flush_output():
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def script_main(task, nonce, descriptors, settings):
    """Is what child_main is for a function. Never returns."""
    leave = os._exit
    try:
        for number, fd in enumerate(descriptors):
            os.dup2(fd, number)
        os.closerange(RESULT_FD + 1, 64)
        gc.enable()
        give_up_rights(math.ceil(task["timeout"]) + 1, settings["memory_bytes"], settings["filter"])
        script, send = task["script"], make_sender(nonce)
        prepare_imports(script)
        (run_test if script["test"] else run_main)(script, send)
    finally:
        leave(97)


class Script:
    """A script's child seen from the worker: its pipes and what came through them."""

    def __init__(self, task, settings):
        self.nonce = os.urandom(NONCE)
        self.unread = base64.b64decode(task["script"]["stdin"] or "")
        self.printed = {"stdout": b"", "stderr": b""}
        self.frame, self.truncated = b"", False
        self.room, self.frame_room = min(settings["output_bytes"], MAX_PRINTED), HEADER + NONCE + 2 + MAX_ERROR + 8
        child_in, self.stdin = os.pipe()
        self.stdout, child_out = os.pipe()
        self.stderr, child_err = os.pipe()
        self.result, child_result = os.pipe()
        descriptors = (child_in, child_out, child_err, child_result)
        self.pid = os.fork()
        if self.pid == 0:
            script_main(task, self.nonce, descriptors, settings)
        for fd in descriptors:
            os.close(fd)
        self.end = os.pidfd_open(self.pid)

    def watch(self, deadline):
        """Feeds and collects until the script has ended or passed a limit, which it returns."""
        poll = self.poll = select.poll()
        for fd in (self.result, self.stdout, self.stderr, self.end):
            poll.register(fd, select.POLLIN)
        poll.register(self.stdin, select.POLLOUT)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return "timeout"
            ready = [fd for fd, _ in poll.poll(left * 1000 + 1)]
            for fd in ready:
                self.serve(fd)
            if self.truncated or len(self.frame) > self.frame_room:
                return "output_limit"
            if is_complete(self.frame) or self.end in ready:
                return None

    def serve(self, fd):
        if fd == self.stdin:
            self.feed()
        elif fd != self.end and not self.collect(fd):
            self.poll.unregister(fd)

    def feed(self):
        try:
            self.unread = self.unread[os.write(self.stdin, self.unread[:CHUNK]) :] if self.unread else b""
        except BrokenPipeError:
            self.unread = b""
        if not self.unread:
            self.poll.unregister(self.stdin)
            os.close(self.stdin)
            self.stdin = None

    def collect(self, fd):
        """Reads once from the child; tells whether there may be more."""
        data = os.read(fd, 1 << 16)
        if fd == self.result:
            self.frame += data
            return bool(data)
        stream = "stdout" if fd == self.stdout else "stderr"
        self.printed[stream] += data[: self.room]
        self.truncated |= len(data) > self.room
        self.room -= min(self.room, len(data))
        return bool(data) and not self.truncated

    def close(self):
        """Ends the child, and reads what it had left in its pipes."""
        os.kill(self.pid, signal.SIGKILL)
        _, wait_status, usage = os.wait4(self.pid, 0)
        expect_no_child()
        for fd in (self.stdout, self.stderr):
            while not self.truncated and self.collect(fd):
                pass
        if not is_complete(self.frame):
            while len(self.frame) <= self.frame_room and self.collect(self.result):
                pass
        for fd in (self.stdin, self.stdout, self.stderr, self.result, self.end):
            if fd is not None:
                os.close(fd)
        return wait_status, usage


def judge_script(job, wait_status, has_test):
    """Returns status, error and exit code. A script without a test may end in any way it likes, by its exit code alone."""
    if not job.frame and not has_test and os.WIFEXITED(wait_status):
        code = os.WEXITSTATUS(wait_status)
        return "error" if code else "ok", f"exit {code}" if code else "", code
    status, error, value = judge(job.frame, job.nonce, wait_status)
    if status in ("ok", "error", "memory") and value.isascii() and value.isdigit() and int(value) < 256:
        return status, error, int(value)
    return ("error", "ProtocolViolation", -1) if status == "ok" else (status, error, -1)


def execute_script(task, settings):
    start = time.monotonic()
    job = Script(task, settings)
    passed = job.watch(start + task["timeout"])
    wait_status, usage = job.close()
    if job.truncated:
        passed = "output_limit"
    status, error, code = (passed, "", -1) if passed else judge_script(job, wait_status, bool(task["script"]["test"]))
    return {
        "id": task["id"],
        "status": status,
        "error": error,
        "value": "",
        "wall": time.monotonic() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss << 10,
        "script": {
            "exit_code": code,
            "stdout": base64.b64encode(job.printed["stdout"]).decode(),
            "stderr": base64.b64encode(job.printed["stderr"]).decode(),
            "truncated": job.truncated,
        },
    }
