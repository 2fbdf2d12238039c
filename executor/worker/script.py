"""The other kind of work: a script with files, input and captured output.

A script is run as Python would run it, as __main__ or as a program and the test
of it, in a child that is confined like any other. Its modules come from memory,
since there is no place to write them to.
"""

import builtins
import importlib.machinery


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


def run_script(script, nonce, send):
    """Never returns, but for a MemoryError."""
    sys.argv[:] = ["main.py"]
    prepare_imports(script)
    (run_test if script["test"] else run_main)(script, nonce, send)


def run_test(script, nonce, send):
    """Sends ok only after the test, and check if there is an entry, have come to their end."""
    base, memory, kind, passed, failed, out_of_memory = BaseException, MemoryError, type, OK, ERROR, OUT_OF_MEMORY
    name_of = type.__dict__["__name__"].__get__
    run, translate, show = exec, compile, show_exception
    entry, unchanged = script["entry"], dict(vars(builtins))
    try:
        test = translate(script["test"], "test.py", "exec", dont_inherit=True)
        namespace = fresh_module()
        run(translate(script["program"], "main.py", "exec", dont_inherit=True), namespace)
        names = {**namespace, "__builtins__": unchanged}  # the test's own: the program may have changed its builtins
        names.pop("check", None)
        run(test, names)
        if entry:
            names["check"](names[entry])
    except base as e:
        status, error = out_of_memory if kind(e) is memory else failed, name_of(kind(e))
        try:
            show(e)
        except memory:
            raise
        except base:
            pass
    else:
        status, error = passed, ""
    try:
        flushed(sys.stdout), flushed(sys.stderr)
    except base:
        pass
    send(nonce, status, error, "0" if status is passed else "1")


def run_main(script, nonce, send):
    """Runs the program as `python main.py` would, to its exit code."""
    import atexit

    status, error, code = OK, "", 0
    try:
        module = types.ModuleType("__main__")
        module.__file__ = "main.py"
        sys.modules["__main__"] = module
        exec(compile(script["program"], "main.py", "exec", dont_inherit=True), module.__dict__)
    except SystemExit as e:
        code = exit_code(e.code)
        status, error = ERROR if code else OK, f"exit {code}" if code else ""
    except BaseException as e:
        code, status, error = 1, OUT_OF_MEMORY if type(e) is MemoryError else ERROR, type(e).__name__
        try:
            show_exception(e)
        except MemoryError:
            raise
        except BaseException:
            pass
    atexit._run_exitfuncs()
    if not flushed(sys.stdout):
        code, status, error = 120, ERROR, "exit 120"  # as Python says that it could not
    flushed(sys.stderr)
    try:
        send(nonce, status, error, str(code))
    except OSError:
        os._exit(code)  # it has closed the pipe, and may


def show_exception(e):
    """Prints the traceback from the script's own frames on. What the script has made of the hook and of stderr may raise."""
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


def flushed(stream):
    """Tells whether a stream that is open could write all that was printed."""
    try:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    except MemoryError:
        raise
    except Exception:
        return False
    return True
