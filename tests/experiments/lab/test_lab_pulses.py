"""Currents of the lab's cells against pulses added one by one."""

import numpy as np

from experiments.lab import Protocol, lab_models
from experiments.lab.background import Background
from experiments.lab.group import APICAL, SOMA, Group, _Given

SEEDS, SD = (3, 8), 20.0
# Currents that stay on, pulses, and inhibition, which meets both.
PROTOCOLS = [
    Protocol(apical_current=300.0, inhibition=40.0, frequency=40.0),
    Protocol(apical_current=250.0, inhibition=70.0, frequency=40.0, apical_delay=-5.0),
    Protocol(apical_current=-90.0, frequency=40.0, apical_part="late"),
    Protocol(frequency=40.0, somatic_current=0.0),
]


def added_one_by_one(group, where, n_steps):
    """Noise and then pulse after pulse, (n_steps, n_protocols, n_seeds)."""
    dt = group.model.dt
    course = group.background.course(where, dt)
    next(course)
    total = np.repeat(course.send(n_steps)[:, np.newaxis], len(group.protocols), axis=1)
    for row, protocol in enumerate(group.protocols):
        for start, stop, amplitude in getattr(protocol.timeline(), where):
            total[round(start / dt) : round(stop / dt), row] += amplitude
    return total.reshape(n_steps, -1)


def test_cells_are_given_pulses_added_in_their_order():
    group = Group(
        lab_models("burst")["burst"], PROTOCOLS, Background(SEEDS, SD, SD, 2.0)
    )
    whole = _Given(group)(0, group.n_steps).waveforms
    given, pieces, length = _Given(group), {SOMA: [], APICAL: []}, 700
    for first in range(0, group.n_steps, length):
        piece = given(first, min(length, group.n_steps - first))
        for name, wave in piece.waveforms.items():
            pieces[name].append(wave.values())
    for name, where in ((SOMA, "soma"), (APICAL, "apical")):
        expected = added_one_by_one(group, where, group.n_steps)
        assert np.array_equal(whole[name].values(), expected)
        assert np.array_equal(np.concatenate(pieces[name]), expected)
        assert len(whole[name].groups) == (2 if name == APICAL else 1)
