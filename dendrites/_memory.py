"""Memory is estimated before it is taken."""

import contextlib
import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

from dendrites.errors import ConfigError

# The rest is for what an estimate does not count.
FRACTION = 0.8
# Not worth asking the system for, which took a tenth of a short simulation.
SMALL = 2**20
ADVICE = (
    "Use smaller populations, record fewer units or a longer interval, or smaller "
    "batches."
)
_PREFIXES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Memory that a program can take now without swapping.

    What files are cached in counts as available, and a container's limit is heeded.
    """
    read = {"linux": _linux, "darwin": _macos, "win32": _windows}.get(sys.platform)
    found = None
    # A machine that does not tell is not a reason to fail.
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        found = read() if read else None
    if found is None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return sys.maxsize if found is None else found


def check_memory(
    needed: int, what: str, *, limit: int | None = None, advice: str = ADVICE
) -> None:
    """Refuse what would take more than four fifths of the available memory.

    Raises
    ------
    ConfigError
        With both figures and what makes the request smaller.
    """
    if limit is None:
        if needed <= SMALL:
            return
        limit = int(available_bytes() * FRACTION)
    if needed > limit:
        raise ConfigError(
            f"{what}: too large: needs {gib(needed)} of memory, and {gib(limit)} are "
            f"there. {advice}"
        )


def gib(n: int) -> str:
    """Bytes as text."""
    power = 0
    # By whole numbers: what is asked for may be larger than any float.
    while n >= 10 * 1024 ** (power + 1) and power < len(_PREFIXES) - 1:
        power += 1
    share = n / 1024**power if n < 2**1000 else float("inf")
    # A unit counts up to 10,240, which three digits would write as a power of ten.
    return f"{share:.{3 if share < 1000 else 5}g} {_PREFIXES[power]}"


def _linux():
    text = (_PROC / "meminfo").read_text()
    free = int(re.search(r"MemAvailable:\s+(\d+) kB", text)[1]) * 1024
    return min([free, *_control_groups()])


def _control_groups():
    """What is left in each group of processes whose memory is limited."""
    try:
        lines = (_PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        root = _GROUPS / "memory" if kinds else _GROUPS
        names = ("memory.max", "memory.current", "inactive_file")
        if kinds:
            names = (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        # In a container the group itself may be mounted at the root.
        for folder in (root / path.strip("/"), root):
            with contextlib.suppress(OSError, ValueError):
                most, used = (int((folder / name).read_text()) for name in names[:2])
                stat = (folder / "memory.stat").read_text()
                cached = re.search(rf"^{names[2]} (\d+)$", stat, re.MULTILINE)
                yield most - used + (int(cached[1]) if cached else 0)
                break


def _macos():
    text = subprocess.run(
        ["/usr/bin/vm_stat"], capture_output=True, text=True, check=True
    ).stdout
    return _of_vm_stat(text)


def _of_vm_stat(text):
    size = int(re.search(r"page size of (\d+) bytes", text)[1])
    pages = re.findall(r"^Pages (?:free|inactive|speculative):\s+(\d+)", text, re.M)
    return size * sum(map(int, pages)) if pages else None


def _windows():
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "available", "a", "b", "c", "d", "e")
        ]

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return status.available
