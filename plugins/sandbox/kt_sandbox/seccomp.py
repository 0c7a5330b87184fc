"""A seccomp filter as bytes: the parts of the kernel that no tool has any business with.

Numbers: Linux' syscall tables for x86_64 and (asm-generic) aarch64; codes: linux/bpf_common.h, linux/seccomp.h.
"""

import platform
import struct
from functools import cache

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCH, ARG0, ARG1 = 0, 4, 16, 24
NEW_NAMESPACE = 0x7E020000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
UNIX, INET, INET6 = 1, 2, 10
NEVER = 0x3FFFFFFF
"""Stands for a call that a machine does not have."""

# fmt: off
DENIED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "lookup_dcookie": (212, 18),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "statmount": (457, 457), "listmount": (458, 458), "modify_ldt": (154, NEVER),
    "unshare": (272, 97), "setns": (308, 268), "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "swapon": (167, 224), "reboot": (169, 142), "acct": (163, 89), "quotactl": (179, 60), "vhangup": (153, 58),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
}
# fmt: on
CLONE3 = (435, 435)
CLONE, IOCTL, SOCKET = (56, 220), (16, 29), (41, 198)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
X32 = 0x40000000


def machine() -> tuple[int, int] | None:
    """Return (column of the tables, audit architecture) of this machine; None where its numbers are not known."""
    return MACHINES.get(platform.machine())


@cache
def program(*families: int) -> bytes:
    """Return the filter; sockets of other families than these can't be made. Raises LookupError on unknown machines.

    Refused calls fail with EPERM (clone3 with ENOSYS, so that the C library takes clone, whose flags can be seen).
    """
    known = machine()
    if known is None:
        raise LookupError(platform.machine())
    column, arch = known
    code: list[tuple[int, int, int, int]] = [
        (LOAD, 0, 0, ARCH),
        (EQUAL, 1, 0, arch),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, EPERM),
    ]
    for numbers in DENIED.values():
        code += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, EPERM)]
    code += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ENOSYS)]
    code += _when(CLONE[column], ARG0, [(ANY_BIT, 0, 1, NEW_NAMESPACE)])
    code += _when(IOCTL[column], ARG1, [(EQUAL, 1, 0, TIOCSTI), (EQUAL, 0, 1, TIOCLINUX)])
    allowed = [(EQUAL, len(families) - i, 0, family) for i, family in enumerate(families)]
    code += _when(SOCKET[column], ARG0, allowed)
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in code)


def _when(number: int, argument: int, tests: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Return steps that refuse a syscall unless `tests` on an argument jump over the refusal; then they go on."""
    steps = [(LOAD, 0, 0, argument), *tests, (RETURN, 0, 0, EPERM), (LOAD, 0, 0, NUMBER)]
    return [(EQUAL, 0, len(steps), number), *steps]
