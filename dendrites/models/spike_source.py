"""Spike sources: populations that fire at the rates of a pattern."""

import math
from typing import Annotated, NamedTuple

from dendrites._checks import as_float, shown
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError, choices
from dendrites.spikes import faded, poisson_count, trace_factors

NEWEST = ("zero", "kernel")
_PER_MS = 1e-3


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    fast: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0


class Params(NamedTuple):
    tau_rise: Annotated[float, "ms", POSITIVE] = 3.0
    tau_decay: Annotated[float, "ms", POSITIVE] = 10.0
    rate_scale: Annotated[float, "Hz", NON_NEGATIVE] = 1.0


class MemoryParams(NamedTuple):
    tau_rise: Annotated[float, "ms", POSITIVE] = 3.0
    tau_decay: Annotated[float, "ms", POSITIVE] = 10.0
    rate_scale: Annotated[float, "Hz", NON_NEGATIVE] = 1.0
    memory: Annotated[float, "1", POSITIVE] = 10.0


class Inputs(NamedTuple):
    pass


class MemoryInputs(NamedTuple):
    expired: Annotated[float, "1"] = 0.0


def _rate(cell, p):
    return cell.value * p.rate_scale


def _spike(cell, u, p, dt):
    return poisson_count(u, _rate(cell, p) * _PER_MS * dt)


def _step(cell, inputs, p, dt):
    rise, decay, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    return State(
        cell.value,
        cell.active,
        0.0,
        faded(rise * cell.fast),
        faded(decay * cell.psp + gain * cell.fast),
    )


def _fired_at_age_zero(cell, count, p, dt):
    return State(cell.value, cell.active, count, cell.fast + count, cell.psp)


def _step_with_memory(cell, inputs, p, dt):
    rise, decay, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    old_rise, _, old_gain = trace_factors(
        (p.memory + 1.0) * dt, p.tau_rise, p.tau_decay
    )
    return State(
        cell.value,
        cell.active,
        0.0,
        faded(rise * cell.fast - old_rise * inputs.expired),
        faded(decay * cell.psp + gain * cell.fast - old_gain * inputs.expired),
    )


def _fired_at_age_dt(cell, count, p, dt):
    rise, _, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    return State(
        cell.value,
        cell.active,
        count,
        cell.fast + rise * count,
        cell.psp + gain * count,
    )


def check_memory(memory, where):
    """Refuse a memory that is no whole number of steps."""
    steps = as_float(memory)
    if not (math.isfinite(steps) and steps >= 0 and steps % 1 == 0):
        raise ModelError(
            f"{where}: memory = {shown(memory)}: must be a whole number of steps, "
            ">= 0; 0 keeps the full kernel"
        )


def spike_source(
    *,
    tau_rise: float = 3.0,
    tau_decay: float = 10.0,
    rate_scale: float = 1.0,
    newest: str = "zero",
    memory: int = 0,
) -> CellModel:
    """Cells that fire at the rate of a pattern, as Poisson counts per step.

    The count of a step has mean value * rate_scale * dt / 1000 and may exceed 1; a
    negative value gives none. The state ``value`` is the pattern while it is on and 0
    while it is off.

    Reads: ``rate`` = value * rate_scale, Hz, the rate asked for; ``spikes``, the count
    of the last step; ``psp``, the spike train seen through the unit-area kernel of
    `dendrites.spikes.psp_kernel`, 1/ms.

    Parameters
    ----------
    tau_rise, tau_decay : float
        Time constants of the kernel, ms, > 0; they may be equal.
    rate_scale : float
        Rate that a value of 1 stands for, Hz, >= 0.
    newest : {"zero", "kernel"}
        Age at which ``psp`` sees a spike in its own step. "zero": age 0, weight 0;
        a spike of step k has weight kappa(n dt) in step k + n. "kernel": age dt, so
        weight kappa((n + 1) dt) in step k + n.
    memory : int
        Number of steps in which a spike acts, 0 for the full kernel; only with
        newest="kernel", where the weights are then kappa(dt), ..., kappa(memory dt) and
        0. The cell then has the input ``expired``, which must carry its own count of
        `memory` steps ago: in step k the count of step k - memory, as a one-to-one
        projection of weight 1 with a delay of memory * dt brings it.

    Raises
    ------
    ModelError
        If a parameter is out of its range, or `memory` is no whole number of steps or
        comes with newest="zero".

    Source: ages as Urbanczik and Senn (2014) in the form of the simulator NEST ("zero")
    and as Guerguiev, Lillicrap and Richards (2017) with their code's memory of 10
    steps ("kernel").
    """
    if newest not in NEWEST:
        raise ModelError(
            f"spike_source: newest = {newest!r}: no known age. "
            + choices(newest, NEWEST)
        )
    check_memory(memory, "spike_source")
    kernel = newest == "kernel"
    if memory and not kernel:
        raise ModelError(
            f"spike_source: memory = {memory!r} needs newest='kernel': a kernel is cut "
            "only where a spike's first weight is kappa(dt)"
        )
    parameters = {
        "tau_rise": tau_rise,
        "tau_decay": tau_decay,
        "rate_scale": rate_scale,
    }
    if memory:
        parameters["memory"] = memory
    return CellModel(
        name="spike_source",
        state=State,
        params=MemoryParams if memory else Params,
        inputs=MemoryInputs if memory else Inputs,
        step=_step_with_memory if memory else _step,
        spike=_spike,
        fired=_fired_at_age_dt if kernel else _fired_at_age_zero,
        sparse=True,
        reads={"rate": _rate},
        parameters=parameters,
        compartments=("value", "active"),
        clamped=True,
        source="Poisson counts; kernel of Urbanczik & Senn (2014), Neuron 81, 521-528",
    )
