"""Spike sources: populations that fire at the rates of a pattern."""

from typing import Annotated, NamedTuple

from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError, choices
from dendrites.kernel import memory_kernel
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


class TracedState(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0


class TracedParams(NamedTuple):
    rate_scale: Annotated[float, "Hz", NON_NEGATIVE] = 1.0


class Inputs(NamedTuple):
    pass


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


def _fired(cell, count, p, dt):
    return State(cell.value, cell.active, count, cell.fast + count, cell.psp)


def _traced_step(cell, inputs, p, dt):
    return TracedState(cell.value, cell.active, 0.0, cell.psp)


def _traced_fired(cell, count, p, dt):
    return TracedState(cell.value, cell.active, count, cell.psp)


def spike_source(
    *,
    tau_rise: float = 3.0,
    tau_decay: float = 10.0,
    rate_scale: float = 1.0,
    newest: str = "zero",
    memory: float = 0.0,
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
    memory : float
        Time in which a spike acts, ms, whole steps; 0 for the full kernel; only with
        newest="kernel", where the weights are then kappa(dt), ..., kappa(memory) and 0.

    Raises
    ------
    ModelError
        If a parameter is out of its range, or a `memory` comes with newest="zero".

    Source: ages as Urbanczik and Senn (2014) in the form of the simulator NEST ("zero")
    and as Guerguiev, Lillicrap and Richards (2017) with their code's memory of 10
    steps ("kernel").
    """
    if newest not in NEWEST:
        raise ModelError(
            f"spike_source: newest = {newest!r}: no known age. "
            + choices(newest, NEWEST)
        )
    kappa = memory_kernel("spike_source", tau_rise, tau_decay, memory)
    if kappa.memory and newest != "kernel":
        raise ModelError(
            f"spike_source: memory = {memory!r} needs newest='kernel': a kernel is cut "
            "only where a spike's first weight is kappa(dt)"
        )
    common = {
        "name": "spike_source",
        "inputs": Inputs,
        "spike": _spike,
        "sparse": True,
        "monotone": True,
        "reads": {"rate": _rate},
        "compartments": ("value", "active"),
        "clamped": True,
        "source": "Poisson counts; kernel of Urbanczik & Senn (2014), Neuron 81, "
        "521-528",
    }
    if newest == "kernel":
        return CellModel(
            state=TracedState,
            params=TracedParams,
            step=_traced_step,
            fired=_traced_fired,
            traces={"psp": kappa},
            parameters={"rate_scale": rate_scale},
            **common,
        )
    return CellModel(
        state=State,
        params=Params,
        step=_step,
        fired=_fired,
        parameters={
            "tau_rise": tau_rise,
            "tau_decay": tau_decay,
            "rate_scale": rate_scale,
        },
        **common,
    )
