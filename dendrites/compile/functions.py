"""Functions of a module's text, and others made of them."""

import ast
import functools

from dendrites.compile.syntax import parse

_KEPT = 64  # modules


def functions_of(text) -> dict[str, ast.FunctionDef]:
    """The functions of a `ModuleText`, by their names."""
    nodes = parse("\n".join(text.lines)).body
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


def add_function(text, like, name: str, body, *more: str) -> None:
    """Add a function to a module: the arguments of another and some more."""
    arguments = ast.unparse(like.args)
    head = f"def {name}({', '.join(filter(None, (arguments, *more)))}):"
    lines = [
        line
        for part in body
        for line in ast.unparse(ast.fix_missing_locations(part)).splitlines()
    ]
    text.lines += ["", "@njit(**INNER)", head, *(f"    {line}" for line in lines)]


def is_plain(node) -> bool:
    """Whether a statement gives a name a value."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def written_once(write):
    """Let a function of a text and a name write for the same text but once.

    It may look at the lines of the text alone, and adds others behind them. Every run
    writes its modules anew; following their functions took half of a short run.
    """
    known = {}

    @functools.wraps(write)
    def written(text, name):
        key = "\n".join(text.lines), name
        if key in known:
            found, added = known[key]
            text.lines += added
            return found
        before = len(text.lines)
        found = write(text, name)
        if len(known) >= _KEPT:
            known.clear()
        known[key] = found, text.lines[before:]
        return found

    return written
