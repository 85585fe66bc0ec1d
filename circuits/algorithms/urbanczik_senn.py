"""Dendritic prediction of somatic spikes, in cells that share their inputs."""

from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from dendrites import models, rules
from dendrites._checks import check_size, choice, number
from dendrites.activity_difference import LowPass

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
    names after their Fig. 1B.
    """
    for option, size in (("n_inputs", n_inputs), ("n_cells", n_cells)):
        check_size(f"urbanczik_senn: {option}", size)
    if tau_filter is not None:
        number("urbanczik_senn: tau_filter", tau_filter, unit="ms", above=0.0)
    number("urbanczik_senn: initial", initial, unit="pA")
    cell = models.urbanczik_senn(**parameters)
    p = cell.parameters
    low_pass = None if tau_filter is None else LowPass(tau_filter, exact=True)
    suffix = {"held": "g_", "jumps": ""}
    choice("urbanczik_senn: teacher", teacher, suffix)
    inputs = models.spike_source(tau_rise=p.tau_syn, tau_decay=p.capacitance / p.g_leak)
    populations = (
        Population("input", inputs, n_inputs, pattern="inputs"),
        Population("exc", models.source(), n_cells, pattern=0.0),
        Population("inh", models.source(), n_cells, pattern=0.0),
        Population("output", cell, n_cells),
    )
    projections = (
        Projection(
            "input",
            "output",
            "dendrite",
            signal="spikes",
            initial=Constant(initial),
            rule=rules.spike_prediction(learning_rate, low_pass=low_pass),
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
    )
    shown = Phase("shown", duration, on=("input", "exc", "inh"))
    return Circuit(
        populations,
        projections,
        Schedule((shown,), carry_state=True),
        dt=dt,
        name="urbanczik_senn",
        seed=seed,
    )
