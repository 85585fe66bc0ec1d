"""A simulation comes back to Python on its way and can be interrupted."""

import signal
import time

import numpy as np
import pytest
from fake_experiment import python_process

import dendrites as dn
from dendrites import _simulate_run
from dendrites._simulate_run import SimulationRun
from dendrites.models import three_compartment, urbanczik_senn

SETTINGS = {"duration": 4.0, "dt": 0.1, "record_every": 0.5}
DRIVES = {"apical": [1.0, 2.0, 3.0]}


def arrays(tree):
    return {
        (group.path, name): variable.values
        for group in tree.subtree
        for name, variable in group.variables.items()
    }


def interrupt_at(monkeypatch, piece):
    """Raise KeyboardInterrupt when the n-th piece is over; pieces are one step."""
    monkeypatch.setattr(_simulate_run, "GROWTH", 1)
    advance, pieces = SimulationRun._advance, []

    def counted(self, *arguments):
        advance(self, *arguments)
        pieces.append(self.n_done)
        if len(pieces) == piece:
            raise KeyboardInterrupt

    monkeypatch.setattr(SimulationRun, "_advance", counted)
    return pieces


@pytest.mark.nojit
@pytest.mark.parametrize("stepper", ["euler", "heun"])
def test_pieces_change_no_bit(stepper, monkeypatch):
    def run():
        return arrays(
            dn.simulate(three_compartment(), **SETTINGS, stepper=stepper, **DRIVES)
        )

    whole = run()
    pieces = interrupt_at(monkeypatch, None)
    parts = run()
    assert pieces == list(range(1, 41))
    assert whole.keys() == parts.keys()
    for key, values in whole.items():
        np.testing.assert_array_equal(parts[key], values, err_msg=str(key))


@pytest.mark.nojit
def test_an_interrupt_hands_back_what_was_recorded(monkeypatch):
    def run():
        trains = [[0.4, 1.2, 3.0], [2.0, 2.2]]
        return dn.simulate(
            urbanczik_senn(), **SETTINGS, exc=[0.0, 1.0], forced_spikes=trains
        )

    whole = run()
    interrupt_at(monkeypatch, 23)
    with pytest.raises(KeyboardInterrupt) as stop:
        run()
    part = stop.value.run
    dn.dataset.validate(part)
    assert (part.attrs["complete"], whole.attrs["complete"]) == (0, 1)
    assert part.attrs["config_json"] == whole.attrs["config_json"]
    cell, all_of_it = part["populations/cell"], whole["populations/cell"]
    np.testing.assert_allclose(cell.time, [0.5, 1.0, 1.5, 2.0])
    for name, variable in cell.data_vars.items():
        wanted = all_of_it[name].isel(time=slice(0, 4))
        np.testing.assert_array_equal(variable, wanted, err_msg=name)
    spikes, all_spikes = part["spikes/cell"], whole["spikes/cell"]
    early = all_spikes.spike_time.values < 2.05
    assert early.sum() == 3
    np.testing.assert_array_equal(spikes.spike_time, all_spikes.spike_time[early])
    np.testing.assert_array_equal(spikes.spike_trial, all_spikes.spike_trial[early])


@pytest.mark.nojit
def test_before_the_first_record_there_is_nothing_to_hand_back(monkeypatch):
    interrupt_at(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt) as stop:
        dn.simulate(three_compartment(), **SETTINGS, **DRIVES)
    assert stop.value.run is None


@pytest.mark.nojit
def test_an_interrupt_while_drives_are_sampled_has_nothing_either(monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("dendrites.simulation.SimulationInputs", stopped)
    with pytest.raises(KeyboardInterrupt) as stop:
        dn.simulate(three_compartment(), **SETTINGS, **DRIVES)
    assert stop.value.run is None


@pytest.mark.nojit
def test_the_step_of_a_divergence_does_not_depend_on_the_pieces(monkeypatch):
    def text():
        with pytest.raises(
            dn.NumericalError, match="between t = 10 and 20 ms"
        ) as error:
            drive = dn.step(1e12, start=12.0)
            dn.simulate(three_compartment(), duration=30.0, apical=drive)
        return str(error.value)

    whole = text()
    interrupt_at(monkeypatch, None)
    assert text() == whole


LONG = """
import math, signal
from typing import NamedTuple
import dendrites as dn

class State(NamedTuple):
    v: float = 0.0

class Inputs(NamedTuple):
    drive: float

class Params(NamedTuple):
    tau: float

def step(cell, inputs, p, dt):
    v = cell.v
    for _ in range(20000):
        v = math.sin(v + inputs.drive)
    return State(v)

cell = dn.CellModel(
    "slow", state=State, params=Params, inputs=Inputs, parameters=Params(1.0),
    step=step, compartments=("v",),
)
signal.signal(signal.SIGINT, signal.default_int_handler)
dn.simulate(cell, duration=1.0, drive=1.0)
print("compiled", flush=True)
try:
    dn.simulate(cell, duration=1e5, drive=1.0)
except KeyboardInterrupt as stop:
    run = stop.run
    print(run.attrs["complete"], run["populations/cell"].time.size > 100, flush=True)
"""


def test_a_signal_stops_the_compiled_loop_within_a_second():
    with python_process(LONG) as child:
        assert child.stdout.readline() == "compiled\n"
        time.sleep(1.0)
        child.send_signal(signal.SIGINT)
        began = time.perf_counter()
        out, err = child.communicate(timeout=30)
        taken = time.perf_counter() - began
    assert child.returncode == 0, err
    assert taken < 2.0
    assert out == "0 True\n"
