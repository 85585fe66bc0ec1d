"""Arguments of a question, read off its signature, and the model that checks them."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, create_model
from pydantic_core import PydanticCustomError

from dendrites._streams import check_seed
from dendrites.errors import ConfigError
from experiments.parameters import Argument

LONGEST_LIST = 10_000
#: Arguments that the command line sets itself.
HANDLED = ("progress", "checkpoint", "resume")
REQUIRED = inspect.Parameter.empty
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Callable: "a function",
}


@dataclass(frozen=True)
class Option:
    """One argument of an experiment.

    Parameters
    ----------
    name : str
        As in the signature.
    annotation : type
        With its metadata; further ones than `Argument`, such as bounds, are checked.
    text, unit : str
        Of its `Argument`.
    default : object
        `REQUIRED` if there is none.
    usual : object
        What a default of None stands for where the argument acts, if that is a value.
    written : bool
        Whether it can be typed or written in a file.
    """

    name: str
    annotation: Any
    text: str
    unit: str
    default: Any
    usual: Any = None
    written: bool = True

    @property
    def flag(self) -> str:
        """As typed on the command line."""
        return "--" + self.name.replace("_", "-")

    def typed(self, value: Any) -> list[str]:
        """Words that give it this value on the command line."""
        if isinstance(value, bool):
            return [self.flag if value else "--no-" + self.flag[2:]]
        return [self.flag, *words_of(value)]

    @property
    def types(self) -> tuple:
        """Types of a value (or of the items of a list); None if it may be absent."""
        return _leaves(self.annotation)

    @property
    def literals(self) -> list:
        """The values allowed, where they are listed."""
        return _literals(self.annotation)

    @property
    def many(self) -> bool:
        """Whether it takes several values."""
        return any(_is_list(part) for part in _alternatives(self.annotation))

    @property
    def named(self) -> bool:
        """Whether it takes names with values."""
        return any(typing.get_origin(p) is dict for p in _alternatives(self.annotation))

    @property
    def checked(self) -> Any:
        """The annotation with what its name and form ask for beside it."""
        if self.name == "seed" and not self.many:
            return Annotated[self.annotation, BeforeValidator(self._seed)]
        if self.many:
            return Annotated[self.annotation, BeforeValidator(_check_length)]
        return self.annotation

    def _seed(self, value):
        if value is None and None in self.types:
            return None
        try:
            return check_seed(value)
        except ConfigError as error:
            raise _refused("seed", str(error).replace("\n", " ")) from None

    @property
    def expected(self) -> str:
        """What a value looks like, in words."""
        return f"a list, each {self.expected_item}" if self.many else self.expected_item

    @property
    def expected_item(self) -> str:
        """What one item of a list looks like, or the value if it takes one."""
        if self.named:
            return "names with a number each"
        if self.literals:
            return "one of " + ", ".join(map(str, self.literals))
        leaves = [t for t in self.types if t is not None]
        if float in leaves and int in leaves:
            leaves.remove(int)
        return " or ".join(
            _WORDS.get(t, getattr(t, "__name__", str(t))) for t in leaves
        )

    @property
    def example(self) -> Any:
        """A value: the default where there is one."""
        if self.default not in (None, REQUIRED):
            return self.default
        if self.usual is not None:
            return self.usual
        if self.named:
            return {"NAME": 1.0}
        fallback = {int: 1, str: "name"}.get(self.types[0], 1.0)
        value = self.literals[0] if self.literals else fallback
        return (value,) if self.many else value


class Options(dict):
    """Arguments of a question, `Option` by name."""

    @functools.cached_property
    def model(self) -> type[BaseModel]:
        """Checks values by name; of those that are absent `lacking` tells."""
        strict = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
        fields = {name: (option.checked, REQUIRED) for name, option in self.items()}
        return create_model("Arguments", __config__=strict, **fields)

    def lacking(self, given: Mapping) -> list[Option]:
        """Those that have no default and are not given."""
        return [
            option
            for name, option in self.items()
            if option.default is REQUIRED and name not in given
        ]


@functools.cache
def all_options(function: Callable) -> Options:
    """Arguments of a function by name."""
    hints = typing.get_type_hints(function, include_extras=True)
    options = Options()
    for name, parameter in inspect.signature(function).parameters.items():
        meanings = [m for m in _metadata(hints[name]) if isinstance(m, Argument)]
        argument = meanings[-1] if meanings else Argument("")
        options[name] = Option(
            name,
            hints[name],
            argument.text,
            argument.unit,
            parameter.default,
            argument.usual,
            argument.typed,
        )
    return options


@functools.cache
def experiment_options(function: Callable) -> Options:
    """Arguments of an experiment that are typed, without those in `HANDLED`."""
    return Options(
        {
            name: option
            for name, option in all_options(function).items()
            if name not in HANDLED and option.written
        }
    )


def from_text(option: Option, given: str | tuple[str, ...]) -> Any:
    """What a text on the command line stands for; what cannot be read stays text."""
    if option.named:
        pairs = [given] if isinstance(given, str) else given
        pairs = [item.partition("=") for text in pairs for item in text.split(",")]
        return {name.strip(): _number(text.strip()) for name, _, text in pairs if name}
    if option.many:
        items = [item for text in given for item in text.split(",")]
        return tuple(_plain_value(option, item.strip()) for item in items if item)
    return _plain_value(option, given)


def words_of(value: Any) -> list[str]:
    """A value as words of the command line."""
    if isinstance(value, Mapping):
        return [f"{name}={item}" for name, item in value.items()]
    items = value if isinstance(value, (tuple, list)) else [value]
    return ["none" if item is None else str(item) for item in items]


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


def _plain_value(option, text):
    kinds = option.types
    if None in kinds and text.lower() == "none":
        return None
    readers = [kind for kind in (int, float) if kind in kinds]
    if int in kinds and float not in kinds and str not in kinds:
        readers.append(float)  # so that 1.5 is refused as a number, not as a text
    for read in readers:
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _check_length(value):
    if value == ():
        raise _refused("length", "needs at least one value")
    if isinstance(value, tuple) and len(value) > LONGEST_LIST:
        text = f"{len(value)} values, at most {LONGEST_LIST} are accepted"
        raise _refused("length", text)
    return value


def _refused(kind, text):
    return PydanticCustomError(kind, "{text}", {"text": text})


def _metadata(annotation):
    return getattr(annotation, "__metadata__", ())


def _alternatives(annotation):
    if _metadata(annotation):
        annotation = annotation.__origin__
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [p for arg in typing.get_args(annotation) for p in _alternatives(arg)]
    return [annotation]


def _is_list(kind):
    return typing.get_origin(kind) in (tuple, list) or kind in (tuple, list)


def _leaves(annotation):
    leaves = []
    for part in _alternatives(annotation):
        if _is_list(part):
            inner = [a for a in typing.get_args(part) if a is not Ellipsis]
            leaves += [leaf for arg in inner for leaf in _leaves(arg)]
        elif typing.get_origin(part) is Literal:
            leaves += [type(value) for value in typing.get_args(part)]
        else:
            leaves.append(None if part is type(None) else part)
    return tuple(dict.fromkeys(leaves))


def _literals(annotation):
    """Values allowed, also those of the items of a list."""
    found = []
    for part in _alternatives(annotation):
        if typing.get_origin(part) is Literal:
            found += typing.get_args(part)
        elif _is_list(part):
            for item in typing.get_args(part):
                found += [] if item is Ellipsis else _literals(item)
    return found
