"""What every question has in common: its arguments are checked, its answer recorded."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.arguments import called_with
from experiments.options import experiment_options
from experiments.parameters import CONTROLS


@dataclass(frozen=True)
class Answer:
    """What a question found; the rest of its record is the same for all.

    Parameters
    ----------
    groups : mapping of group path to xarray.Dataset
    dt, duration : float
        Step and length of a run, ms.
    headline : mapping, optional
        As `dendrites.dataset.run_tree` takes it.
    integrator : str
    settings : mapping, optional
        Arguments of which the record holds another value than was given, such as the
        names that "all" stood for.
    n_epochs : int, optional
    sources : sequence of mapping
        Of the data.
    extra : mapping, optional
        Further root attributes.
    """

    groups: Mapping[str, Any]
    dt: float
    duration: float | None = None
    headline: Mapping[str, Mapping] | None = None
    integrator: str = "exact"
    settings: Mapping[str, Any] = field(default_factory=dict)
    n_epochs: int | None = None
    sources: Sequence[Mapping] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def question(title: str = "", citation: str = "") -> Callable:
    """Make a function ``(**arguments) -> Answer`` one that checks and records them.

    The function decorated gives an `xarray.DataTree`, whose configuration holds the
    arguments that can be typed apart from those of `CONTROLS`, what None usually stands
    for where that is a value, and the seed; of deterministic questions, which have
    none, it is 0. A function that gives a tree of its own, such as one of training,
    keeps its record.

    Parameters
    ----------
    title, citation : str
        Of the tree.

    Raises
    ------
    ConfigError
        When the function is called with arguments that are unknown, missing or wrong,
        all of them named, before it begins.
    """

    def decorate(function):
        name = function.__name__.replace("_", "-")

        @functools.wraps(function)
        def asked(**given):
            # Importing xarray with it takes a moment: arguments are checked before.
            arguments = called_with(function, given, name)
            from dendrites.dataset import run_tree, update_root
            from dendrites.provenance import now

            created = now()
            answer = function(**arguments)
            if isinstance(answer, Answer):
                answer = run_tree(
                    "simulation",
                    _configuration(function, arguments) | dict(answer.settings),
                    answer.groups,
                    title=title,
                    integrator=answer.integrator,
                    dt_ms=answer.dt,
                    dtype="float64",
                    seed=arguments.get("seed", 0),
                    t_stop_ms=answer.duration,
                    n_epochs=answer.n_epochs,
                    headline=answer.headline,
                    citation=citation,
                    data_sources=answer.sources,
                    created_utc=created,
                    extra={"finished_utc": now(), **answer.extra},
                )
            return update_root(answer, experiment=name)

        return asked

    return decorate


def _configuration(function, arguments):
    options = experiment_options(function)
    return {
        name: options[name].usual if value is None else value
        for name, value in arguments.items()
        if name in options
        and name not in CONTROLS
        and not (options[name].named and value is None)
    }
