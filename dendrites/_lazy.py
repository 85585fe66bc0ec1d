"""Public names that are loaded when first used, so that importing takes no time."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def lazy_names(
    package: str, where: Mapping[str, str], modules: Sequence[str] = ()
) -> tuple[Callable, Callable]:
    """``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
    where : mapping of public name to the submodule that defines it
    modules : submodules that are public themselves
    """
    namespace = vars(sys.modules[package])

    def find(name):
        if name in modules:
            value = importlib.import_module(f"{package}.{name}")
        elif name in where:
            home = importlib.import_module(f"{package}.{where[name]}")
            value = getattr(home, name)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    def names():
        return sorted({*namespace, *where, *modules})

    return find, names
