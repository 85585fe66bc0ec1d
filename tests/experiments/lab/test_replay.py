"""Protocol.drives: dendrites.simulate runs a protocol as the lab does."""

from dataclasses import replace

import numpy as np
import pytest

import circuits
import dendrites as dn
from dendrites.errors import ConfigError
from experiments.lab import Protocol, lab_models, run_lab
from experiments.lab.background import Background
from experiments.lab.group import METER_INTERVAL, Group, _Given
from experiments.lab.model import CELL, PRE

TRAIN = {"apical_current": 300.0, "frequency": 20.0, "pairings": 3}
PULSES = Protocol(**TRAIN, apical_delay=-5.0, apical_duration=15.0, inhibition=40.0)
PROTOCOLS = {"stays on": Protocol(**TRAIN), "pulses": PULSES}
# The cells of these hear a synapse whose weight changes meanwhile.
HEARD = ("sacramento", "urbanczik-senn")
FAST = ("burst", "guerguiev", "sacramento")
MODELS = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
    for name in lab_models()
]


def still(name):
    """The model of that name with a weight that stays as it is where it is heard."""
    model = lab_models(name)[name]
    if name not in HEARD:
        return model
    return replace(model, rule=replace(model.rule, learning_rate=0.0))


def replayed(model, protocol, **options):
    return dn.simulate(
        model.cell,
        duration=protocol.duration,
        dt=model.dt,
        **protocol.drives(model),
        **options,
    )["populations/cell"]


@pytest.mark.parametrize("base", PROTOCOLS)
@pytest.mark.parametrize("name", MODELS)
def test_a_replayed_protocol_has_the_potentials_of_the_lab(name, base):
    model, protocol = still(name), PROTOCOLS[base]
    if model.halves and protocol.apical_pulse:
        with pytest.raises(ConfigError, match="single pulses have no place"):
            protocol.drives(model)
        return
    # What the lab gives the cell and its presynaptic cell, through another door.
    group = Group(model, [protocol], Background((0,), 0.0, 0.0, 2.0))
    inputs = _Given(group)(0, group.n_steps)
    steps, units = inputs.spikes[PRE]
    of_lab = circuits.simulate(
        model.circuit(1, protocol, noise=[0]),
        {},
        [circuits.Record(CELL)],
        learning=True,
        waveforms={name: wave.values() for name, wave in inputs.waveforms.items()},
        forced_spikes={PRE: ((steps + 1) * model.dt, units)},
    )[f"populations/{CELL}"].v.values[:, :, 0]
    found = replayed(model, protocol).v.values[0, :, :, 0]
    assert np.ptp(found, axis=0).max() > 0.1
    # Sums of traces in another order differ in last digits.
    np.testing.assert_allclose(found, of_lab, rtol=0, atol=1e-12)


def test_a_replayed_protocol_has_the_peak_that_run_lab_tells():
    model, protocol = still("burst"), PROTOCOLS["stays on"]
    told = run_lab(model, protocol, controls=False)
    found = replayed(model, protocol, record_every=METER_INTERVAL)
    peak = found.v.sel(compartment="apical").max().item()
    assert peak == told.apical_peak.item() > -20.0


def test_without_a_model_drives_are_currents_at_their_own_times():
    protocol = PROTOCOLS["pulses"]
    drives = protocol.drives()
    assert list(drives) == ["soma", "apical"]
    cell = dn.models.naud_sprekeler()
    found = dn.simulate(cell, duration=protocol.duration, **drives)["populations/cell"]
    line = protocol.timeline()
    for name, pulses in (("soma", line.soma), ("apical", line.apical)):
        wanted = sum(
            np.where((found.time - 0.05 > start) & (found.time - 0.05 < stop), pA, 0.0)
            for start, stop, pA in pulses
        )
        np.testing.assert_allclose(found[f"input_{name}"][0], wanted, atol=1e-9)


def test_a_protocol_sets_the_weight_that_is_heard():
    model = still("guerguiev")
    one, two = (
        replayed(model, replace(PROTOCOLS["stays on"], weight=w)).v.sel(
            compartment="basal"
        )
        for w in (None, 2.0)
    )
    # Until the first pulse moves the basal potential as well.
    np.testing.assert_allclose(2.0 * one[0, :200], two[0, :200], rtol=1e-12)
    assert float(abs(one[0, :200]).max()) > 0
