"""A scalar function written anew: self-contained, and with floats for whole numbers.

The names a function takes from outside are looked up at every call, since their values
may have changed; the text is written anew only if one of them has.
"""

import ast
import copy
import weakref

from dendrites.compile.outside import Outside
from dendrites.compile.refused import reason_against, refused
from dendrites.compile.scopes import inner_functions, local_names, place_arguments
from dendrites.compile.syntax import parse
from dendrites.compile.whole_numbers import WholeNumbers
from dendrites.errors import ModelError

_RESERVED = {"np", "njit", "INNER", "NamedTuple", "math", "loop", "advance", "weight"}
_RESERVED |= {"bool", "int"}
_KEPT_TEXTS = 64

_written = weakref.WeakKeyDictionary()


def rewritten(text, function, node, name: str) -> str:
    """Source of the function under that name, for a module text.

    Definitions that it needs are added to `text` first.
    """
    known = _written.setdefault(function.__code__, {})
    asked, texts = known.get(text.single_precision, (None, {}))
    outside = Outside(text, function)
    if asked is not None:
        try:
            answers = tuple(outside.answer(*question) for question in asked)
        except ModelError:
            answers = None  # told below, with its line
        if (name, answers) in texts:
            return texts[name, answers]
    rewrite = _Rewrite(text, function, node, outside)
    result = ast.unparse(rewrite.result(name))
    questions = tuple(rewrite.answers)
    if questions != asked or len(texts) >= _KEPT_TEXTS:
        texts = {}
    texts[name, tuple(rewrite.answers.values())] = result
    known[text.single_precision] = questions, texts
    return result


class _Rewrite(ast.NodeTransformer):
    """Points names from outside to the module's own and makes whole numbers floats."""

    def __init__(self, text, function, node, outside):
        self.text, self.function, self.outside = text, function, outside
        self.node = copy.deepcopy(node)
        self.answers = {}
        self.whole = WholeNumbers(self.node)
        self.scopes = [local_names(self.node)]
        self.inner = inner_functions(self.node)
        self.place = self.node

    def result(self, name):
        for part in ast.walk(self.node):
            if isinstance(part, ast.arg):
                part.annotation = None
        node = self.node
        for part in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self.visit(part)
        if isinstance(node, ast.Lambda):
            body = [ast.Return(self.visit(node.body))]
        else:
            body = [self.visit(part) for part in _without_docstring(node.body)]
        self._write_defaults(node.args)
        new = ast.FunctionDef(
            name=name, args=node.args, body=body, decorator_list=[], type_params=[]
        )
        return ast.fix_missing_locations(new)

    def ask(self, node, *question):
        """Answer a question about the outside; errors show the node's line."""
        try:
            answer = self.answers[question] = self.outside.answer(*question)
        except ModelError as error:
            if type(error) is not ModelError:
                raise  # already shown where it stands
            raise self.refused(node, f"It {error}") from None
        return answer

    def refused(self, node, reason):
        place = node if hasattr(node, "lineno") else self.place
        return refused(self.function, place.lineno, reason, place.col_offset)

    def _write_defaults(self, arguments):
        """Defaults were evaluated where the function was made; write their values."""
        n = len(self.function.__defaults__ or ())
        # Numba has no positional-only and no keyword-only arguments.
        arguments.args[:0], arguments.posonlyargs = arguments.posonlyargs, []
        arguments.defaults = [
            _expression(self.ask(arguments, "default", k)) for k in range(n)
        ]
        given = self.function.__kwdefaults__ or {}
        required = [a for a in arguments.kwonlyargs if a.arg not in given]
        first = len(arguments.args) - n
        arguments.args[first:first] = required
        for argument in arguments.kwonlyargs:
            if argument.arg in given:
                value = self.ask(argument, "keyword_default", argument.arg)
                arguments.args.append(argument)
                arguments.defaults.append(_expression(value))
        arguments.kwonlyargs, arguments.kw_defaults = [], []

    def visit(self, node):
        # Operators do not say where they stand; what they belong to was here before.
        self.place = node if hasattr(node, "lineno") else self.place
        if reason := reason_against(node):
            raise self.refused(node, reason[0].upper() + reason[1:])
        return super().visit(node)

    def visit_FunctionDef(self, node):
        node.args.defaults, node.args.kw_defaults = [], []
        node.args.args += node.args.kwonlyargs
        node.args.kwonlyargs, node.returns, node.decorator_list = [], None, []
        node.body = _without_docstring(node.body)
        self.scopes.append(local_names(node))
        node = self.generic_visit(node)
        self.scopes.pop()
        return node

    def visit_Lambda(self, node):
        node.args.defaults, node.args.kw_defaults = [], []
        node.args.args += node.args.kwonlyargs
        node.args.kwonlyargs = []
        self.scopes.append(local_names(node))
        node = self.generic_visit(node)
        self.scopes.pop()
        return node

    def visit_AnnAssign(self, node):
        if node.value is None:
            return ast.Pass()
        target, value = self.visit(node.target), self.visit(node.value)
        return ast.Assign([target], value)

    def visit_Call(self, node):
        path, whole = self._path(node.func), id(node) in self.whole.nodes
        if path is None:
            self._place_arguments(node)
            return self.generic_visit(node)
        special = self.ask(node, "special", path)
        if special is not None and not (whole and special != "float"):
            return self._float_call(node, special)
        fields = None if "." in path else self.ask(node, "fields", path)
        starred = any(isinstance(argument, ast.Starred) for argument in node.args)
        if fields is not None and not starred:
            # Numba does not fill in the defaults of a NamedTuple.
            names, defaults = fields
            given = {keyword.arg for keyword in node.keywords}
            missing = [f for f in names[len(node.args) :] if f not in given]
            added = [
                ast.keyword(field, _expression(default))
                for field, default in defaults
                if field in missing and None not in given
            ]
            node = self.generic_visit(node)
            node.keywords += added
            return node
        node = self.generic_visit(node)
        if path == "len" and not whole:
            return self._float(node)
        return node

    def _float_call(self, node, special):
        if node.keywords or len(node.args) != 1:
            raise self.refused(
                node,
                "Rounding to digits is decimal in Python and cannot be compiled alike; "
                "write round(x * 100) / 100",
            )
        (argument,) = node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return _expression(self.text.number(float(argument.value)))
        value = self._float(self.visit(argument))
        if special == "float":
            return value
        return self._one_zero(ast.Call(_expression(special), [value], []))

    def _place_arguments(self, node):
        try:
            place_arguments(node, self.inner, self.scopes)
        except ModelError as error:
            raise self.refused(node, f"{error}") from None

    def visit_Attribute(self, node):
        path = self._path(node)
        if path is None:
            return self.generic_visit(node)
        whole = id(node) in self.whole.nodes
        answer = self.ask(node, "attribute", path, whole)
        return self.generic_visit(node) if answer is None else _expression(answer)

    def visit_Name(self, node):
        if self._is_local(node.id):
            if node.id in _RESERVED:
                node.id += "_own"
            if not isinstance(node.ctx, ast.Load):
                return node
            whole = id(node) in self.whole.nodes
            counted = node.id in self.whole.names | self.whole.counters
            if whole and not counted:
                return ast.Call(_expression("int"), [node], [])
            return self._float(node) if counted and not whole else node
        whole = id(node) in self.whole.nodes
        return _expression(self.ask(node, "name", node.id, whole))

    def visit_arg(self, node):
        if node.arg in _RESERVED:
            node.arg += "_own"
        return node

    def visit_Constant(self, node):
        number = type(node.value) in (int, float)
        if not number or id(node) in self.whole.nodes and type(node.value) is int:
            return node
        try:
            return _expression(self.text.value("a number", node.value))
        except ModelError as error:
            raise self.refused(node, f"It {error}") from None

    def visit_BinOp(self, node):
        exact = isinstance(node.op, (ast.Sub, ast.Mod, ast.FloorDiv))
        if exact and any(map(self.whole.is_unbounded, (node.left, node.right))):
            raise self.refused(
                node,
                "Whole numbers of Python have no bound and compiled ones have: this "
                "remainder or difference would lose digits; use floats",
            )
        return self._as_float(node)

    def visit_UnaryOp(self, node):
        return self._as_float(node)

    def visit_Compare(self, node):
        # Where nothing is compiled, numbers out of arrays are NumPy's, and so is what
        # their comparisons give: True + True is True there, and True - True an error.
        return ast.Call(_expression("bool"), [self.generic_visit(node)], [])

    def _as_float(self, node):
        number = id(node) not in self.whole.nodes and self.whole.is_whole(node)
        constant = isinstance(node, ast.UnaryOp) and _is_constant(node.operand)
        node = self.generic_visit(node)
        return self._one_zero(node) if number and not constant else node

    def _one_zero(self, node):
        """-0.0 made 0.0: whole numbers have one zero."""
        return ast.BinOp(node, ast.Add(), _expression(self.text.number(0.0)))

    def _is_local(self, name):
        return any(name in scope for scope in self.scopes)

    def _path(self, node):
        """Dotted path of a name from outside and its attributes, or None."""
        if isinstance(node, ast.Name):
            return None if self._is_local(node.id) else node.id
        if isinstance(node, ast.Attribute):
            owner = self._path(node.value)
            return owner and f"{owner}.{node.attr}"
        return None

    def _float(self, node):
        # float32 loops would be promoted to float64 by a whole number.
        kind = "np.float32" if self.text.single_precision else "np.float64"
        return ast.Call(_expression(kind), [node], [])


def _is_constant(node):
    return isinstance(node, ast.Constant) and node.value != 0


def _expression(text):
    return parse(text, mode="eval").body


def _without_docstring(body):
    first = body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (body[1:] or [ast.Pass()]) if text else body
