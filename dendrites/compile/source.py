"""The text of a scalar function and of all it calls, as one self-contained module.

Compiled loops can be cached on disk only if the functions inside them have an
identity that outlives the process. That identity is their source with every captured
value written out, so it is collected here: other Python functions, NamedTuples,
numbers and imports. A function without source is handed over as an object instead,
and its loop is compiled in the process that needs it.
"""

import ast
import builtins
import copy
import functools
import linecache
import math
import numbers
import types

import numpy as np

from dendrites.errors import ModelError

# Modules whose functions Numba compiles itself.
_COMPILABLE = ("math", "cmath", "operator", "numpy", "numba")


class ModuleText:
    """Collects definitions; `lines` is the module, `objects` what has no source."""

    def __init__(self, single_precision: bool):
        self.single_precision = single_precision
        self.lines = ["import numpy as np", "from numba import njit", ""]
        self.objects = {}
        self._names = {}

    def tuple_type(self, cls) -> str:
        """Name of a NamedTuple of the same fields inside the module."""
        name, new = self._name(cls, cls.__name__)
        if new:
            fields = [f"    {field}: float" for field in cls._fields]
            self.lines += ["", f"class {name}(NamedTuple):", *(fields or ["    pass"])]
            if "from typing import NamedTuple" not in self.lines:
                self.lines.insert(0, "from typing import NamedTuple")
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
        node = definition(function)
        if node is None:
            self.objects[name] = function
            return name
        node = _Rewrite(self, function, node).result(name)
        self.lines += ["", "@njit(**INNER)", ast.unparse(node)]
        return name

    def value(self, name, value) -> str:
        """What stands in the module for a name used by a scalar function."""
        if isinstance(value, types.ModuleType):
            alias = value.__name__.replace(".", "_") + "_"
            self._add_import(f"import {value.__name__} as {alias}")
            return alias
        if getattr(value, "imported_by_kernels", False):
            return self._imported(value.__module__, value.__name__)
        if isinstance(value, type) and hasattr(value, "_fields"):
            return self.tuple_type(value)
        if isinstance(value, type) and issubclass(value, np.generic):
            return f"np.{value.__name__}"
        if isinstance(value, types.BuiltinFunctionType):
            return self._imported(value.__module__, value.__name__)
        if getattr(np, getattr(value, "__name__", ""), None) is value:
            return f"np.{value.__name__}"
        if isinstance(value, (bool, np.bool_)):
            return repr(bool(value))
        if isinstance(value, numbers.Integral):
            return repr(int(value))
        if isinstance(value, numbers.Real):
            return self.number(float(value))
        if isinstance(value, types.FunctionType) or hasattr(value, "py_func"):
            return self.function(value)
        raise ModelError(
            f"scalar function uses {name!r}, a {type(value).__name__}: only numbers, "
            "modules, NamedTuple classes and other scalar functions can be compiled. "
            "Pass arrays as drives or parameters."
        )

    def number(self, value: float) -> str:
        text = repr(value) if math.isfinite(value) else f"float({repr(value)!r})"
        # A plain literal is float64 and would promote every float32 around it.
        return f"np.float32({text})" if self.single_precision else text

    def _imported(self, module, name):
        # Two modules may hold different functions of one name.
        alias = f"{module.replace('.', '_')}_{name}_"
        self._add_import(f"from {module} import {name} as {alias}")
        return alias

    def _add_import(self, line):
        if line not in self.lines:
            self.lines.insert(0, line)

    def _name(self, thing, stem):
        if thing in self._names:
            return self._names[thing], False
        stem = stem if stem.isidentifier() else "scalar"
        self._names[thing] = f"{stem}_{len(self._names)}"
        return self._names[thing], True


class _Rewrite(ast.NodeTransformer):
    """Points the global and captured names of a function to the module's own."""

    def __init__(self, text, function, node):
        self.text, self.node = text, node
        self.local = {
            argument.arg
            for scope in ast.walk(node)
            if isinstance(scope, (ast.FunctionDef, ast.Lambda))
            for argument in (*scope.args.args, *scope.args.kwonlyargs)
        } | {
            name.id
            for name in ast.walk(node)
            if isinstance(name, ast.Name) and not isinstance(name.ctx, ast.Load)
        }
        self.local |= {
            inner.name
            for inner in ast.walk(node)
            if isinstance(inner, ast.FunctionDef) and inner is not node
        }
        self.defaults = (function.__defaults__ or (), function.__kwdefaults__ or {})
        code = function.__code__
        cells = function.__closure__ or ()
        self.outer = dict(function.__globals__)
        for name, cell in zip(code.co_freevars, cells, strict=True):
            self.outer[name] = cell.cell_contents

    def result(self, name):
        node = self.node
        if isinstance(node, ast.Lambda):
            body = [ast.Return(self.visit(node.body))]
        else:
            body = [self.visit(part) for part in _without_docstring(node.body)]
        for argument in node.args.args:
            argument.annotation = None
        self._write_defaults(node.args)
        new = ast.FunctionDef(
            name=name, args=node.args, body=body, decorator_list=[], type_params=[]
        )
        return ast.fix_missing_locations(new)

    def _write_defaults(self, arguments):
        """Defaults were evaluated where the function was made; write their values."""
        positional, keyword = self.defaults
        first = len(arguments.args) - len(positional)
        arguments.defaults = [
            self._expression(argument.arg, value)
            for argument, value in zip(arguments.args[first:], positional, strict=True)
        ]
        # Numba has no keyword-only arguments: make them ordinary ones.
        required = [a for a in arguments.kwonlyargs if a.arg not in keyword]
        first_default = len(arguments.args) - len(positional)
        arguments.args[first_default:first_default] = required
        for argument in arguments.kwonlyargs:
            if argument.arg in keyword:
                arguments.args.append(argument)
                arguments.defaults.append(
                    self._expression(argument.arg, keyword[argument.arg])
                )
        arguments.kwonlyargs, arguments.kw_defaults = [], []

    def _expression(self, name, value):
        return ast.parse(self.text.value(name, value), mode="eval").body

    def visit_Call(self, node):
        made = None
        if isinstance(node.func, ast.Name) and node.func.id not in self.local:
            made = self.outer.get(node.func.id)
        if hasattr(made, "_field_defaults") and not any(
            isinstance(argument, ast.Starred) for argument in node.args
        ):
            # Numba does not fill in the defaults of a NamedTuple.
            given = {keyword.arg for keyword in node.keywords}
            node.keywords += [
                ast.keyword(field, self._expression(field, made._field_defaults[field]))
                for field in made._fields[len(node.args) :]
                if field in made._field_defaults and not given & {field, None}
            ]
        return self.generic_visit(node)

    def visit_Attribute(self, node):
        owner = self._module(node.value)
        value = getattr(owner, node.attr, None)
        # What Numba knows stays an attribute; Python functions are written out.
        if owner is None or owner.__name__.partition(".")[0] in _COMPILABLE:
            return self.generic_visit(node)
        if value is None or isinstance(value, types.ModuleType):
            return self.generic_visit(node)
        return self._expression(node.attr, value)

    def _module(self, node):
        """The module an expression such as `package.module` stands for, or None."""
        found = None
        if isinstance(node, ast.Name) and node.id not in self.local:
            found = self.outer.get(node.id)
        elif isinstance(node, ast.Attribute):
            found = getattr(self._module(node.value), node.attr, None)
        return found if isinstance(found, types.ModuleType) else None

    def visit_Name(self, node):
        if node.id in self.local:
            return node
        if node.id in self.outer:
            return self._expression(node.id, self.outer[node.id])
        if hasattr(builtins, node.id):
            return node
        raise ModelError(f"scalar function uses the undefined name {node.id!r}")

    def visit_Constant(self, node):
        if isinstance(node.value, float) and self.text.single_precision:
            return ast.parse(self.text.number(node.value), mode="eval").body
        return node


def definition(function):
    """Syntax tree of a Python function or lambda, or None where no source is known."""
    code = function.__code__
    tree = _parsed("".join(linecache.getlines(code.co_filename)))
    if tree is None:
        return None
    kind = ast.Lambda if code.co_name == "<lambda>" else ast.FunctionDef
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, kind) and _holds(node, code) and _same_arguments(node, code)
    ]
    return copy.deepcopy(min(found, key=_extent, default=None))


@functools.lru_cache(maxsize=32)
def _parsed(text):
    try:
        return ast.parse(text) if text else None
    except SyntaxError:
        return None


def _holds(node, code):
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    if isinstance(node, ast.FunctionDef):
        return first == code.co_firstlineno and node.name == code.co_name
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    # Several lambdas may share a line: the columns of the instructions tell them apart.
    places = [(p[0], p[2]) for p in code.co_positions() if p[0] and p[3]]
    return all(start <= place <= end for place in places[1:])


def _same_arguments(node, code):
    names = [argument.arg for argument in node.args.args]
    return names == list(code.co_varnames[: code.co_argcount])


def _extent(node):
    return (node.end_lineno - node.lineno, node.end_col_offset - node.col_offset)


def _without_docstring(body):
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:]
    return body
