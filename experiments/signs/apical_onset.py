"""Onset and duration of apical input to the rule that compares two halves."""

import numpy as np

from experiments.plateaus.early_late import HALVES, SETTLED, present, pulses
from experiments.statistics import crossing

PHASE = 50  # ms, each half of the map
AMPLITUDE = 2.0  # apical potential of the four conditions
LEARNING_RATE = 0.21
TIMES = {  # onset and duration of apical input in long halves, ms
    "none": (0, 0),
    "early": (0, SETTLED),
    "late": (SETTLED, SETTLED),
    "both": (0, 2 * SETTLED),
}
_DW = "change per unit of presynaptic activity"


def check_step(step: int) -> None:
    """Refuse a map without onsets in both halves.

    Raises
    ------
    ConfigError
    """
    from dendrites.errors import ConfigError

    if step > PHASE:
        raise ConfigError(
            f"onset_step = {step} ms is longer than a half of {PHASE} ms: no onset "
            "would lie inside the first one"
        )


def conditions():
    """Apical input early, late, in both halves or never: changes and plateaus.

    In a cell at rest and in halves long enough to settle, so that the numbers are those
    of the closed form.
    """
    from dendrites.dataset import group

    apical = pulses([*TIMES.values()], SETTLED)
    found = present(apical, AMPLITUDE, SETTLED, learning_rate=LEARNING_RATE, seed=0)
    return group(
        {
            "dw": (("condition",), found["dw"], "1", _DW),
            "plateau": (("half", "condition"), found["plateaus"], "1"),
        },
        {"condition": [*TIMES], "half": [*HALVES]},
    )


def onset_map(potentials, step: int):
    """Changes over apical potential, duration and onset in halves of usual length.

    Parameters
    ----------
    potentials : sequence of float
        At which apical input of 1 settles.
    step : int
        ms between onsets, and durations.
    """
    from dendrites.dataset import group

    onsets = np.arange(0, 2 * PHASE, step)
    durations = np.arange(step, 2 * PHASE + 1, step)
    apical = pulses([(onset, d) for d in durations for onset in onsets], PHASE)
    found = [
        present(apical, potential, PHASE, learning_rate=LEARNING_RATE, seed=0)
        for potential in potentials
    ]
    shape = (len(potentials), len(durations), len(onsets))
    dw = np.array([each["dw"] for each in found]).reshape(shape)
    plateaus = np.stack([each["plateaus"] for each in found], axis=1)
    border = [[crossing(onsets, row) for row in rows] for rows in dw]
    dims = ("apical_potential", "duration", "onset")
    return group(
        {
            "dw": (dims, dw, "1", _DW),
            "plateau": (("half", *dims), plateaus.reshape(2, *shape), "1"),
            "border": (
                dims[:2],
                border,
                "ms",
                "onset at which the change turns from depression to potentiation",
            ),
        },
        {
            "apical_potential": np.array(potentials, float),
            "duration": durations.astype(float),
            "onset": onsets.astype(float),
            "half": [*HALVES],
        },
        units={"duration": "ms", "onset": "ms"},
        nonfinite=("border",),
    )
