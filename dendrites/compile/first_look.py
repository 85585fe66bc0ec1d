"""The test by which a scalar function begins: where it holds, the function gives 0.

A spike rule that begins with ``if u < ...: return 0.0`` has said most of what it says.
Asked of all cells in a loop of its own the test is vectorised, and the rule itself,
which branches and counts, is called for the few others alone.
"""

import ast

from dendrites.compile.functions import (
    add_function,
    functions_of,
    is_plain,
    written_once,
)


@written_once
def first_look(text, name: str) -> str | None:
    """Name of a function that says where another gives 0 at once.

    It has the arguments of `name`, a function of the module `text`, and is added there;
    None if that does not begin with such a test. What it calls may be what does.
    """
    return _added(text, functions_of(text), name)


def _added(text, functions, name):
    look = f"{name}at_once__"
    if look in functions or name not in functions:
        return look if look in functions else None
    node = functions[name]
    before, last = node.body[:-1], node.body[-1]
    for k, part in enumerate(before):
        if not is_plain(part):
            before, last = before[:k], part
            break
    value = _test(last)
    if value is None and isinstance(last, ast.Return):
        # What calls itself has no first look.
        others = {key: other for key, other in functions.items() if key != name}
        value = _asked(text, others, last.value)
    if value is None:
        return None
    add_function(text, node, look, [*before, ast.Return(value)])
    return look


def _test(node):
    """Where a statement returns 0 and ends the function, as an expression."""
    if isinstance(node, ast.If) and len(node.body) == 1:
        (part,) = node.body
        return node.test if isinstance(part, ast.Return) and _is_zero(part) else None
    if isinstance(node, ast.Return) and isinstance(node.value, ast.IfExp):
        choice = node.value
        if _is_zero(ast.Return(choice.body)):
            return choice.test
        if _is_zero(ast.Return(choice.orelse)):
            return ast.UnaryOp(ast.Not(), choice.test)
    return None


def _asked(text, functions, call):
    """The call of a function of the module, of its first look instead."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    look = _added(text, functions, call.func.id)
    return look and ast.Call(ast.Name(look), call.args, call.keywords)


def _is_zero(returned):
    value = returned.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "np.float32":
        (value,) = value.args
    return isinstance(value, ast.Constant) and value.value == 0.0
