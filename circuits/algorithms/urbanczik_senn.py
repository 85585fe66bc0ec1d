"""Dendritic prediction of somatic spikes, in cells that share their inputs."""

from dataclasses import replace

import numpy as np

from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from dendrites import models, rules
from dendrites._checks import check_size, choice, flag, number, numbers
from dendrites.activity_difference import LowPass
from dendrites.errors import ModelError

# pA ms mV: the published demo's eta of 0.17 in the simulator's units.
LEARNING_RATE = models.urbanczik_senn_units.learning_rate_from_nest(0.17)


def urbanczik_senn(
    n_inputs: int,
    n_cells: int = 1,
    *,
    learning_rate: float = LEARNING_RATE,
    tau_filter: float | None = 100.0,
    initial: float = 90.0,
    bounds: tuple[float, float] | None = (0.0, 1350.0),
    clip: str = "weights",
    delay: float = 0.0,
    teacher: str = "held",
    lateral=None,
    reward: bool = False,
    duration: float = 200.0,
    dt: float = 0.1,
    seed: int = 0,
    **parameters: float,
) -> Circuit:
    """Cells whose dendrites learn to predict what a teacher makes their somata fire.

    Populations ``input`` (Poisson spikes at the rates, Hz, of a pattern, or spikes
    forced on it), ``output`` and the teacher's conductances ``exc`` and ``inh``, one
    for each cell, nS: patterns, or waveforms of `circuits.simulate`. The weights
    ``input_to_output_dendrite``, pA, are the jump of a dendrite's current at a spike.

    Parameters
    ----------
    n_inputs, n_cells : int
    learning_rate : float
        pA ms mV: dw/dt = learning_rate * Delta, Delta the filtered
        (S - phi(V*)) h(V*) psp with psp in 1/ms and h in 1/mV. Conversions from other
        units: `dendrites.models.urbanczik_senn_units`.
    tau_filter : float or None
        Low-pass filter of the update, ms; None for none.
    initial : float
        Weights at the start, pA.
    bounds : (float, float) or None
        pA.
    clip : {"weights", "readout"}
        Whether bounds act on the weight itself or, as in the simulator NEST, on its
        value where it is used while the weight moves on unbounded.
    delay : float
        From an input spike to its effect on the dendrite, ms. The rule knows nothing of
        it, so any delay shifts potential and learning kernel against each other.
    teacher : {"held", "jumps"}
        Whether the teacher's values are conductances, or jumps of conductances per step
        that decay with the cell's tau_exc and tau_inh.
    lateral : ndarray (n_cells, n_cells), optional
        Unsupervised learning: conductance jump, nS, that a spike of one cell (column)
        causes at the soma of another (row), excitatory above 0 and inhibitory below.
        So cells teach each other, and each dendrite predicts what the others make its
        soma do.
    reward : bool
        Reward-modulated learning: dw/dt = learning_rate * R * Delta, R what the source
        ``reward`` shows, 0 by default. The filtered update is the eligibility of a
        synapse, so a reward may come later. Without a teacher the mean of Delta is 0,
        and what is learned is the covariance of reward and spikes.
    duration : float
        Of a presentation, ms. State carries over to the next.
    dt : float
        ms.
    seed : int
    **parameters : float
        Of the cells, as in `dendrites.models.urbanczik_senn`, ``units`` included.

    Raises
    ------
    ModelError
        If an option is impossible.

    Source: Urbanczik and Senn (2014); parameters of the demo that the simulator NEST
    names after their Fig. 1B. That they learn without a teacher and by reward is read
    in the abstract; `lateral` and `reward` are our form of it.
    """
    for option, size in (("n_inputs", n_inputs), ("n_cells", n_cells)):
        check_size(f"urbanczik_senn: {option}", size)
    if tau_filter is not None:
        number("urbanczik_senn: tau_filter", tau_filter, unit="ms", above=0.0)
    number("urbanczik_senn: initial", initial, unit="pA")
    flag("urbanczik_senn: reward", reward)
    if reward and tau_filter is None:
        raise ModelError(
            "urbanczik_senn: reward = True with tau_filter = None: without a filter "
            "there is no eligibility that a reward could meet; give a time in ms"
        )
    kind = models.urbanczik_senn_rewarded if reward else models.urbanczik_senn
    cell = kind(**parameters)
    p = cell.parameters
    low_pass = None if tau_filter is None else LowPass(tau_filter, exact=True)
    suffix = {"held": "g_", "jumps": ""}
    choice("urbanczik_senn: teacher", teacher, suffix)
    inputs = models.spike_source(tau_rise=p.tau_syn, tau_decay=p.capacitance / p.g_leak)
    rule = rules.spike_prediction(learning_rate, low_pass=low_pass)
    if reward:
        rule = replace(rule, modulator="reward")
    populations = [
        Population("input", inputs, n_inputs, pattern="inputs"),
        Population("exc", models.source(), n_cells, pattern=0.0),
        Population("inh", models.source(), n_cells, pattern=0.0),
        Population("output", cell, n_cells),
    ]
    projections = [
        Projection(
            "input",
            "output",
            "dendrite",
            signal="spikes",
            initial=Constant(initial),
            rule=rule,
            bounds=bounds,
            clip=clip,
            delay=delay,
        ),
        *(
            Projection(
                name,
                "output",
                suffix[teacher] + name,
                connectivity="one_to_one",
                initial=Constant(1.0),
            )
            for name in ("exc", "inh")
        ),
    ]
    on = ["input", "exc", "inh"]
    if lateral is not None:
        projections += _lateral(lateral, n_cells)
    if reward:
        populations.append(Population("reward", models.source(), 1, pattern=0.0))
        ones = Constant(1.0)
        projections.append(Projection("reward", "output", "reward", initial=ones))
        on.append("reward")
    shown = Phase("shown", duration, on=tuple(on))
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((shown,), carry_state=True),
        dt=dt,
        name="urbanczik_senn",
        seed=seed,
    )


def _lateral(given, n_cells):
    """Projections of excitatory and of inhibitory jumps between cells."""
    where = "urbanczik_senn: lateral"
    jumps = numbers(where, given, error=ModelError)
    if jumps.shape != (n_cells, n_cells):
        raise ModelError(
            f"{where} has shape {jumps.shape}: must be {(n_cells, n_cells)}, a "
            "conductance in nS for each pair of cells (to, from)"
        )
    return [
        Projection(
            "output",
            "output",
            field,
            "spikes",
            initial=np.maximum(sign * jumps, 0.0),
            name=f"lateral_{field}",
        )
        for field, sign in (("exc", 1.0), ("inh", -1.0))
        if (sign * jumps > 0).any()
    ]
