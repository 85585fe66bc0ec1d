"""What a value depends on: which variables of a cell a scalar function looks at.

Functions are followed as they stand in the module of a loop, through what they call,
branch by branch. What cannot be followed (loops, inner functions) depends on all that
it is given, so an answer never names too little.
"""

import ast
import contextlib
import functools
from typing import NamedTuple

from dendrites.compile.syntax import parse


class Value(NamedTuple):
    """A number: names that it depends on, and the one whose value it is, if any."""

    needs: frozenset = frozenset()
    same: str | None = None


class Group(NamedTuple):
    """Several values, of which those of a NamedTuple have names."""

    names: tuple | None
    values: tuple


class _TooHard(Exception):
    """Something that is not followed."""


NOTHING = Value()


def cell_of(fields, *, known=True) -> Group:
    """A cell whose variables are looked for, or a NamedTuple that does not matter."""
    values = (Value(frozenset([f]), f) if known else NOTHING for f in fields)
    return Group(tuple(fields), tuple(values))


def dependence(lines, expression: str, given: dict) -> list[Value] | Value:
    """What an expression depends on inside a module.

    Parameters
    ----------
    lines : list of str
        The module.
    expression : str
    given : dict of name to Value or Group
        What the names in it stand for.

    Returns
    -------
    Value, or a list of these
        One for every field if it is a NamedTuple.
    """
    found = _found("\n".join(lines), expression, tuple(given.items()))
    if not isinstance(found, Group):
        return found
    # A field that holds several values is a mistake, and told as such by the first run.
    return [x if isinstance(x, Value) else Value(_needs(x)) for x in found.values]


# The same functions are asked about for every run.
@functools.lru_cache(maxsize=256)
def _found(lines, expression, given):
    given = dict(given)
    try:
        asked = parse(expression, mode="eval").body
        return _Module(lines).value(asked, given, 0)
    except (_TooHard, RecursionError):
        return Value(_needs(*given.values()))


def _needs(*parts):
    found = frozenset()
    for part in parts:
        found |= _needs(*part.values) if isinstance(part, Group) else part.needs
    return found


def _either(one, other, needs):
    """One of two values; `needs` decides."""
    alike = isinstance(one, Group) and isinstance(other, Group)
    if alike and len(one.values) == len(other.values):
        pairs = zip(one.values, other.values, strict=True)
        return Group(one.names, tuple(_either(a, b, needs) for a, b in pairs))
    if one == other and isinstance(one, Value) and one.same is not None:
        return one
    return Value(_needs(one, other) | needs)


class _Module:
    """Functions and NamedTuples of a module, to be followed."""

    def __init__(self, lines):
        self.functions, self.tuples = {}, {}
        for node in parse(lines).body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                fields = [
                    x.target.id for x in node.body if isinstance(x, ast.AnnAssign)
                ]
                self.tuples[node.name] = tuple(fields)

    # --- expressions ------------------------------------------------------------

    def value(self, node, env, depth):
        """What an expression gives where its names have these values."""
        own = getattr(self, f"_{type(node).__name__}", None)
        if own is not None:
            return own(node, env, depth)
        plain = ast.Constant, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare
        if not isinstance(node, plain):
            raise _TooHard
        parts = [x for x in ast.iter_child_nodes(node) if isinstance(x, ast.expr)]
        return Value(_needs(*(self.value(x, env, depth) for x in parts)))

    def _Name(self, node, env, depth):
        return env.get(node.id, NOTHING)

    def _Tuple(self, node, env, depth):
        return Group(None, tuple(self.value(x, env, depth) for x in node.elts))

    def _Attribute(self, node, env, depth):
        whole = self.value(node.value, env, depth)
        if isinstance(whole, Group):
            if node.attr not in (whole.names or ()):
                raise _TooHard
            return whole.values[whole.names.index(node.attr)]
        return Value(whole.needs)

    def _Subscript(self, node, env, depth):
        whole = self.value(node.value, env, depth)
        if not isinstance(whole, Group):
            return Value(_needs(whole, self.value(node.slice, env, depth)))
        try:
            return whole.values[ast.literal_eval(node.slice)]
        except (ValueError, TypeError, IndexError):
            raise _TooHard from None

    def _IfExp(self, node, env, depth):
        test = _needs(self.value(node.test, env, depth))
        branches = (self.value(x, env, depth) for x in (node.body, node.orelse))
        return _either(*branches, test)

    def _Call(self, node, env, depth):
        if any(isinstance(x, ast.Starred) for x in node.args):
            raise _TooHard
        args = [self.value(x, env, depth) for x in node.args]
        named = {x.arg: self.value(x.value, env, depth) for x in node.keywords}
        if None in named:
            raise _TooHard
        called = node.func
        if isinstance(called, ast.Name) and called.id in env:
            raise _TooHard
        if isinstance(called, ast.Name) and called.id in self.tuples:
            fields = self.tuples[called.id]
            bound = dict(zip(fields, args, strict=False)) | named
            if set(bound) != set(fields):
                raise _TooHard
            return Group(fields, tuple(bound[f] for f in fields))
        if isinstance(called, ast.Name) and called.id in self.functions:
            with contextlib.suppress(_TooHard):
                return self._called(self.functions[called.id], args, named, depth + 1)
            return Value(_needs(*args, *named.values()))
        if isinstance(called, ast.Attribute):
            whole = self.value(called.value, env, depth)
            if isinstance(whole, Group):
                if called.attr != "_replace" or args or whole.names is None:
                    raise _TooHard
                if not named.keys() <= {*whole.names}:
                    raise _TooHard
                old = dict(zip(whole.names, whole.values, strict=True))
                return Group(whole.names, tuple((old | named).values()))
            args.append(whole)
        return Value(_needs(*args, *named.values()))

    # --- functions --------------------------------------------------------------

    def _called(self, function, args, named, depth):
        names = [a.arg for a in function.args.args]
        if depth > 40 or function.args.vararg or function.args.kwarg:
            raise _TooHard
        env = dict.fromkeys(names, NOTHING)
        env |= dict(zip(names, args, strict=False)) | named
        found = []
        self._block(function.body, env, frozenset(), found, depth)
        if not found:
            raise _TooHard
        result, decided = found[0]
        for other, needs in found[1:]:
            result, decided = _either(result, other, decided | needs), decided | needs
        return result

    def _block(self, statements, env, decided, found, depth):
        """Work through statements; returns what decides whether the end is reached."""
        for node in statements:
            if isinstance(node, ast.Return) and node.value is not None:
                found.append((self.value(node.value, env, depth), decided))
                return decided
            if isinstance(node, ast.If):
                decided = self._if(node, env, decided, found, depth)
            elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                self._assign(node, env, depth)
            elif not isinstance(node, ast.Pass) and not (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                raise _TooHard
        return decided

    def _if(self, node, env, decided, found, depth):
        test, before = _needs(self.value(node.test, env, depth)), len(found)
        branches = [dict(env), dict(env)]
        for part, mine in zip((node.body, node.orelse), branches, strict=True):
            self._block(part, mine, decided | test, found, depth)
        stored = (
            x.id
            for part in (*node.body, *node.orelse)
            for x in ast.walk(part)
            if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
        )
        for name in stored:
            one, other = (mine.get(name, NOTHING) for mine in branches)
            env[name] = _either(one, other, test)
        return decided | test if len(found) > before else decided

    def _assign(self, node, env, depth):
        if node.value is None:
            return
        value = self.value(node.value, env, depth)
        if isinstance(node, ast.AugAssign):
            value = Value(_needs(value, self.value(node.target, env, depth)))
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            self._bind(target, value, env)

    def _bind(self, target, value, env):
        if isinstance(target, ast.Name):
            env[target.id] = value
            return
        if not isinstance(target, ast.Tuple):
            raise _TooHard
        each = [Value(_needs(value))] * len(target.elts)
        if isinstance(value, Group):
            each = value.values
        if len(each) != len(target.elts):
            raise _TooHard
        for part, one in zip(target.elts, each, strict=True):
            self._bind(part, one, env)
