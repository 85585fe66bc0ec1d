"""Run protocols x models x seeds side by side, with their controls."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import xarray as xr

from dendrites._checks import number, whole_number
from dendrites.compile.jit import told_once
from dendrites.errors import ConfigError
from experiments.checks import given_or_usual
from experiments.lab.background import Background, KeptBackground
from experiments.lab.group import Group, run_group
from experiments.lab.labelled import labelled
from experiments.lab.model import LabModel
from experiments.lab.plan import planned
from experiments.lab.protocol import Protocol
from experiments.parameters import NOISE_TAU


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
) -> xr.Dataset:
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
        injection scales.
    noise_tau : float, optional
        Their time constant, ms, > 0; default 2. Refused without any noise.
    controls : bool
        Whether to run the three controls of every protocol.
    silent : bool
        Whether the postsynaptic cells are kept from spiking.
    threads : int
        Does not change results.
    tick : callable, optional
        Called with 1 when a run has ended, for a progress bar; `count_runs` gives the
        total.

    Returns
    -------
    xarray.Dataset
        Dimensions ``model``, those of the protocols, and ``seed``. Protocols that hold
        every combination of some fields have one dimension for every field that
        differs, with its name and unit (those of a `grid` even with one value); others
        are numbered along ``protocol``, with what differs as coordinates. A Protocol
        that is not in a list has no dimension. Fields, noise and ``silent`` that are
        the same for all are coordinates without a dimension, so that results of
        several calls can be joined along one of them by `xarray.concat`.

        ``weight_change`` over the whole protocol, unit of the model's weight; with
        controls also ``weight_change_control`` (apical current 0),
        ``weight_change_unpaired`` (no somatic pulses), ``weight_change_nothing``
        (neither) and ``interaction``, (weight_change - control) - (unpaired -
        nothing). ``n_spikes``, ``n_events``, ``n_bursts``, ``n_plateaus``,
        ``plateau_area`` and ``apical_peak`` of the protocol itself, and with
        ``_control`` in the name without apical current; NaN where a model has none.

        ``reason`` (model and protocols): why a model cannot be given a protocol; its
        numbers are NaN there. "" where it ran.

    Raises
    ------
    ConfigError
        Before anything is compiled, for impossible options and for a protocol that
        none of the models can be given.
    NumericalError
        If a cell diverges.
    """
    plan = planned(models, protocols, seeds, controls, silent, noise_soma, noise_apical)
    noise_tau = _check_tau(noise_tau, noise_soma, noise_apical)
    whole_number("lab: threads", threads, lowest=1)
    background = Background(plan.seeds, noise_soma, noise_apical, noise_tau)
    batches, lengths = list(plan.batches()), {}
    for model, members in batches:
        n_steps = model.steps_of(members[0])[-1]
        lengths[model.dt] = max(n_steps, lengths.get(model.dt, 0))
    kept = KeptBackground(background, lengths)
    groups = [Group(model, members, kept, silent) for model, members in batches]
    # The longest first, so that no thread is left with it at the end.
    groups.sort(key=lambda g: -g.n_steps * len(g.protocols))
    found = {model.name: {} for model in plan.models}

    def work(group):
        found[group.model.name].update(run_group(group))
        if tick is not None:
            tick(1)

    with told_once():
        _map(work, groups, threads)
    settings = {
        "noise_soma": (float(noise_soma), "pA", "of the current into the soma"),
        "noise_apical": (float(noise_apical), "pA", "of that into the dendrite"),
        "silent": (int(silent), "1", "whether cells were kept from spiking"),
    }
    if noise_soma or noise_apical:
        settings["noise_tau"] = (noise_tau, "ms", "time constant of these currents")
    return labelled(
        plan, partial(plan.gathered, found), controls=controls, settings=settings
    )


def count_runs(
    models: LabModel | str | Sequence[LabModel | str] | Mapping[str, LabModel],
    protocols: Protocol | Sequence[Protocol] | Mapping[Any, Protocol],
    *,
    seeds: Sequence[int] = (0,),
    noise_soma: float = 0.0,
    noise_apical: float = 0.0,
    controls: bool = True,
    silent: bool = False,
) -> int:
    """How many compiled runs `run_lab` makes of this: the total of a progress bar."""
    plan = planned(models, protocols, seeds, controls, silent, noise_soma, noise_apical)
    return sum(1 for _ in plan.batches())


def _check_tau(tau, *noise):
    tau = given_or_usual(
        "lab: noise_tau",
        tau,
        NOISE_TAU,
        acts=any(noise),
        needs="noise_soma or noise_apical > 0",
    )
    return number("lab: noise_tau", tau, unit="ms", above=0.0, error=ConfigError)


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
