"""A simulation makes its inputs stretch by stretch: less memory, the same numbers."""

import tracemalloc

import numpy as np
import pytest

import dendrites as dn
from dendrites import _simulate_run
from dendrites.models import guerguiev_hidden, three_compartment, urbanczik_senn

N = 500


def recorded(duration):
    """Potentials, rates and one drive each millisecond, of conditions that differ."""
    drives = list(np.linspace(0.0, 1.0, N))
    return dn.simulate(
        three_compartment(), duration=duration, dt=0.1, record_every=1.0, basal=drives
    )


def test_a_recording_takes_at_most_twice_its_data():
    recorded(2.0)
    tracemalloc.start()
    tree = recorded(2000.0)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    data = sum(v.nbytes for v in tree["populations/cell"].data_vars.values())
    assert data > 30e6
    assert peak < 1.7 * data
    assert kept < 1.1 * data


def mixed(k):
    """A drive of all kinds of parts, with edges on and off the grid."""
    return (
        dn.pulse(0.4, start=3.03 + k, duration=2.51)
        + dn.ramp(0.0, 0.3, start=1.0, duration=8.33)
        + dn.step(0.1, start=5.0)
        + dn.waveform(np.sin(np.arange(90) + k) ** 2, dt=0.25)
        + dn.spike_train([0.3, 0.3, 6.1, 12.4], weight=0.2)
        + dn.poisson_train(400.0, weight=0.1)
        + dn.noise(0.01, tau=3.0, mean=0.2)
    )


CASES = {
    "rates": (three_compartment, {"basal": [mixed(0), mixed(1)], "apical": 0.3}, {}),
    "heun": (three_compartment, {"basal": mixed(0)}, {"stepper": "heun"}),
    "drawn spikes": (urbanczik_senn, {"exc": [2.0, mixed(1)]}, {}),
    "forced spikes": (
        urbanczik_senn,
        {"exc": 1.0},
        {"forced_spikes": [[0.4, 1.2, 1.2, 3.0], [2.0, 15.2]]},
    ),
    "traces": (lambda: guerguiev_hidden(memory=2.0), {"basal": [mixed(0), 1.0]}, {}),
}


@pytest.mark.nojit
@pytest.mark.filterwarnings("ignore:.*spikes? .*same step")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("steps", [1, 7, 64])
def test_lengths_of_stretches_change_no_bit(case, steps, monkeypatch):
    cell, drives, options = CASES[case]

    def run():
        return dn.simulate(
            cell(), duration=20.0, dt=0.1, record_every=0.3, **options, **drives
        )

    whole = run()
    monkeypatch.setattr(_simulate_run, "block_steps", lambda *_: steps)
    assert run().equals(whole)


def test_whole_samples_of_drives_are_those_of_their_stretches():
    drive, steps, dt = mixed(2), 137, 0.1
    whole = dn.drives.sample(drive, steps, dt, seed=3)
    stretch = dn._drive_parts.in_stretches(drive.parts, steps, dt, 3, "drive", 0)
    ends = [0, 1, 2, 40, 41, 100, steps]
    parts = [stretch(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
