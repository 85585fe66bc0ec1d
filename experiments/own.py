"""Questions of a user's own, which an installed distribution registers.

Its metadata have an entry point of the group ``dendrites.experiments``: the name of the
question, and the function that answers it, whose module also has its ``plot(tree)``.
Nothing of it is imported before the question is asked.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType, ModuleType

from dendrites.errors import ConfigError

GROUP = "dendrites.experiments"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class OwnQuestion:
    """A question as an entry point names it; the same as `registry.Experiment` else.

    Parameters
    ----------
    name : str
    module, function : str
        The function ``module.function(**arguments) -> DataTree``; the module's
        ``plot(tree) -> Figure`` draws its picture.
    home : str
        The distribution.
    """

    name: str
    module: str
    function: str
    home: str
    full = MappingProxyType({})

    @cached_property
    def line(self) -> str:
        """The first line of the function's docstring, found without running any."""
        try:
            source = importlib.util.find_spec(self.module).loader.get_source(
                self.module
            )
            defined = {
                node.name: ast.get_docstring(node)
                for node in ast.parse(source).body
                if isinstance(node, ast.FunctionDef)
            }
            return (defined[self.function] or "").partition("\n")[0]
        except Exception as error:  # whatever finding a stranger's module may raise
            return f"({self.home}: cannot be read: {type(error).__name__}: {error})"

    def load(self) -> Callable:
        """The question's function.

        Raises
        ------
        ConfigError
            If it cannot be imported, or its module has no plot.
        """
        return self._found(self.function)

    def load_plots(self) -> ModuleType:
        """The module with its plot."""
        self._found("plot")
        return importlib.import_module(self.module)

    def _found(self, name):
        where = f"question {self.name!r}, registered by {self.home}"
        remedy = f"Mend or uninstall {self.home}; other questions work without it."
        try:
            module = importlib.import_module(self.module)
        except Exception as error:
            raise ConfigError(
                f"{where}: {self.module} cannot be imported: "
                f"{type(error).__name__}: {error}\n{remedy}"
            ) from error
        for wanted in (self.function, "plot"):
            if not callable(getattr(module, wanted, None)):
                raise ConfigError(
                    f"{where}: {self.module} has no function {wanted!r}\n{remedy}"
                )
        return getattr(module, name)


def own_questions(taken: Collection[str]) -> Iterator[OwnQuestion | str]:
    """Questions of all installed distributions, or why there is none, in a line.

    Parameters
    ----------
    taken : names that no question of a user's own can have
    """
    seen = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        home = entry.dist.name if entry.dist else "an unnamed distribution"
        where = f"{home}: entry point {entry.name!r}"
        if not _NAME.fullmatch(entry.name):
            yield f"{where}: a name has small letters, digits and dashes: my-question"
        elif entry.name in taken:
            yield f"{where}: a question here has this name; choose another"
        elif entry.name in seen:
            yield f"{where}: {seen[entry.name]} has registered this name, too"
        elif not entry.attr or "." in entry.attr:
            yield f"{where} = {entry.value!r}: write 'module:function'"
        else:
            seen[entry.name] = home
            yield OwnQuestion(entry.name, entry.module, entry.attr, home)
