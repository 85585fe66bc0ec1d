"""The folder of compiled code, and the sources whose machine code it may hold.

Numba does not notice an edit in a file whose functions a cached kernel calls, so
the folder carries a hash of the sources of all packages that hold kernels: an edited
source means an empty folder. What lies in it is executed, so it is used only if it is
this user's and nobody else can write to it.
"""

import functools
import hashlib
import os
import stat
import tempfile
import warnings
from pathlib import Path

import numba

# Files whose functions can end up in machine code. Cell models, rules and whatever else
# is written out in generated modules carry hashes of their own; doors hold no kernels.
_KERNELS = (
    "dendrites/compile/*.py",
    "dendrites/random.py",
    "dendrites/transfer.py",
    "dendrites/_simulate_loop.py",
    "circuits/engine/**/*.py",
)


@functools.cache
def _sources():
    """Hash of every source that can end up in a kernel, and stamps of the files."""
    digest, stamps = hashlib.blake2b(digest_size=10), {}
    root = Path(__file__).resolve().parents[2]
    for pattern in _KERNELS:
        for path in sorted(root.glob(pattern)):
            stamps[os.path.realpath(path)] = _stamp(path)
            name = path.relative_to(root).as_posix()
            digest.update(name.encode() + b"\0" + path.read_bytes())
    digest.update(numba.__version__.encode())
    return digest.hexdigest(), stamps


def _stamp(path):
    try:
        status = os.stat(path)
    except OSError:  # deleted since
        return None
    return status.st_mtime_ns, status.st_size


def is_hashed(function) -> bool:
    """Whether the folder's hash covers the source this function was loaded from.

    A function from elsewhere is not covered. A file that was edited between the start
    of this process and its import puts an end to the folder: any kernel may call it.
    """
    path = os.path.realpath(function.__code__.co_filename)
    known = _sources()[1].get(path)
    if known is not None and known != _stamp(path):
        _edited.append(path)
    return known is not None


_edited = []


def is_private(status: os.stat_result) -> bool:
    """Whether a file or folder is this user's and nobody else can write to it."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


@functools.cache
def find_folder() -> tuple[Path | None, str]:
    """Folder for machine code, absolute, and why it is not the one that was asked for.

    It is found once: an environment or a current folder that changes later means
    nothing. None if compiled code can be kept nowhere.
    """
    problem = ""
    for place in (_asked, _temporary):
        try:
            base = place()
            folder, refused = _usable(base)
        except OSError as error:
            folder, refused = None, error.strerror or str(error)
        if folder is not None:
            return folder, problem
        problem = problem or refused
    return None, problem


def cache_folder() -> Path | None:
    """The same folder, with one warning in a process if it is not the one asked for."""
    if _edited:
        return None
    folder, problem = find_folder()
    if problem:
        where = "compiles anew" if folder is None else f"uses {folder}"
        warn_once(
            f"compiled code cannot be kept in {_asked_name()} ({problem}); this "
            f"process {where}. Set NUMBA_CACHE_DIR to a folder that only you can write "
            "to."
        )
    return folder


_warned = []


def warn_once(text: str):
    """Say what is wrong with the folder, once in a process, and go on without it."""
    if not _warned:
        _warned.append(text)
        warnings.warn(text, stacklevel=2)


def _asked_name():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("NUMBA_CACHE_DIR") or os.path.join(cache, "dendrites")


def _asked():
    name = _asked_name()
    if name.startswith("~"):
        raise OSError("this user has no home folder")
    return Path(name).absolute()


def _temporary():
    # Other processes of this user find it again.
    return Path(tempfile.gettempdir()).absolute() / f"dendrites-{_user()}"


def _user():
    return os.geteuid() if hasattr(os, "geteuid") else "user"


def _usable(base):
    """The folder of this user and these sources in `base`, or why it cannot be."""
    # One for each user, so that several can be told the same base.
    folder = base / f"{_sources()[0]}-{_user()}"
    make_private(folder)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return None, "a file or link is in its place"
    if not is_private(status):
        return None, "others can write to it, or it is not this user's"
    with tempfile.TemporaryFile(dir=folder):
        return folder, ""


def make_private(folder: Path) -> None:
    """Make a folder that only this user can enter, unless it is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
