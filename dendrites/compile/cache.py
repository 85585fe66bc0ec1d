"""The folder of compiled code: where machine code and generated modules are kept.

Numba does not notice an edit in a file whose functions a cached kernel calls, so
the cache folder carries a hash of the sources of all packages that hold kernels:
an edited source means an empty folder.
"""

import functools
import hashlib
import os
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numba

_WRITTEN_OUT = ("models", "rules", "algorithms")


@functools.cache
def sources_hash() -> str:
    """Hash of every source file of this library that can end up in a kernel.

    Cell models, named rules and algorithms cannot: the text of their functions is
    written out in generated modules, which carry hashes of their own.
    """
    digest = hashlib.blake2b(digest_size=10)
    root = Path(__file__).resolve().parents[1]
    for folder in (root, root.parent / "circuits"):
        for path in sorted(folder.rglob("*.py")):
            if path.parent.name not in _WRITTEN_OUT:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(numba.__version__.encode())
    return digest.hexdigest()


@functools.cache
def cache_folder() -> Path:
    """Folder for generated modules and machine code; made when first needed."""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "dendrites"
    )
    folder = Path(base) / sources_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="dendrites-"))
        warnings.warn(
            f"compiled code cannot be kept in {base} ({error.strerror}); this process "
            "compiles anew. Set NUMBA_CACHE_DIR to a writable folder.",
            stacklevel=2,
        )
    return folder


@contextmanager
def own_cache_folder():
    """Functions decorated inside are cached in the hashed folder."""
    # Numba reads CACHE_DIR when a function is decorated; a user's own functions
    # must keep their setting, so it is changed for our decorations only.
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        yield
    finally:
        numba.config.CACHE_DIR = previous
