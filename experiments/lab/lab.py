"""Run protocols x models x seeds side by side, with their controls."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from dendrites.errors import ConfigError
from dendrites.random import check_seed
from experiments.lab.background import Background
from experiments.lab.group import Group, run_group
from experiments.lab.measures import COUNTS
from experiments.lab.model import LabModel
from experiments.lab.protocol import MOST_PROTOCOLS, Protocol

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
    models: Mapping[str, LabModel] | Sequence[LabModel],
    protocols: Sequence[Protocol],
    *,
    seeds: Sequence[int] = (0,),
    noise_soma: float = 0.0,
    noise_apical: float = 0.0,
    noise_tau: float = 2.0,
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
    models : sequence of LabModel, or mapping with such values
    protocols : sequence of Protocol
    seeds : sequence of int
    noise_soma, noise_apical : float
        Standard deviation of the Ornstein-Uhlenbeck currents into soma and apical
        dendrite, pA, >= 0; models without currents receive them through their
        injection scales.
    noise_tau : float
        Their time constant, ms, > 0.
    controls : bool
        Whether to run the three controls of every protocol.
    silent : bool
        Whether the postsynaptic cells are kept from spiking.
    threads : int
        Does not change results.
    tick : callable, optional
        Called with the number of runs that have ended, for a progress bar.

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
    models = list(models.values() if isinstance(models, Mapping) else models)
    seeds = [check_seed(seed) for seed in seeds]
    _check(models, protocols, seeds, noise_soma, noise_apical, noise_tau)
    background = Background(tuple(seeds), noise_soma, noise_apical, noise_tau)
    wanted = [_controls(p) if controls else {"paired": p} for p in protocols]
    unique = list(dict.fromkeys(p for each in wanted for p in each.values()))
    for model in models:
        for protocol in unique:
            model.check(protocol)
    groups = [
        Group(model, members, background, silent and model.cell.spiking)
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

    _map(work, groups, threads)
    return {
        model.name: _outcome(wanted, found[model.name], controls) for model in models
    }


def _check(models, protocols, seeds, noise_soma, noise_apical, noise_tau):
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"lab: models {names}: give at least one, and each a name of its own"
        )
    if not len(protocols) or len(protocols) > MOST_PROTOCOLS:
        raise ConfigError(
            f"lab: {len(protocols)} protocols: must be between 1 and {MOST_PROTOCOLS}"
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"lab: seeds = {seeds}: give at least one, none twice")
    for name, value in (("noise_soma", noise_soma), ("noise_apical", noise_apical)):
        if not 0 <= value < np.inf:
            raise ConfigError(f"lab: {name} = {value} pA: must be >= 0 and finite")
    if not 0 < noise_tau < np.inf:
        raise ConfigError(f"lab: noise_tau = {noise_tau} ms: must be > 0 and finite")


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
