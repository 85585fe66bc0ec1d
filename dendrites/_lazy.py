"""Public names that are loaded when first used, so that importing takes no time."""

import importlib
import re
import sys
from collections.abc import Callable

_IMPORT = re.compile(r"^    from (\S+) import (\w+) as \2$", re.MULTILINE)


def lazy_names(package: str) -> tuple[list[str], Callable, Callable]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Its names are those that its source imports under ``if TYPE_CHECKING:``, one to a
    line and ``as`` themselves, where editors and type checkers find them.
    """
    module = sys.modules[package]
    source = module.__spec__.loader.get_source(package)
    where = {name: home for home, name in _IMPORT.findall(source)}

    def find(name):
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = where[name]
        if home == package:
            value = importlib.import_module(f"{package}.{name}")
        else:
            value = getattr(importlib.import_module(home), name)
        vars(module)[name] = value
        return value

    def names():
        return sorted({*vars(module), *where})

    return list(where), find, names
