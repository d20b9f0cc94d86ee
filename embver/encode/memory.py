"""Keep the C library from giving memory back after every layer, only to ask for it again in the next."""

from __future__ import annotations

import ctypes
from typing import Final

# glibc's mallopt(3): above the first, each block is mapped by itself and unmapped when it is freed; above the second, what
# is free at the end of a heap goes back to the system. Measured (CLIP's text tower, 512 tokens a batch, in a thread of
# its own): 300 to 900 page faults a text at the defaults, 6 % of the time; hardly any with these.
_MMAP_THRESHOLD: Final = (-3, 32 << 20)  # the most that glibc allows
_TRIM_THRESHOLD: Final = (-1, 256 << 20)


def keep_freed_memory() -> bool:
    """Let the allocator keep what is freed, for the whole process; return whether it could be told (glibc only)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return all(mallopt(*option) == 1 for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
