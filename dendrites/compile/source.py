"""The text of a scalar function and of all it calls, as one self-contained module.

Compiled loops can be cached only if the functions inside them have an identity that
outlives the process and changes with what they do. That identity is their source with
every captured value written out, so it is collected here, at every run: other Python
functions, NamedTuples, numbers and imports. A function without source is handed over
as it is, and its loop is compiled in the process that needs it.
"""

import math
import numbers
import types

import numpy as np

from dendrites.compile.bare_code import bare_definition
from dendrites.compile.outside import COMPILABLE
from dendrites.compile.proof import definition
from dendrites.compile.refused import reason_against_object
from dendrites.compile.rewrite import rewritten
from dendrites.errors import ModelError


class ModuleText:
    """Collects definitions; `lines` is the module, `objects` what has no text."""

    def __init__(self, single_precision: bool):
        self.single_precision = single_precision
        self.lines = ["import numpy as np", "from numba import njit", ""]
        self.objects, self.bare = {}, []
        self._names = {}

    def tuple_type(self, cls) -> str:
        """Name of a NamedTuple of the same fields inside the module."""
        name, new = self._name(cls, cls.__name__)
        if new:
            fields = [f"    {field}: float" for field in cls._fields]
            self.lines += ["", f"class {name}(NamedTuple):", *(fields or ["    pass"])]
            self.add_import("from typing import NamedTuple")
        return name

    def function(self, function) -> str:
        """Name of the compiled scalar function inside the module."""
        function = getattr(function, "py_func", function)
        if not isinstance(function, types.FunctionType):
            raise ModelError(
                f"{function!r} is a {type(function).__name__}: a scalar function must "
                "be a plain Python function; wrap it in a lambda or a def"
            )
        name, new = self._name(function, function.__name__)
        if not new:
            return name
        try:
            self.lines += ["", *self._definition(function, name)]
        except ModelError:
            # Whoever asks again must not be told that it is there.
            del self._names[function]
            raise
        return name

    def _definition(self, function, name):
        node = definition(function)
        if node is not None:
            return "@njit(**INNER)", rewritten(self, function, node, name)
        lines = bare_definition(self, function, name)
        self.objects[f"code_of_{name}"] = function.__code__
        self.bare.append(name)
        return lines

    def value(self, name, value, whole: bool = False) -> str:
        """What stands in the module for a name used by a scalar function.

        Whole numbers are written as floats unless `whole`, for indices and ranges.
        """
        if reason := reason_against_object(value):
            raise ModelError(f"uses {name!r}, which {reason}")
        if isinstance(value, types.ModuleType):
            return self._module(name, value)
        if getattr(value, "imported_by_kernels", False):
            return self._imported(value.__module__, value.__name__)
        if isinstance(value, type) and hasattr(value, "_fields"):
            return self.tuple_type(value)
        if isinstance(value, type) and issubclass(value, np.generic):
            return self._number_type(value)
        if isinstance(value, types.BuiltinFunctionType):
            return self._imported(value.__module__, value.__name__)
        if getattr(np, getattr(value, "__name__", ""), None) is value:
            return f"np.{value.__name__}"
        if isinstance(value, (bool, np.bool_)):
            return repr(bool(value))
        if isinstance(value, numbers.Integral):
            return repr(int(value)) if whole else self._whole_number(int(value))
        if isinstance(value, numbers.Real):
            return self.number(float(value))
        if isinstance(value, types.FunctionType) or hasattr(value, "py_func"):
            return self.function(value)
        if isinstance(value, np.ndarray):
            raise ModelError(
                f"uses {name!r}, an array, and a scalar function sees the numbers of "
                "one cell: give each cell its value as an input (a source with a "
                "pattern), or a number they share as a parameter"
            )
        raise ModelError(
            f"uses {name!r}, a {type(value).__name__}: only numbers, functions, "
            "NamedTuple classes and modules can be compiled; give a number that may "
            "change as a parameter"
        )

    def number(self, value: float) -> str:
        text = repr(value) if math.isfinite(value) else f"float({repr(value)!r})"
        # A plain literal is float64 and would promote every float32 around it.
        return f"np.float32({text})" if self.single_precision else text

    def _whole_number(self, value):
        exact = abs(value) <= 2**1000 and int(float(value)) == value
        if not exact:
            raise ModelError(
                f"uses the whole number {value:.6g}, which no float holds exactly; "
                "write it as a float"
            )
        return self.number(float(value))

    def _number_type(self, kind):
        if issubclass(kind, np.integer):
            raise ModelError(
                f"uses np.{kind.__name__}: whole numbers of fixed size overflow; use "
                "float, or int(...) for an index"
            )
        return f"np.{kind.__name__}"

    def _module(self, name, module):
        if module.__name__.partition(".")[0] not in COMPILABLE:
            raise ModelError(
                f"uses {name!r}, a module, as a value; use its functions and numbers"
            )
        alias = module.__name__.replace(".", "_") + "_"
        self.add_import(f"import {module.__name__} as {alias}")
        return alias

    def _imported(self, module, name):
        # Two modules may hold different functions of one name.
        alias = f"{module.replace('.', '_')}_{name}_"
        self.add_import(f"from {module} import {name} as {alias}")
        return alias

    def add_import(self, line):
        if line not in self.lines:
            self.lines.insert(0, line)

    def _name(self, thing, stem):
        if thing in self._names:
            return self._names[thing], False
        stem = stem if stem.isidentifier() else "scalar"
        # Nobody's own name ends so.
        self._names[thing] = f"{stem}_{len(self._names)}__"
        return self._names[thing], True
