"""Laps on a circular track: place-tuned inputs, one plateau per lap, ramps.

Positions are given as the running time from the plateau's place. Track, inputs and the
scale of ramps are those of the released code of Milstein et al. (2021).
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

import circuits
from circuits.run.pieces import Inputs
from dendrites import models
from dendrites.btsp import BtspParameters
from dendrites.rules.btsp import btsp
from experiments.pairing import partners
from experiments.plateaus.plateau_pairing import USUAL_CURRENT, USUAL_DURATION

SYNAPSES = "input_to_cell_synapse"
TRACK = 187.0  # cm
# Widths of exp(-(x / width)^2), cm: fields of inputs 90 cm wide, and a ramp 108 cm wide
# whose weights rise to 2.5 and which is 6 mV high.
INPUT_WIDTH = 90.0 / (3.0 * np.sqrt(2.0))
RAMP_WIDTH = 108.0 / (3.0 * np.sqrt(2.0))
WEIGHT_WIDTH = np.sqrt(RAMP_WIDTH**2 - INPUT_WIDTH**2)
FIELD_WEIGHT, FIELD_RAMP = 1.5, 6.0  # above 1; mV


class Track(NamedTuple):
    """How the animal runs and what it passes.

    Parameters
    ----------
    inputs : int
        Place cells, evenly spaced.
    speed : float
        cm/s, constant.
    laps : int
        With a plateau each, after one lap without.
    dt : float
        ms.
    """

    inputs: int
    speed: float
    laps: int
    dt: float

    @property
    def steps(self) -> int:
        """Steps of a lap."""
        return round(1000.0 * TRACK / self.speed / self.dt)

    @property
    def lap(self) -> float:
        """Duration of a lap, ms."""
        return self.steps * self.dt

    @property
    def centres(self) -> np.ndarray:
        """Fields of the inputs, (inputs,), ms from the plateau's place."""
        return self.lap * ((np.arange(self.inputs) + 0.5) / self.inputs - 0.5)

    def bump(self, times, centre, width) -> np.ndarray:
        """exp(-(distance / width)^2) on the circle; times in ms, width in cm."""
        away = np.asarray(times) - centre
        away = (away + 0.5 * self.lap) % self.lap - 0.5 * self.lap
        return np.exp(-((away * TRACK / self.lap / width) ** 2))

    def rates(self, times) -> np.ndarray:
        """Rates of the inputs (n_times, inputs), 1 at the centre of a field."""
        return self.bump(np.asarray(times)[:, None], self.centres, INPUT_WIDTH)

    def field(self, peaks) -> np.ndarray:
        """Weights (n_peaks, inputs) whose ramps peak at these times."""
        return 1.0 + FIELD_WEIGHT * self.bump(
            self.centres, np.asarray(peaks)[:, None], WEIGHT_WIDTH
        )

    def ramp(self, weights, times) -> np.ndarray:
        """Depolarisation (..., n_times), mV, above that of weights 1."""
        unit = FIELD_RAMP / float(
            ((self.field([0.0]) - 1.0) @ self.rates([0.0]).T)[0, 0]
        )
        return unit * ((np.asarray(weights) - 1.0) @ self.rates(times).T)


def run_laps(track: Track, peaks, parameters: BtspParameters) -> np.ndarray:
    """Weights after every lap, for existing fields that peak at `peaks` ms.

    The plateau of every lap begins when the animal is at its place, half way through
    the lap; the first lap has none and lets the eligibilities settle.

    Returns
    -------
    ndarray (laps + 1, n_peaks, inputs)
        The first entry is that before the plateaus.
    """
    n = len(peaks)
    times = track.dt * (np.arange(track.steps) + 0.5) - 0.5 * track.lap
    rates = track.rates(times)
    cells = models.plateau_cell(tau_instructive=parameters.tau_instructive)
    current = np.zeros((track.steps, n))
    # The dendrite needs that long to the threshold, half of what the current reaches.
    start = -cells.parameters.tau_apical * np.log(2.0)
    current[(times > start) & (times < start + USUAL_DURATION)] = USUAL_CURRENT

    def given(first, count):
        apical = current if first else np.zeros_like(current)
        return Inputs({"input": rates, "apical": apical}, {})

    pieces = circuits.run_in_pieces(
        _circuit(track, n, cells, parameters, _largest(rates, parameters, track.dt)),
        given,
        n_steps=(track.laps + 1) * track.steps,
        driven=("input", "apical"),
        weights={SYNAPSES: track.field(peaks)},
        piece=track.steps,
    )
    return np.array([piece.weights[SYNAPSES] for piece in pieces])


def _largest(rates, parameters, dt):
    """Largest eligibility of any input in the second lap, when it is settled."""
    left = np.exp(-dt / parameters.tau_eligibility)
    twice = np.concatenate([rates, rates])
    return float(lfilter([1.0 - left], [1.0, -left], twice, axis=0)[len(rates) :].max())


def _circuit(track, n, cells, parameters, largest):
    rule = btsp(parameters, presynaptic="rate", decays=False, largest=largest)
    source = models.source(tau=parameters.tau_eligibility)
    return circuits.Circuit(
        (
            circuits.Population("input", source, track.inputs),
            circuits.Population("cell", cells, n),
            circuits.Population("apical", models.source(), n),
        ),
        (
            circuits.Projection("input", "cell", "synapse", rule=rule),
            partners("apical", "cell", "apical"),
        ),
        circuits.Schedule((circuits.Phase("lap", track.lap, on=("input", "apical")),)),
        output="cell",
        readout="soma",
        dt=track.dt,
        # Exact for rates that are held during a step.
        stepper="exponential_euler",
        name="plateau_laps",
    )
