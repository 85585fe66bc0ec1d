"""Run protocols x models x seeds side by side, with their controls."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from dendrites._checks import flag, number, shown, whole_number
from dendrites.compile.jit import told_once
from dendrites.errors import ConfigError
from dendrites.random import check_seed
from experiments.conditions import NOISE_TAU, given_or_usual
from experiments.lab.background import Background
from experiments.lab.group import Group, run_group
from experiments.lab.measures import COUNTS
from experiments.lab.model import LabModel
from experiments.lab.models import lab_models
from experiments.lab.protocol import MOST_PROTOCOLS, Protocol
from experiments.repeats import MOST_REPEATS

# Cells that step side by side: enough to fill loops, few enough for the cache.
WIDEST = 1024
CONTROLS = ("no_apical", "unpaired", "nothing")


class Outcome(NamedTuple):
    """What one model did under every protocol.

    Parameters
    ----------
    changes : dict of str to ndarray (n_protocols, n_seeds)
        Weight change over the whole protocol, in the unit of the model's weight:
        ``paired``, the protocol itself; with controls also ``no_apical`` (apical
        current 0), ``unpaired`` (no somatic pulses) and ``nothing`` (neither).
    counts : dict of str to ndarray (n_protocols, n_seeds)
        Of the protocol itself: spikes, events, bursts, plateaus, plateau_area (unit of
        the apical potential x ms) and apical_peak; NaN where the model has none.
    control_counts : dict of str to ndarray (n_protocols, n_seeds)
        The same without apical current.
    """

    changes: dict[str, np.ndarray]
    counts: dict[str, np.ndarray]
    control_counts: dict[str, np.ndarray]


def run_lab(
    models: LabModel | str | Sequence[LabModel | str] | Mapping[str, LabModel],
    protocols: Protocol | Sequence[Protocol] | Mapping[Any, Protocol],
    *,
    seeds: Sequence[int] = (0,),
    noise_soma: float = 0.0,
    noise_apical: float = 0.0,
    noise_tau: float | None = None,
    controls: bool = True,
    silent: bool = False,
    threads: int = 1,
    tick: Callable[[int], None] | None = None,
) -> dict[str, Outcome]:
    """Every protocol on every model with every seed.

    All cells of one model that take equally long run side by side in one compiled
    run. A seed stands for one course of the background currents and of all other
    randomness, which is the same under every protocol and control; a result depends on
    the model, the protocol, the noise and the seed, not on what else is run.

    Parameters
    ----------
    models : LabModel or str, a sequence of these, or a mapping with such values
        Names are those of `lab_models`.
    protocols : Protocol, a sequence of them, or a mapping such as `grid` returns
    seeds : sequence of int
    noise_soma, noise_apical : float
        Standard deviation of the Ornstein-Uhlenbeck currents into soma and apical
        dendrite, pA, >= 0; models without currents receive them through their
        injection scales. A model that has no place for one is refused.
    noise_tau : float, optional
        Their time constant, ms, > 0; default 2. Refused without any noise.
    controls : bool
        Whether to run the three controls of every protocol.
    silent : bool
        Whether the postsynaptic cells are kept from spiking; a model whose cell does
        not spike is refused.
    threads : int
        Does not change results.
    tick : callable, optional
        Called with 1 when a run has ended, for a progress bar; `count_runs` gives the
        total.

    Returns
    -------
    dict of Outcome, by the name of the model

    Raises
    ------
    ConfigError
        Before anything is compiled, for impossible options and for protocols outside
        the range of a model.
    NumericalError
        If a cell diverges.
    """
    models, protocols = _models(models), _protocols(protocols)
    seeds = _seeds(seeds)
    noise = {"soma": noise_soma, "apical": noise_apical}
    noise_tau = _check_noise(models, noise, noise_tau)
    _check_silent(models, silent)
    whole_number("lab: threads", threads, lowest=1)
    background = Background(tuple(seeds), **noise, tau=noise_tau)
    wanted, unique = _wanted(protocols, controls)
    for model in models:
        for protocol in unique:
            model.check(protocol)
    groups = [
        Group(model, members, background, silent)
        for model in models
        for members in _side_by_side(unique, model, len(seeds))
    ]
    # The longest first, so that no thread is left with it at the end.
    groups.sort(key=lambda g: -g.n_steps * len(g.protocols))
    found = {model.name: {} for model in models}

    def work(group):
        found[group.model.name].update(run_group(group))
        if tick is not None:
            tick(1)

    with told_once():
        _map(work, groups, threads)
    return {
        model.name: _outcome(wanted, found[model.name], controls) for model in models
    }


def count_runs(
    models: LabModel | str | Sequence[LabModel | str] | Mapping[str, LabModel],
    protocols: Protocol | Sequence[Protocol] | Mapping[Any, Protocol],
    *,
    seeds: Sequence[int] = (0,),
    controls: bool = True,
) -> int:
    """How many compiled runs `run_lab` makes of this: the total of a progress bar."""
    _, unique = _wanted(_protocols(protocols), controls)
    n_seeds = len(_seeds(seeds))
    return sum(
        1 for model in _models(models) for _ in _side_by_side(unique, model, n_seeds)
    )


def _models(given):
    """A list of lab models out of every way to give them."""
    if isinstance(given, Mapping):
        given = given.values()
    elif isinstance(given, (LabModel, str)) or not np.iterable(given):
        given = [given]
    models = []
    for each in given:
        if isinstance(each, str):
            each = lab_models(each)[each]
        if not isinstance(each, LabModel):
            raise ConfigError(
                f"lab: models hold {shown(each)}: each must be a LabModel or the name "
                "of one, see lab_models()"
            )
        models.append(each)
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"lab: models {names}: give at least one, and each a name of its own"
        )
    return models


def _protocols(given):
    """A list of protocols out of every way to give them."""
    if isinstance(given, Mapping):
        given = given.values()
    elif not np.iterable(given):
        given = [given]
    protocols = list(given)
    for each in protocols:
        if not isinstance(each, Protocol):
            raise ConfigError(
                f"lab: protocols hold {shown(each)}: each must be a Protocol"
            )
    if not protocols or len(protocols) > MOST_PROTOCOLS:
        raise ConfigError(
            f"lab: {len(protocols)} protocols: must be between 1 and {MOST_PROTOCOLS}"
        )
    return protocols


def _seeds(given):
    if not np.iterable(given):
        raise ConfigError(
            f"lab: seeds = {shown(given)}: must be several numbers, such as (0,) for "
            "one and range(10) for ten"
        )
    seeds = [check_seed(seed) for seed in islice(given, MOST_REPEATS + 1)]
    if len(seeds) > MOST_REPEATS:
        raise ConfigError(
            f"lab: seeds = {shown(given)}: too many, at most {MOST_REPEATS} in one run"
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"lab: seeds = {seeds}: give at least one, none twice")
    return seeds


def _check_noise(models, noise, tau):
    for where, value in noise.items():
        name = f"noise_{where}"
        number(f"lab: {name}", value, unit="pA", least=0.0, error=ConfigError)
        for model in models if value else ():
            if getattr(model, where) is None:
                raise ConfigError(
                    f"lab: {name} = {value:g} pA: model {model.name!r} has no place "
                    "for it. Use 0, or leave this model out"
                )
    tau = given_or_usual(
        "lab: noise_tau",
        tau,
        NOISE_TAU,
        acts=any(noise.values()),
        needs="noise_soma or noise_apical > 0",
    )
    return number("lab: noise_tau", tau, unit="ms", above=0.0, error=ConfigError)


def _check_silent(models, silent):
    flag("lab: silent", silent, error=ConfigError)
    for model in models if silent else ():
        if not model.cell.spiking:
            raise ConfigError(
                f"lab: silent = True: cells of model {model.name!r} do not spike. "
                "Use False, or leave this model out"
            )


def _wanted(protocols, controls):
    """Every protocol with its controls by kind, and all of them, each once."""
    wanted = [_controls(p) if controls else {"paired": p} for p in protocols]
    return wanted, list(dict.fromkeys(p for each in wanted for p in each.values()))


def _controls(protocol):
    return {
        "paired": protocol,
        "no_apical": protocol.without_apical(),
        "unpaired": protocol.unpaired(),
        "nothing": protocol.unpaired().without_apical(),
    }


def _side_by_side(protocols, model, n_seeds):
    """Lists of protocols with phases of one length that fit side by side."""
    by_length = {}
    for protocol in protocols:
        by_length.setdefault(model.steps_of(protocol), []).append(protocol)
    most = max(WIDEST // n_seeds, 1)
    for members in by_length.values():
        for first in range(0, len(members), most):
            yield members[first : first + most]


def _map(work, groups, threads):
    if threads == 1 or len(groups) == 1:
        for group in groups:
            work(group)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(work, group) for group in groups]
        try:
            for result in waiting:
                result.result()
        except BaseException:
            for result in waiting:
                result.cancel()
            raise


def _outcome(wanted, found, controls):
    changes = {
        kind: np.array([found[each[kind]]["weight_change"] for each in wanted])
        for kind in ("paired", *(CONTROLS if controls else ()))
    }

    def counts(kind):
        return {
            name: np.array([found[each[kind]][name] for each in wanted])
            for name in COUNTS
        }

    return Outcome(changes, counts("paired"), counts("no_apical") if controls else {})
