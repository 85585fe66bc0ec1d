"""Which parts of a scalar function must stay whole numbers.

Python's whole numbers have no bound and turn into fractions where needed; compiled ones
have 64 bits and ``10**-2`` of them is 0. So whole numbers become floats in compiled
functions, but for those that count or select: indices, ranges and bits.
"""

import ast

_COUNTERS = ("range", "enumerate")
_BITS = (ast.BitAnd, ast.BitOr, ast.BitXor)
# Calls of builtins that hand on what they are given.
_HANDED_ON = ("abs", "min", "max")


class WholeNumbers:
    """Parts of a function's syntax tree that stay whole numbers.

    Attributes
    ----------
    nodes : set of int
        `id` of every expression whose value selects or counts.
    names : set of str
        Local names that hold such values.
    counters : set of str
        Local names that a loop over a range counts, wherever they are used.
    whole : set of str
        Local names that never hold anything else, in Python.
    unbounded : set of str
        Those of them that products may take beyond what a float holds exactly.
    """

    def __init__(self, function):
        self.nodes, self.names, self.counters = set(), set(), set()
        self._parameters = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
        self._values = {}
        for node in ast.walk(function):
            self._note_assignment(node)
        for node in ast.walk(function):
            self._note_use(node)
        done = set()
        # Names found while marking are marked in turn.
        while left := self.names - done:
            for name in left:
                for value in self._values.get(name, ()):
                    self._mark(value)
            done |= left
        self.whole = {*self._values} - self._parameters | self.counters
        # Taken for whole until one of their values is not.
        while wrong := {n for n in self.whole if not self._only_whole(n)}:
            self.whole -= wrong
        self.unbounded = set()
        while new := {n for n in self.whole - self.unbounded if self._grows(n)}:
            self.unbounded |= new

    def is_whole(self, node) -> bool:
        """Whether an expression is a whole number in Python, by its form alone."""
        if isinstance(node, ast.Constant):
            return type(node.value) is int
        if isinstance(node, ast.UnaryOp):
            return self.is_whole(node.operand)
        if isinstance(node, ast.BinOp):
            parts = (node.left, node.right)
            return not isinstance(node.op, ast.Div) and all(map(self.is_whole, parts))
        if isinstance(node, ast.Name):
            return node.id in self.whole
        return _calls(node, ("int", "round", "len")) and len(node.args) == 1

    def is_unbounded(self, node) -> bool:
        """Whether that whole number may be too large for a float to hold exactly."""
        if isinstance(node, ast.Name):
            return node.id in self.unbounded
        if isinstance(node, ast.UnaryOp):
            return self.is_unbounded(node.operand)
        if not isinstance(node, ast.BinOp) or not self.is_whole(node):
            return False
        parts = (node.left, node.right)
        if any(map(self.is_unbounded, parts)):
            return True
        if isinstance(node.op, ast.Pow):
            return not all(isinstance(part, ast.Constant) for part in parts)
        called = any(_calls(part, ("int", "round")) for part in parts)
        return isinstance(node.op, ast.Mult) and called

    def _only_whole(self, name):
        return all(map(self.is_whole, self._values.get(name, ())))

    def _grows(self, name):
        def multiplied(node):
            if not isinstance(node, ast.BinOp):
                return False
            mentions = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            grows = isinstance(node.op, (ast.Mult, ast.Pow, ast.LShift))
            return grows and name in mentions

        values = self._values.get(name, ())
        return any(
            self.is_unbounded(value) or any(map(multiplied, ast.walk(value)))
            for value in values
        )

    def _note_assignment(self, node):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
            if node.value is not None:
                self._assign(node.target, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = ast.Name(node.target.id, ast.Load())
            self._assign(node.target, ast.BinOp(before, node.op, node.value))
        elif isinstance(node, ast.For) and _calls(node.iter, _COUNTERS):
            target = node.target
            if isinstance(target, ast.Tuple) and _calls(node.iter, ("enumerate",)):
                target = target.elts[0]
            if isinstance(target, ast.Name):
                self.counters.add(target.id)
        elif isinstance(node, ast.For):
            self._assign_unknown(node.target)

    def _assign(self, target, value):
        if isinstance(target, ast.Name):
            self._values.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                self._assign(one, its)
        else:
            self._assign_unknown(target)

    def _assign_unknown(self, target):
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                self._values.setdefault(part.id, []).append(ast.Constant(None))

    def _note_use(self, node):
        if isinstance(node, ast.Subscript):
            self._mark(node.slice)
        elif _calls(node, ("range",)):
            for argument in node.args:
                self._mark(argument)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, _BITS):
            self._mark(node)
        elif _is_small_power(node):
            # A small constant exponent becomes a few multiplications.
            self._mark(node.right)

    def _mark(self, node):
        self.nodes.add(id(node))
        if isinstance(node, ast.Name):
            if node.id not in self._parameters:
                self.names.add(node.id)
        elif isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Slice, ast.Tuple)):
            for part in ast.iter_child_nodes(node):
                self._mark(part)
        elif isinstance(node, ast.IfExp):
            self._mark(node.body)
            self._mark(node.orelse)
        elif _calls(node, _HANDED_ON):
            for argument in node.args:
                self._mark(argument)


def _calls(node, names):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
    )


def _is_small_power(node):
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Pow):
        return False
    node = node.right
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return (
        isinstance(node, ast.Constant) and type(node.value) is int and node.value <= 64
    )
