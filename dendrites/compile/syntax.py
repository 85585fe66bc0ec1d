"""Parsing of texts, by one thread at a time."""

import ast

from dendrites.compile.jit import one_compiles


@one_compiles
def parse(text: str, mode: str = "exec") -> ast.AST:
    """The tree of a text, as `ast.parse` gives it.

    Python 3.11 counts how deep a tree is for all threads together and fails with a
    SystemError where two of them parse at once.
    """
    return ast.parse(text, mode=mode)
