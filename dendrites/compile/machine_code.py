"""Machine code of one kernel, kept in the folder of compiled code.

Numba's own files are written in two steps, trusted as they lie and keyed by less than
the code depends on: one cut short or changed by a bit ends the process or fails for
ever. Here every signature is one file, which appears complete or not at all and
carries a digest. Whatever is wrong with it or with the folder, the kernel is compiled.
"""

import contextlib
import hashlib
import os
import platform
import re
import tempfile

import llvmlite
import numpy as np
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps, loads

from dendrites.compile.cache import (
    cache_folder,
    is_hashed,
    is_private,
    make_private,
    warn_once,
)

_DIGEST_SIZE = 32
# What Numba's compiler is told by its own variables of the environment.
_SETTINGS = ("OPT", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE")
_SETTINGS += ("SLP_VECTORIZE", "ENABLE_AVX", "USING_SVML")


def keep_machine_code(dispatcher, *, generated=False):
    """Let a compiled function find its machine code in the folder, and put it there.

    Parameters
    ----------
    dispatcher : what `numba.njit` gives
    generated : bool
        From a generated module, whose name is a hash of all its text.
    """
    function = dispatcher.py_func
    if generated or (not function.__closure__ and is_hashed(function)):
        dispatcher._cache = MachineCode(function)
    return dispatcher


class MachineCode(_Cache):
    """What a Numba dispatcher asks for machine code before it compiles."""

    def __init__(self, function):
        self._function = function
        self._enabled = True

    @property
    def cache_path(self):
        return str(cache_folder())

    def enable(self):
        self._enabled = True

    def disable(self):
        self._enabled = False

    def flush(self):
        """Nothing is kept in memory."""

    def load_overload(self, sig, target_context):
        """The compiled signature, or None: not there, damaged, or not ours to trust."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        path = self._path(key)
        if path is None or not self._enabled:
            return None
        try:
            content = _read_private(path)
            kept, code = loads(_verified(content))
            if kept != key:
                return None
            return CompileResult._rebuild(target_context, *code)
        except Exception:  # Code of another build can fail in any way.
            return None

    def save_overload(self, sig, data):
        """Keep a compiled signature; a folder that fails is told once."""
        key = self._key(sig, data.codegen)
        path = self._path(key)
        if path is None or not self._enabled or not _can_be_kept(data):
            return
        payload = dumps((key, data._reduce()))
        try:
            _replace(path, hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            warn_once(
                f"compiled code cannot be kept in {path.parent} ({error.strerror}); it "
                "is compiled again in the next process."
            )

    def _key(self, sig, codegen):
        settings = tuple(getattr(config, name, None) for name in _SETTINGS)
        versions = (platform.python_version(), np.__version__, llvmlite.__version__)
        function = self._function
        # The module of a generated function is named by all its text: operations have
        # one signature, and some differ in their constants alone.
        name = f"{function.__module__}.{function.__qualname__}"
        code = function.__code__.co_code
        return name, sig, codegen.magic_tuple(), settings, versions, code

    def _path(self, key):
        folder = cache_folder()
        if folder is None:
            return None
        name = key[0]
        # The name of a type need not tell all: the key is compared as well.
        digest = hashlib.blake2b(repr(key).encode(), digest_size=12)
        stem = re.sub(r"[^\w.]", "_", name)[-100:]
        return folder / f"{stem}-{digest.hexdigest()}.code"


def _can_be_kept(data):
    # As Numba decides: addresses in the code mean nothing in another process.
    lifted = any(not part.can_cache for part in data.lifted)
    return not lifted and not data.library.has_dynamic_globals


def _read_private(path):
    with open(path, "rb") as file:
        if not is_private(os.fstat(file.fileno())):
            raise PermissionError(f"{path} is not this user's alone")
        return file.read()


def _verified(content):
    digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError("damaged")
    return payload


def _replace(path, content):
    """Write a file that appears complete or not at all."""
    make_private(path.parent)  # It may have been deleted since.
    descriptor, temporary = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
