"""What a function finds outside of itself: captured, global and builtin names."""

import builtins
import math
import types

from dendrites.compile.refused import reason_against_object
from dendrites.errors import ModelError

# Modules whose functions Numba compiles itself.
COMPILABLE = ("math", "cmath", "operator", "numpy", "numba")
# Calls that give whole numbers, and their twin that gives a float.
_TO_WHOLE = {
    int: "np.trunc",
    round: "np.rint",
    math.floor: "np.floor",
    math.ceil: "np.ceil",
    math.trunc: "np.trunc",
}


class Outside:
    """Answers what stands in a module text for a name; raises ModelError if nothing.

    Parameters
    ----------
    text : ModuleText
    function : function
    """

    def __init__(self, text, function):
        self.text, self.function = text, function

    def answer(self, kind, *question):
        return getattr(self, kind)(*question)

    def name(self, name, whole=False):
        """The expression that stands for a name, or None for a builtin."""
        value = self.value(name)
        return self.text.value(name, value, whole) if self.is_ours(name) else name

    def attribute(self, path, whole):
        """The expression for a dotted path into modules, or None if it leads elsewhere.

        What Numba knows stays an attribute; Python functions are written out.
        """
        *owners, last = path.split(".")
        owner = self.value(owners[0]) if self.is_ours(owners[0]) else None
        for part in owners[1:]:
            owner = getattr(owner, part, None)
        if not isinstance(owner, types.ModuleType):
            return None
        if not hasattr(owner, last):
            raise ModelError(f"module {owner.__name__} has no {last!r}")
        value = getattr(owner, last)
        if reason := reason_against_object(value):
            raise ModelError(f"uses {path}, which {reason}")
        inside = owner.__name__.partition(".")[0] in COMPILABLE
        if inside and callable(value) and not isinstance(value, type):
            return f"{self.text.value(path, owner)}.{last}"
        return self.text.value(path, value, whole)

    def fields(self, path):
        """Fields and default expressions of the NamedTuple at a path, if it is one."""
        made = self.value(path) if self.is_ours(path) else None
        if not hasattr(made, "_field_defaults"):
            return None
        defaults = made._field_defaults.items()
        return made._fields, tuple((f, self.text.value(f, v)) for f, v in defaults)

    def special(self, path):
        """The float form of a call that makes a whole number, "float", or None."""
        root, *parts = path.split(".")
        try:
            found = self.value(root)
        except ModelError:
            return None
        for part in parts:
            found = getattr(found, part, None)
        if found is float:
            return "float"
        return _TO_WHOLE.get(found) if callable(found) and _hashable(found) else None

    def default(self, k):
        values = self.function.__defaults__ or ()
        return self.text.value("a default", values[k])

    def keyword_default(self, name):
        return self.text.value(name, self.function.__kwdefaults__[name])

    def is_ours(self, name):
        """Whether a name is the user's, and not Python's."""
        return name in self._captured or name in self.function.__globals__

    def value(self, name):
        if name in self._captured:
            try:
                return self._captured[name].cell_contents
            except ValueError:
                raise ModelError(f"uses {name!r} before it has a value") from None
        scope = self.function.__globals__
        if name in scope:
            return scope[name]
        if not hasattr(builtins, name):
            raise ModelError(f"uses the undefined name {name!r}")
        value = getattr(builtins, name)
        if reason := reason_against_object(value):
            raise ModelError(f"uses {name}, which {reason}")
        return value

    @property
    def _captured(self):
        code = self.function.__code__
        return dict(zip(code.co_freevars, self.function.__closure__ or (), strict=True))


def _hashable(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True
