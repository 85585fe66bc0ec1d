"""Functions of a module's text, and others made of them."""

import ast
import functools


def functions_of(text) -> dict[str, ast.FunctionDef]:
    """The functions of a `ModuleText`, by their names; not to be changed."""
    return dict(_functions("\n".join(text.lines)))


# The same modules are written for every run.
@functools.lru_cache(maxsize=64)
def _functions(lines):
    nodes = ast.parse(lines).body
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
