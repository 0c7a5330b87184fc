"""How many more files this process may open, which the system bounds."""

import os
import resource

UNBOUNDED = 1_000_000


def spare() -> int:
    """Return how many more descriptors this process may have; UNBOUNDED where that can't be told."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return UNBOUNDED
    try:
        return int(limit) - len(os.listdir("/dev/fd"))  # noqa: PTH208  it is called often
    except OSError:
        return 0 if _is_full() else UNBOUNDED


def _is_full() -> bool:
    """Tell whether not even one more can be had."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return True
    return False
