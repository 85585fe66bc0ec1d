"""A generated module: written to the cache folder, imported and compiled."""

import hashlib
import importlib.util
import os
import sys

import numpy as np
from numba import njit, types

from dendrites.compile.cache import cache_folder, own_cache_folder
from dendrites.compile.calls import signature
from dendrites.compile.jit import INNER, jit_disabled
from dendrites.compile.refusals import explained, jitted
from dendrites.errors import DendritesError


def compile_loop(text, kind, dtype, functions):
    """The function `loop` of a module's text, compiled with the signature of its kind.

    `functions` are pairs (function, model) that a failure is traced to.
    """
    sig = signature(kind, types.float32 if dtype == np.float32 else types.float64)
    body = "\n".join(text.lines) + "\n"
    cached = not text.objects
    if cached and (body, sig) in _COMPILED:
        return _COMPILED[body, sig]
    try:
        if jit_disabled():
            return _module(body, text.objects, cached=False).loop
        with own_cache_folder():
            loop = _module(body, text.objects, cached=cached).loop
            loop = njit(sig, cache=cached, **INNER)(loop)
    except DendritesError:
        raise
    except Exception as error:  # Numba refuses code with many kinds of exception.
        raise explained(error, functions, dtype) from None
    if cached:
        # Layers that differ in their parameters only share one loop.
        _COMPILED[body, sig] = loop
    return loop


_COMPILED = {}


def _module(body, objects, cached):
    """Import the text, from a file named by its hash so that Numba can cache it."""
    name = "loop_" + hashlib.blake2b(body.encode(), digest_size=12).hexdigest()
    if cached and name in sys.modules:
        return sys.modules[name]
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        temporary = path.with_suffix(f".tmp-{os.getpid()}")
        temporary.write_text(body)
        os.replace(temporary, path)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    # Exponentials of parameters alone leave the loop only if their functions are part
    # of it (measured: 3 to 25 times faster).
    module.INNER = {**INNER, "forceinline": True}
    for key, function in objects.items():
        setattr(module, key, jitted(function, INNER))
    if cached:
        sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
