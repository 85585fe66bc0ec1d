"""A cell of the lateral amygdala that hears a tone, sees a light and feels a shock."""

from typing import Annotated, NamedTuple

import numpy as np

from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel

TAU_RISE, TAU_DECAY = 1.0, 3.0  # ms, of synapses
PER_HZ = 1e-3  # 1/ms
STIMULI = ("tone", "light")


class State(NamedTuple):
    v: Annotated[float, "1"] = 0.0
    association: Annotated[float, "1"] = 0.0
    shock: Annotated[float, "1"] = 0.0
    refractory: Annotated[float, "ms"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", POSITIVE] = 5.0
    refractory: Annotated[float, "ms", NON_NEGATIVE] = 10.0
    gain: Annotated[float, "1", NON_NEGATIVE] = 4.0
    sigma: Annotated[float, "1/sqrt(ms)", NON_NEGATIVE] = 0.2


class Inputs(NamedTuple):
    association: Annotated[float, "1"] = 0.0
    shock: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1/sqrt(ms)"] = 0.0


def _step(cell, inputs, p, dt):
    """The soma leaks, driven by what is expected or by the shock, and by noise."""
    drive = p.gain * max(inputs.association, inputs.shock)
    v = cell.v + dt * ((drive - cell.v) / p.tau + p.sigma * inputs.noise)
    if cell.refractory > 0.0:
        v = 0.0
    left = max(cell.refractory - dt, 0.0)
    return State(v, inputs.association, inputs.shock, left, 0.0)


def _spike(cell, u, p, dt):
    return 1.0 if cell.v >= 1.0 else 0.0


def _fired(cell, count, p, dt):
    if count > 0.0:
        return cell._replace(v=0.0, refractory=p.refractory, spikes=count)
    return cell._replace(spikes=count)


def amygdala_cell(*, gain: float, sigma: float) -> CellModel:
    """A leaky integrate-and-fire cell with a dendrite that holds an association.

    Threshold 1, then 10 ms at 0. ``association`` is what its learning inputs make, and
    ``shock`` the teacher; whichever is larger drives the soma, times `gain`.

    Parameters
    ----------
    gain : float
    sigma : float
        Of white noise at the soma, 1/sqrt(ms).
    """
    return CellModel(
        "amygdala_cell",
        State,
        Params,
        Inputs,
        step=_step,
        spike=_spike,
        fired=_fired,
        random={"noise": "white"},
        parameters=Params(gain=gain, sigma=sigma),
        compartments=("v", "association", "shock"),
    )


def fear_circuit(*, fibres, cells, rest, delay, tone, outcome, eta, gain, sigma, dt):
    """Spiking fibres of both stimuli on cells that learn during the outcome.

    A trial is rest, the time that the tone takes to arrive, the stimuli alone, and the
    outcome: stimuli and, if there is one, the shock.
    """
    from circuits import Circuit, Constant, Phase, Population, Projection, Schedule
    from dendrites import ActivityDifference
    from dendrites.models import source, spike_source

    rule = ActivityDifference("shock", "association", eta, presynaptic="psp")
    fibre = spike_source(tau_rise=TAU_RISE, tau_decay=TAU_DECAY)
    cell = amygdala_cell(gain=gain, sigma=sigma)
    quiet = {"learning": False}
    return Circuit(
        (
            *(Population(name, fibre, fibres) for name in STIMULI),
            Population("shock", source(), 1),
            Population("amygdala", cell, cells),
        ),
        (
            *(
                Projection(
                    name,
                    "amygdala",
                    "association",
                    "psp",
                    rule=rule,
                    initial=Constant(0.0),
                )
                for name in STIMULI
            ),
            Projection("shock", "amygdala", "shock", initial=Constant(1.0)),
        ),
        Schedule(
            (
                Phase("rest", rest, **quiet),
                Phase("path", delay, **quiet),
                Phase("stimulus", tone, on=STIMULI, **quiet),
                Phase("outcome", outcome, on=(*STIMULI, "shock")),
            )
        ),
        output="amygdala",
        readout="association",
        dt=dt,
        name="fear_conditioning",
    )


def learning_constants(*, fibres, rate, eta, dt) -> tuple[float, float]:
    """Shares of a stimulus that a step of the outcome learns, in the mean.

    V grows by ``other`` (shock - V of a stimulus beside it) - ``own`` V: the rule of
    Rescorla and Wagner, where the fluctuations of a fibre's own spikes count, too.

    Parameters
    ----------
    rate : float
        Of a fibre, Hz.

    Returns
    -------
    tuple of float
        ``own``, ``other``.
    """
    kernel = synaptic_kernel(dt)
    mean = rate * PER_HZ * kernel.sum() * dt
    # The association is one step late behind the fibres that a rule reads.
    spikes = rate * PER_HZ * np.sum(kernel[:-1] * kernel[1:]) * dt
    other = eta * dt * fibres * mean**2
    return other + eta * dt * spikes, other


def synaptic_kernel(dt: float) -> np.ndarray:
    """What is left of a spike after 0, 1, ... steps, 1/ms; area 1 for short steps."""
    from dendrites.spikes import psp_kernel

    ages = dt * np.arange(round(20.0 * TAU_DECAY / dt))
    return np.array([psp_kernel(age, TAU_RISE, TAU_DECAY) for age in ages])


def strengths(weights, rate: float, dt: float) -> list[float]:
    """Association that every stimulus alone makes in the mean of the cells."""
    mean = rate * PER_HZ * synaptic_kernel(dt).sum() * dt
    return [
        mean * float(weights[f"{name}_to_amygdala_association"].sum(axis=1).mean())
        for name in STIMULI
    ]
