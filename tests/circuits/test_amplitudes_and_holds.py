"""Amplitudes of what phases switch on, and variables that phases hold."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from scheme_circuits import ONE

import circuits
from circuits import (
    Circuit,
    Equilibrium,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
)
from dendrites import CellModel, transfer
from dendrites.errors import ConfigError, ModelError
from dendrites.models import source, urbanczik_senn

pytestmark = pytest.mark.usefixtures("every_engine")

DT = 0.5
PATTERNS = {"input": np.array([[0.2, 0.7], [0.9, 0.4]])}
SIGNALS = ("rate", "active", "complement", "potential")


class State(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0
    first: Annotated[float, "mV"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 4.0


class Inputs(NamedTuple):
    drive: Annotated[float, "mV"] = 0.0
    other: Annotated[float, "mV"] = 0.0


def derivative(cell, inputs, p):
    return State((cell.first + inputs.other - cell.soma) / p.tau, 0.0)


def instantaneous(cell, inputs, p):
    return State(cell.soma, inputs.drive)


CELL = CellModel(
    "cell", State, Params, Inputs, derivative=derivative, instantaneous=instantaneous
)


def circuit(*phases, signal="rate", **options):
    return Circuit(
        (
            Population("input", source(potential=transfer.inverse_logistic), 2),
            Population("one", source(), 2, pattern=1.0),
            Population("cell", CELL, 2),
        ),
        (
            Projection("input", "cell", "drive", signal=signal, name="in", **ONE),
            Projection("one", "cell", "other", **ONE),
        ),
        Schedule(phases),
        output="cell",
        readout="soma",
        **{"dt": DT, **options},
    )


def shown(described, shows=PATTERNS, **options):
    with Presenter(described, batch=2, **options) as presenter:
        presenter.present(shows)
    return presenter


def euler(first, steps, soma=0.0, other=0.0):
    for _ in range(steps):
        soma = soma + DT / 4.0 * (first + other - soma)
    return soma


def sent(signal, values):
    """What a source sends of a pattern that is fully on."""
    return {
        "rate": values,
        "active": np.ones_like(values),
        "complement": 1.0 - values,
        "potential": np.log(values / (1.0 - values)),
    }[signal]


# --- amplitudes -----------------------------------------------------------------------


@pytest.mark.nojit
@pytest.mark.parametrize("signal", SIGNALS)
def test_an_amplitude_multiplies_all_that_a_source_sends(signal):
    up = Phase("up", 3.0, on={"input": 1.0})
    down = Phase("down", 2.0, on={"input": -0.1})
    soma = shown(circuit(up, down, signal=signal)).read("cell", "soma")
    full = sent(signal, PATTERNS["input"])
    wanted = euler(-0.1 * full, 4, euler(full, 6))
    np.testing.assert_allclose(soma, wanted, rtol=1e-12)


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_amplitude_acts_in_settled_phases(signal):
    phase = Phase("settled", settle=("cell",), on={"input": 0.25, "one": 2.0})
    soma = shown(circuit(phase, signal=signal)).read("cell", "soma")
    wanted = 0.25 * sent(signal, PATTERNS["input"]) + 2.0
    np.testing.assert_allclose(soma, wanted, rtol=1e-12)


def test_names_alone_are_amplitudes_of_one():
    read = [
        shown(circuit(Phase("up", 3.0, on=on))).read("cell", "soma")
        for on in (("input",), {"input": 1.0}, {"input": 1.0, "one": 0.0})
    ]
    np.testing.assert_array_equal(read[0], read[1])
    np.testing.assert_array_equal(read[0], read[2])


def test_an_amplitude_multiplies_waveforms():
    wave = np.random.default_rng(0).uniform(size=(6, 2))
    described = circuit(Phase("up", 3.0, on={"input": -2.0}))
    tree = circuits.simulate(described, {}, ["cell"], waveforms={"input": wave})
    soma = np.zeros(2)
    for values in wave:
        soma = soma + DT / 4.0 * (-2.0 * values - soma)
    found = tree["populations/cell"].v.sel(compartment="soma").values
    np.testing.assert_allclose(np.squeeze(found)[-1], soma, rtol=1e-12)


def test_what_is_always_on_is_on_in_every_phase_unless_it_says_how_much():
    phases = Phase("a", 2.0, on=("input",)), Phase("b", 2.0, on={"one": -0.5})
    always = replace(
        circuit(*phases), schedule=Schedule(phases, always_on=("one", "input"))
    )
    said = circuit(
        Phase("a", 2.0, on=("input", "one")),
        Phase("b", 2.0, on={"one": -0.5, "input": 1.0}),
    )
    soma = shown(always).read("cell", "soma")
    np.testing.assert_array_equal(soma, shown(said).read("cell", "soma"))
    assert [dict(phase.amplitudes) for phase in always.schedule.phases] == [
        {"input": 1.0, "one": 1.0},
        {"one": -0.5, "input": 1.0},
    ]


def test_explain_says_amplitudes():
    text = circuits.explain(circuit(Phase("up", 3.0, on={"input": -0.5})))
    assert "clamp input times -0.5" in text
    assert "clamp one to nothing" in text


@pytest.mark.parametrize("amplitude", [float("nan"), "1", True, None])
def test_an_amplitude_is_a_finite_number(amplitude):
    with pytest.raises(ModelError, match=r"phase 'up': on\['input'\] = "):
        Phase("up", 3.0, on={"input": amplitude})


def test_what_is_always_on_must_be_a_clamped_population():
    phase = Phase("up", 3.0)
    with pytest.raises(ModelError, match="always_on: 'cell' is no clamped population"):
        replace(circuit(phase), schedule=Schedule((phase,), always_on=("cell",)))
    with pytest.raises(ModelError, match="always_on = 'one' is text"):
        Schedule((phase,), always_on="one")


def test_a_conductance_opens_with_no_negative_amplitude():
    def of(amplitude):
        return Circuit(
            (Population("input", source(), 2), Population("cell", urbanczik_senn(), 2)),
            (Projection("input", "cell", "exc", **ONE),),
            Schedule((Phase("up", 3.0, on={"input": amplitude}),)),
            output="cell",
            dt=0.1,
        )

    of(0.5)
    with pytest.raises(ModelError, match=r"on\['input'\] = -0.5: it opens the cond"):
        of(-0.5)


# --- holds ----------------------------------------------------------------------------

FIRST = Phase("first", 2.0, on=("input",))
HELD = {"cell": ("first",)}


def test_a_held_compartment_keeps_its_value_and_others_see_it():
    described = circuit(FIRST, Phase("held", 3.0, on=("one",), hold=HELD))
    x = PATTERNS["input"]
    presenter = shown(described)
    wanted = euler(x, 6, euler(x, 4), other=1.0)
    np.testing.assert_allclose(presenter.read("cell", "soma"), wanted, rtol=1e-12)
    np.testing.assert_array_equal(presenter.read("cell", "first"), x)


def test_a_held_variable_that_moves_stands_still():
    hold = {"cell": ("soma",)}
    for integrator in ("exact", "blocked"):
        described = circuit(FIRST, Phase("held", 3.0, on=("one",), hold=hold))
        presenter = shown(described, integrator=integrator)
        soma = shown(circuit(FIRST)).read("cell", "soma")
        np.testing.assert_array_equal(presenter.read("cell", "soma"), soma)
        assert not presenter.read("cell", "first").any()


@pytest.mark.parametrize("settles", [True, False])
def test_cells_settle_beside_held_compartments(settles):
    length = {"settle": ("cell",)} if settles else {"duration": 200.0}
    jumps = {} if settles else {"integrator": Equilibrium(2, onset=0.0)}
    first = Phase("first", on=("input",), **length)
    later = Phase("later", on={"one": 0.5}, hold=HELD, **length)
    presenter = shown(circuit(first, later), **jumps)
    x = PATTERNS["input"]
    np.testing.assert_array_equal(presenter.read("cell", "first"), x)
    np.testing.assert_allclose(presenter.read("cell", "soma"), x + 0.5, rtol=1e-9)


def test_heun_holds_in_both_stages():
    described = circuit(
        FIRST, Phase("held", 3.0, on=("one",), hold=HELD), stepper="heun"
    )
    x = PATTERNS["input"]
    step, soma = DT / 4.0, np.zeros((2, 2))
    for k in range(10):
        target = x if k < 4 else x + 1.0
        slope = target - soma
        soma = soma + step * (slope + (target - (soma + step * slope))) / 2.0
    presenter = shown(described)
    np.testing.assert_allclose(presenter.read("cell", "soma"), soma, rtol=1e-12)
    np.testing.assert_array_equal(presenter.read("cell", "first"), x)


def test_chunks_hold_what_their_own_samples_had():
    described = circuit(FIRST, Phase("held", settle=("cell",), on=("one",), hold=HELD))
    one, two = (shown(described, chunk=k).read("cell", "soma") for k in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one, PATTERNS["input"] + 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    "hold, message",
    [
        ({"cells": ("first",)}, "hold: no population 'cells'"),
        ({"cell": ("frst",)}, "cell cells have no variable 'frst'.*'first'"),
        ({"input": ("value",)}, "'value' of a clamped population is set from outside"),
    ],
)
def test_what_is_held_must_exist(hold, message):
    with pytest.raises(ModelError, match=message):
        circuit(Phase("held", 3.0, hold=hold))


@pytest.mark.parametrize("hold", [("cell",), {"cell": "first"}, {1: ("first",)}])
def test_holds_are_names_by_population(hold):
    with pytest.raises(ModelError, match="phase 'held': hold"):
        Phase("held", 3.0, hold=hold)


def test_a_presenter_refuses_holds_that_were_not_planned():
    with Presenter(circuit(FIRST)) as presenter:
        held = Schedule((Phase("held", 2.0, on=("input",), hold=HELD),))
        with pytest.raises(ConfigError, match="'first' of 'cell' is held was not pl"):
            presenter.present(PATTERNS, held)
