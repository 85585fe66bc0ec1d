"""``cell._replace(field=value)`` in compiled code, which Numba does not know.

It is found by the type of what it is called on, so it works wherever a NamedTuple is:
in helpers, inner functions and functions without source. Values become numbers of the
type that the field has.
"""

import inspect
import re

from numba import types
from numba.core.errors import TypingError
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    signature,
)

from dendrites.errors import choices

_KEY = "NamedTuple._replace"


@infer_getattr
class _Methods(AttributeTemplate):
    key = types.BaseNamedTuple

    def resolve__replace(self, named):
        return types.BoundFunction(_Replace, named)


class _Replace(AbstractTemplate):
    """All fields, by keyword, of which any may be left out."""

    key = _KEY

    def generic(self, args, kws):
        fields = dict(zip(self.this.fields, self.this.types, strict=True))
        cls = re.sub(r"_\d+__$", "", self.this.instance_class.__name__)
        if args:
            raise TypingError(f"_replace of {cls} takes its fields by name")
        for name in kws:
            if name not in fields:
                raise TypingError(
                    f"{cls} has no field {name!r}. {choices(name, fields)}"
                )
        given = [
            types.Omitted(None) if name not in kws else _fitting(kws[name], kind)
            for name, kind in fields.items()
        ]
        parameters = [
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None
            )
            for name in fields
        ]
        found = signature(self.this, *given, recvr=self.this)
        return found.replace(pysig=inspect.Signature(parameters))


def _fitting(given, kind):
    number = types.Number, types.Boolean
    if given == kind or isinstance(given, number) and isinstance(kind, types.Float):
        return kind
    raise TypingError(f"_replace: a field of {kind} cannot hold a {given}")


@lower_builtin(_KEY, types.BaseNamedTuple, types.VarArg(types.Any))
def _replaced(context, builder, sig, args):
    old, *new = args
    for k, (kind, value) in enumerate(zip(sig.args[1:], new, strict=True)):
        if not isinstance(kind, types.Omitted):
            old = builder.insert_value(old, value, k)
    return old
