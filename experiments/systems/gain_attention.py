"""Two stimuli in one receptive field, and apical currents to the cells of one."""

from typing import Annotated, NamedTuple

import numpy as np

from dendrites.cell import POSITIVE, CellModel
from experiments.systems.gain_cells import APICAL, CELL_MODELS, SETTLING, SOMA

#: Condition: which stimuli are shown, and whose cells get the apical current.
CONDITIONS = {
    "A": ((1, 0), (0, 0)),
    "B": ((0, 1), (0, 0)),
    "A and B": ((1, 1), (0, 0)),
    "attend A": ((1, 1), (1, 0)),
    "attend B": ((1, 1), (0, 1)),
}
STIMULI = ("A", "B")
#: What a spike per second of each stimulus's cells excites, and inhibits, the target.
EXCITED, INHIBITED = (1.0, 0.2), (0.2, 1.0)
TAU = 20.0  # ms


class State(NamedTuple):
    response: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    half: Annotated[float, "Hz", POSITIVE] = 10.0


class Inputs(NamedTuple):
    excitation: Annotated[float, "Hz"] = 0.0
    inhibition: Annotated[float, "Hz"] = 0.0


def response(excitation, inhibition, half):
    """What a target settles to: excitation over all conductances."""
    return excitation / (excitation + inhibition + half)


def _step(cell, inputs, p, dt):
    return State(response(inputs.excitation, inputs.inhibition, p.half))


def target_cell() -> CellModel:
    """A cell whose excitation and inhibition divide its response.

        y = E / (E + I + half)

    Source: the steady state of biased competition, Reynolds, Chelazzi & Desimone
    (1999).
    """
    from dendrites import Kernel

    kernel = Kernel(0.5 * TAU, TAU)
    return CellModel(
        "target_cell",
        State,
        Params,
        Inputs,
        step=_step,
        traces={"excitation": kernel, "inhibition": kernel},
        source="Reynolds, Chelazzi & Desimone (1999), J. Neurosci. 19, 1736",
    )


def attended(*, soma, apical, cells, duration, noise, seed) -> dict:
    """Responses of the target, and rates of the cells of both stimuli, Hz.

    Parameters
    ----------
    soma, apical : float
        Current of a stimulus into its cells' somata, and of attention into their
        dendrites, pA.

    Returns
    -------
    dict
        ``response`` (n_conditions,), ``rate`` (n_conditions, 2), ``expected``, the
        response to the mean rates (n_conditions,).
    """
    import circuits
    from circuits import Circuit, Phase, Population, Projection, Schedule
    from dendrites.models import source

    cell = CELL_MODELS["naud_sprekeler"]
    per_spike = 1000.0 / cells
    ones = np.ones((cells, 1))
    populations = [
        Population(SOMA, source(), 2),
        Population(APICAL, source(), 2),
        *(Population(name, cell.model(noise), cells) for name in STIMULI),
        Population("target", target_cell(), 1),
    ]
    projections = []
    for k, name in enumerate(STIMULI):
        own = np.eye(2)[k]
        projections += [
            Projection(SOMA, name, cell.soma, initial=ones * own),
            Projection(APICAL, name, cell.apical, initial=ones * own),
            Projection(
                name,
                "target",
                "excitation",
                "spikes",
                initial=np.full((1, cells), EXCITED[k] * per_spike),
            ),
            Projection(
                name,
                "target",
                "inhibition",
                "spikes",
                initial=np.full((1, cells), INHIBITED[k] * per_spike),
            ),
        ]
    phase = Phase("shown", SETTLING + duration, on=(SOMA, APICAL), window=duration)
    circuit = Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((phase,)),
        output="target",
        readout="response",
        dt=cell.dt,
        name="attention",
    )
    shown, attending = np.array([*CONDITIONS.values()], float).transpose(1, 0, 2)
    with circuits.Presenter(circuit, batch=len(shown), seed=seed) as presenter:
        presenter.present({SOMA: soma * shown, APICAL: apical * attending})
        found = presenter.read("target", "response", phase="shown")[:, 0]
        rate = [presenter.read(name, "spikes", phase="shown") for name in STIMULI]
    rate = 1000.0 / cell.dt * np.array(rate).mean(axis=2).T
    expected = response(rate @ EXCITED, rate @ INHIBITED, Params().half)
    return {"response": found, "rate": rate, "expected": expected}
