"""The syntax tree of a Python function, proved to be the function's own.

A text found under a function's file name need not be what the function was made of:
the file may have been edited since, lambdas may share a line, a cell of a notebook
may have been run again. So every function of that name in every text there is gets
compiled, and only one whose instructions and constants are the function's own is
taken. Several may be: they then do the same, and any of them will do.
"""

import __future__

import ast
import copy
import functools
import hashlib
import inspect
import linecache
import tokenize
import warnings
import weakref
from types import CodeType

from dendrites.compile.syntax import parse

_FUTURES = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag,
    __future__.all_feature_names,
    0,
)
# Where a function stands is no part of what it does; the second flag marks functions
# of a class since Python 3.14.
_PLACE = inspect.CO_NESTED | 0x8000000

_proved = weakref.WeakKeyDictionary()


def definition(function):
    """Syntax tree of a function or lambda, not to be changed, or None if there is none.

    Parameters
    ----------
    function : function

    Returns
    -------
    ast.FunctionDef or ast.Lambda or None
        None where no text can be had, or none that compiles to this function.
    """
    code = function.__code__
    if code in _proved:
        return _proved[code]
    with warnings.catch_warnings():
        # Of the text, such as odd escapes in it: Python told them when it first ran.
        warnings.simplefilter("ignore")
        node = _proof(code, function.__globals__)
    return node if node is None else _proved.setdefault(code, node)


def content_hash(code: CodeType) -> str:
    """Hash of what a code object does, wherever it stands."""
    return hashlib.blake2b(repr(_content(code)).encode(), digest_size=12).hexdigest()


def _proof(code, scope):
    for text in _texts(code.co_filename, scope):
        functions, imported = _parsed(text)
        nodes = functions.get(code.co_name, ())
        # Of those that do the same, the one nearest to where it stood.
        distance = functools.partial(_distance, code.co_firstlineno)
        for node in sorted(nodes, key=distance):
            if _compiles_to(node, code, imported):
                return node
    return None


def _texts(filename, scope):
    """Texts known under a file name: what was imported, what stands there now."""
    # Notebooks, doctest and interactive sessions register what was typed here.
    yield "".join(linecache.getlines(filename, scope))
    try:
        with tokenize.open(filename) as file:
            yield file.read()
    except (OSError, SyntaxError, ValueError):
        pass


@functools.lru_cache(maxsize=32)
def _parsed(text):
    """Functions of a text by their name in code objects, and names it imports."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return {}, ()
    found, imported = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found.setdefault("<lambda>", []).append(node)
        elif isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.asname or alias.name for alias in node.names]
            imported += [name.partition(".")[0] for name in names]
    return found, tuple(imported)


def _distance(line, node):
    return abs(node.lineno - line)


def _compiles_to(node, code, imported):
    arguments = node.args
    parts = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    n = code.co_argcount + code.co_kwonlyargcount
    if [argument.arg for argument in parts] != list(code.co_varnames[:n]):
        return False
    # Python compiles `math.exp(x)` in its own way where `math` is imported by the same
    # piece of text: a file, or one statement of a notebook.
    return any(
        _content_of(node, code, names) == _content(code) for names in (imported, ())
    )


def _content_of(node, code, imported):
    """Content of a function's tree, compiled as if it stood beside these imports."""
    try:
        made = compile(
            _alone(node, code.co_freevars, imported),
            code.co_filename,
            "exec",
            flags=code.co_flags & _FUTURES,
            dont_inherit=True,
        )
    except (SyntaxError, ValueError):
        return None
    for _ in range(2):
        (made,) = (c for c in made.co_consts if isinstance(c, CodeType))
    return _content(made)


def _alone(node, captured, imported):
    """A module with nothing but the function, in a scope that has what it captures."""
    node = copy.copy(node)
    node.args = copy.copy(node.args)
    # Decorators, defaults and annotations belong to the scope around the function.
    none = ast.Constant(None)
    node.args.defaults = [none for _ in node.args.defaults]
    node.args.kw_defaults = [value and none for value in node.args.kw_defaults]
    for part in ("posonlyargs", "args", "kwonlyargs"):
        setattr(node.args, part, [_bare(a) for a in getattr(node.args, part)])
    for part in ("vararg", "kwarg"):
        argument = getattr(node.args, part)
        setattr(node.args, part, argument and _bare(argument))
    if isinstance(node, ast.Lambda):
        node = ast.Expr(node)
    else:
        node.decorator_list, node.returns, node.type_params = [], None, []
    scope = ast.FunctionDef(
        name="scope",
        args=ast.arguments(
            posonlyargs=[],
            args=[ast.arg(name) for name in captured],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[],
        ),
        body=[node],
        decorator_list=[],
        type_params=[],
    )
    imports = [ast.Import([ast.alias(name)]) for name in imported if name != "*"]
    return ast.fix_missing_locations(ast.Module([*imports, scope], []))


def _bare(argument):
    return ast.copy_location(ast.arg(argument.arg), argument)


def _content(code):
    """What two code objects must share to do the same."""
    return (
        code.co_name,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_flags & ~_PLACE,
        code.co_code,
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        code.co_exceptiontable,
        _constant(code.co_consts),
    )


def _constant(value):
    """A constant in a form that tells 1, 1.0 and True apart, and 0.0 and -0.0."""
    if isinstance(value, CodeType):
        return _content(value)
    if isinstance(value, tuple):
        return tuple(map(_constant, value))
    if isinstance(value, frozenset):
        return "frozenset", tuple(sorted(map(repr, map(_constant, value))))
    return type(value).__name__, repr(value)
