"""Set limits, Landlock and seccomp on this process, run a program in it, and end all that it leaves behind.

`python -I -S launcher.py JSON -- PROGRAM WORD...`; standard library only. Numbers: linux/landlock.h, linux/prctl.h.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

NO_NEW_PRIVS, PARENT_DIED, SUBREAPER, SECCOMP, FILTER, DROP_BOUNDING = 38, 1, 36, 22, 2, 24
CAPABILITY_VERSION = 0x20080522
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, BENEATH = 444, 445, 446, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
ON_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
BIND_AND_CONNECT, ABSTRACT_AND_SIGNALS = 3, 3
libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *words: Any) -> int:
    made: int = libc.syscall(number, *words)
    if made < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return made


def landlock(abi: int, reads: list[str], writes: list[str], devices: list[str]) -> None:
    """Let this process open only what is named; refuse TCP, and from version 6 abstract sockets and signals."""
    every = (1 << (16 if abi >= 5 else 15)) - 1
    attributes = struct.pack("QQQ", every, BIND_AND_CONNECT, ABSTRACT_AND_SIGNALS)[: 24 if abi >= 6 else 16]
    rules = call(CREATE_RULESET, attributes, len(attributes), 0)
    device = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL
    for paths, access in ((reads, READ), (writes, every), (devices, device)):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            allowed = access if os.path.isdir(path) else access & ON_A_FILE  # noqa: PTH112
            call(ADD_RULE, rules, BENEATH, struct.pack("<Qi", allowed & every, fd), 0)
            os.close(fd)
    call(RESTRICT_SELF, rules, 0)
    os.close(rules)


def without_capabilities() -> None:
    """Give up what root may do beyond owning its files, for good; a plain user has nothing to give up."""
    for capability in range(64):
        libc.prctl(DROP_BOUNDING, capability, 0, 0, 0)
    libc.capset(struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24))


def filtered(program: bytes) -> None:
    """Install a seccomp filter."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    given = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    if libc.prctl(SECCOMP, FILTER, ctypes.byref(given), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def descendants(pid: int) -> Iterator[int]:
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123
                for child in map(int, file.read().split()):
                    yield child
                    yield from descendants(child)
    except OSError:
        return


def end_all() -> bool:
    """Kill every descendant and reap what has ended; return whether any is left."""
    for pid in list(descendants(os.getpid())):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return False
    return True


def supervise(child: int) -> None:
    """Wait for the program, end what it left, and exit as it did."""
    code = 143

    def ended(number: int, frame: object) -> None:
        while end_all():
            time.sleep(0.005)
        os._exit(code)

    signal.signal(signal.SIGTERM, ended)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    code = code if code >= 0 else 128 - code
    ended(0, None)


def main() -> None:
    words, argv = json.loads(sys.argv[1]), sys.argv[3:]
    parent = os.getppid()
    libc.prctl(SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PARENT_DIED, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(143)
    child = os.fork()
    if child:
        supervise(child)
    libc.prctl(PARENT_DIED, signal.SIGKILL, 0, 0, 0)
    if words["group"] is not None:
        with open(words["group"], "w") as group:  # noqa: PTH123
            group.write(str(os.getpid()))
    for name, value in words["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    without_capabilities()
    landlock(words["abi"], words["reads"], words["writes"], words["devices"])
    filtered(bytes.fromhex(words["seccomp"]))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"{argv[0]}: {os.strerror(error.errno or errno.EIO)}", file=sys.stderr)
        os._exit(127)


if __name__ == "__main__":
    main()
