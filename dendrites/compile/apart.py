"""A scalar function cut at its one exponential: what is asked of it, and what it gives.

An exponential is a chain of some forty operations that wait for each other. In the
middle of a cell's step few chains are worked on at a time; where a loop asks all cells
for the exponent, makes all exponentials in stages, and then lets the cells step, the
same numbers take half the time (measured).
"""

import ast
import copy

from dendrites.compile.functions import (
    add_function,
    functions_of,
    is_plain,
    written_once,
)

EXP = "dendrites_transfer_exp_"
GIVEN = "exponential__"
_BRANCHES = ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.GeneratorExp


@written_once
def apart(text, name: str) -> tuple[str, str] | None:
    """Names of two functions that make one of the module `text` where both are called.

    The first has its arguments and gives the exponent. The second is given the
    exponential too, as a last argument. None if there is not exactly one exponential,
    or not in every call.
    """
    ask, use = f"{name}asked__", f"{name}given__"
    functions = functions_of(text)
    if ask in functions:
        return ask, use
    count = _Count(functions)
    if count.of(name) != 1:
        return None
    node = functions[name]
    k = next(k for k, part in enumerate(node.body) if count.within(part))
    before, cut = node.body[:k], node.body[k]
    straight = not any(isinstance(x, _BRANCHES) for x in ast.walk(cut))
    straight = straight and isinstance(cut, ast.Assign | ast.Return)
    if not (straight and all(map(is_plain, before))):
        return None
    (call,) = (x for x in ast.walk(cut) if count.called(x))
    asked, inner = call.args[0] if call.args else None, None
    if call.func.id != EXP:
        inner = apart(text, call.func.id)
        asked = inner and ast.Call(ast.Name(inner[0]), call.args, call.keywords)
    if asked is None:
        return None
    given = _Given(count, inner and inner[1])
    add_function(text, node, ask, [*before, ast.Return(asked)])
    add_function(text, node, use, given.visit(copy.deepcopy(node)).body, GIVEN)
    return ask, use


class _Count:
    """Counts exponentials of functions, through all that they call."""

    def __init__(self, functions):
        self._functions, self._known = functions, {EXP: 1}

    def of(self, name):
        """Those of a function; none of one that is not among the functions."""
        if name not in self._known:
            self._known[name] = 0  # while it is looked at: nothing calls itself
            node = self._functions.get(name)
            self._known[name] = 0 if node is None else self.within(node)
        return self._known[name]

    def within(self, node):
        """Those of all calls within a node."""
        return sum(self.called(x) for x in ast.walk(node))

    def called(self, node):
        """Those of a node itself."""
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return self.of(node.func.id) if named else 0


class _Given(ast.NodeTransformer):
    """Hands the exponential to the call in which it was made, or puts it there."""

    def __init__(self, count, use):
        self._count, self._use = count, use

    def visit_Call(self, node):
        if not self._count.called(node):
            return self.generic_visit(node)
        if self._use is None:
            return ast.Name(GIVEN)
        also = [*node.keywords, ast.keyword(GIVEN, ast.Name(GIVEN))]
        return ast.Call(ast.Name(self._use), node.args, also)
