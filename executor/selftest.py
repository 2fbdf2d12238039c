"""Attacks that a worker's child must not succeed with; f returns the names of those that do.

This is run like any program, as a worker's first task.
"""

import _thread
import fcntl
import os
import resource
import socket
import sys


def read():
    with open("/etc/passwd") as file:
        file.read(1)


def write():
    for path in ("azr-probe", "/tmp/azr-probe", "/dev/shm/azr-probe", "/var/tmp/azr-probe"):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError:
            continue
        os.unlink(path)
        return
    raise OSError


def connect(port):
    socket.create_connection(("127.0.0.1", port), 1).close()


def fork():
    if os.fork() == 0:
        os._exit(0)


def thread():
    _thread.start_new_thread(int, ())


def signal():
    os.kill(os.getppid(), 0)


def signal_by_descriptor():
    fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, os.getppid())


def flag():
    fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, resource.getrlimit(resource.RLIMIT_CPU))


def execute():
    os.execv(sys.executable, ["python3", "-c", ""])


def f(port):
    succeeded = []
    for attack in (read, write, lambda: connect(port), fork, thread, signal, signal_by_descriptor, flag, limit, execute):
        try:
            attack()
        except (OSError, RuntimeError, ValueError):
            continue
        succeeded.append("connect" if attack.__name__ == "<lambda>" else attack.__name__)
    return succeeded
