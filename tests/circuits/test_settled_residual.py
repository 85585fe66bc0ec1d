"""A settled compartment is where its derivative is zero, or the run is refused."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
from circuits import Circuit, Constant, Phase, Population, Projection, Schedule
from dendrites import models
from dendrites.cell import CellModel
from dendrites.errors import DendritesError, NumericalError
from dendrites.models import source


class One(NamedTuple):
    u: Annotated[float, "1"] = 0.0


class Two(NamedTuple):
    u: Annotated[float, "1"] = 0.0
    v: Annotated[float, "1"] = 0.0


class Three(NamedTuple):
    u: Annotated[float, "1"] = 0.0
    v: Annotated[float, "1"] = 0.0
    w: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


class NoisyInputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0


def cubic(cell, inputs, p):
    return One(inputs.drive - cell.u - cell.u**3)


def saturating(cell, inputs, p):
    pull = inputs.drive + 2.0 * cell.u
    return One(pull / (1.0 + abs(pull)) - cell.u)


def coupled(cell, inputs, p):
    return Two(inputs.drive + cell.v - 2.0 * cell.u, cell.u - 2.0 * cell.v)


def adapting(cell, inputs, p):
    return Two(inputs.drive - cell.u - cell.v, cell.u - cell.v)


def gated(cell, inputs, p):
    return Two(cell.v * (1.0 - cell.u) - cell.u, inputs.drive - cell.v)


def gated_by_a_later_one(cell, inputs, p):
    return Two(inputs.drive * cell.v - cell.u, 1.0 - cell.v - cell.v**3)


def integrating(cell, inputs, p):
    return One(inputs.drive)


def with_an_integral(cell, inputs, p):
    return Two(inputs.drive - cell.u, cell.u)


def oscillating(cell, inputs, p):
    return Two(cell.v, inputs.drive - cell.u)


def upwards(cell, inputs, p):
    return Three(inputs.drive - cell.u, cell.u - cell.v, cell.v + cell.u - cell.w)


def downwards(cell, inputs, p):
    return Three(cell.v + cell.w - cell.u, cell.w - cell.v, inputs.drive - cell.w)


def noisy(cell, inputs, p):
    return One(inputs.drive + 0.5 * inputs.noise - cell.u)


def cells(derivative, state, inputs=Inputs, **options):
    name = derivative.__name__
    return CellModel(name, state, Params, inputs, derivative=derivative, **options)


# Cells that one sweep over the compartments may leave off their fixed point.
HARD = {
    "cubic": cells(cubic, One),
    "saturating": cells(saturating, One),
    "coupled": cells(coupled, Two),
    "adapting": cells(adapting, Two),
    "gated_by_a_later_one": cells(gated_by_a_later_one, Two),
    "oscillating": cells(oscillating, Two),
}
# ... and which compartment of them never comes to rest.
RESTLESS = {
    "integrating": (cells(integrating, One), "u"),
    "with_an_integral": (cells(with_an_integral, Two), "v"),
}
# Compartments that feed each other one way.
CHAINS = {
    "upwards": cells(upwards, Three),
    "downwards": cells(downwards, Three),
    "gated": cells(gated, Two),
}


def held(model, fields, phases=None, n=1):
    """Cells whose input fields are each held by a source of their own."""
    names = [f"to_{field}" for field in fields]
    phases = phases or (Phase("free", settle=("cell",), on=tuple(names)),)
    return Circuit(
        (
            *(Population(name, source(), n) for name in names),
            Population("cell", model, n),
        ),
        tuple(
            Projection(
                name,
                "cell",
                field,
                connectivity="one_to_one",
                initial=Constant(1.0),
            )
            for name, field in zip(names, fields, strict=True)
        ),
        Schedule(phases),
        output="cell",
        readout=model.state._fields[0],
        dt=0.1,
    )


def settled(model, fields, phases=None, **options):
    """Values of all variables after settled phases under constant input."""
    reads = [("cell", name) for name in model.state._fields]
    described = held(model, fields, phases)
    shown = {f"to_{name}": np.array([[value]]) for name, value in fields.items()}
    found = circuits.present(described, shown, reads=reads, **options)
    return model.state(*(float(found[read][0, 0]) for read in reads))


def residual(model, state, fields):
    """Largest derivative, and distance of algebraic compartments from their value."""
    inputs = model.inputs(**fields)
    p = model.parameters
    slopes = model.derivative(state, inputs, p)
    if model.instantaneous is not None:
        filled = model.instantaneous(state, inputs, p)
        slopes = [*slopes, *np.subtract(filled, state)]
    return float(np.abs(np.array(slopes)).max())


# --- cells that one sweep settles -----------------------------------------------------

OURS = {
    "instantaneous": models.three_compartment(dendrites="instantaneous"),
    "pyramidal": models.sacramento_pyramidal(),
    "split": models.sacramento_pyramidal(split_apical=True),
    "interneuron": models.sacramento_interneuron(),
    "output": models.sacramento_output(),
    "threshold_unit": models.threshold_unit(),
    "gated_pyramidal": models.gated_pyramidal(),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("name", OURS)
def test_our_cells_settle(name, size, dtype):
    model = OURS[name]
    rng = np.random.default_rng(0)
    fields = {
        field: size * float(rng.uniform(0.2, 1.0)) for field in model.inputs._fields
    }
    state = settled(model, fields, dtype=dtype)
    rounding = 1e-12 if dtype == "float64" else 1e-5
    assert residual(model, state, fields) < rounding * max(1.0, size)
    assert np.abs(np.array(state)).max() > 1e-4


# --- cells that it does not -----------------------------------------------------------


def settles_or_says_so(run, model, fields, *names):
    """Run it; what it refuses it must name, what it returns must be at rest."""
    try:
        state = run()
    except DendritesError as error:
        message = str(error)
        for name in names:
            assert name in message, f"{name} is not named: {message}"
        assert any(repr(name) in message for name in model.state._fields), message
        return False
    assert residual(model, state, fields) < 1e-8
    return True


@pytest.mark.parametrize("drive", [-2.0, 0.3, 1.7])
@pytest.mark.parametrize("kind", [*CHAINS, *HARD])
def test_chained_coupled_and_nonlinear_cells_settle_or_are_refused(kind, drive):
    model, fields = {**CHAINS, **HARD}[kind], {"drive": drive}
    settles_or_says_so(lambda: settled(model, fields), model, fields, "free", "cell")


@pytest.mark.parametrize(
    ("model", "field"),
    [(models.cable(n=3), "soma"), (models.three_compartment(), "basal")],
    ids=["cable", "three_compartment"],
)
def test_our_cells_of_coupled_compartments_settle_or_are_refused(model, field):
    fields = {field: 20.0}
    settles_or_says_so(lambda: settled(model, fields), model, fields, "free", "cell")


@pytest.mark.parametrize("kind", RESTLESS)
def test_a_compartment_that_never_rests_is_named(kind):
    model, compartment = RESTLESS[kind]
    with pytest.raises(DendritesError) as caught:
        settled(model, {"drive": 0.5})
    for name in ("free", "cell", repr(compartment)):
        assert name in str(caught.value)


@pytest.mark.parametrize("kind", RESTLESS)
def test_a_compartment_without_input_rests(kind):
    model, _ = RESTLESS[kind]
    assert settled(model, {"drive": 0.0}) == model.state()


def test_the_phase_that_does_not_settle_is_the_one_that_is_named():
    model, fields = RESTLESS["integrating"][0], {"drive": 0.5}
    phases = (
        Phase("dark", settle=("cell",)),
        Phase("lit", settle=("cell",), on=("to_drive",)),
    )
    with pytest.raises(NumericalError, match="lit") as caught:
        settled(model, fields, phases)
    assert "dark" not in str(caught.value)


@pytest.mark.parametrize("learning", [False, True])
def test_cells_that_draw_random_numbers_do_not_settle_in_silence(learning):
    model = cells(noisy, One, NoisyInputs, random={"noise": "white"})
    with pytest.raises(DendritesError) as caught:
        settled(model, {"drive": 0.5}, learning=learning)
    for name in ("free", "cell", "noise"):
        assert name in str(caught.value)


def test_our_noisy_cells_do_not_settle_in_silence():
    model = models.sacramento_output(noise="white", sigma=0.1)
    with pytest.raises(DendritesError, match="free"):
        settled(model, {"basal": 0.5})


# --- the same fixed point, looked for by the integrator -------------------------------


@pytest.mark.parametrize("kind", [*HARD, *CHAINS])
def test_equilibrium_finds_the_fixed_point_or_refuses(kind):
    model, fields = {**HARD, **CHAINS}[kind], {"drive": 0.7}
    # With a lag of the whole phase nothing but the fixed point is left to be found.
    phases = (Phase("free", 20.0, on=("to_drive",), learning=False),)

    def run():
        return settled(model, fields, phases, integrator="equilibrium", jumps=1)

    if settles_or_says_so(run, model, fields, "cell"):
        return
    assert kind in HARD


@pytest.mark.parametrize("kind", RESTLESS)
def test_equilibrium_names_a_compartment_that_never_rests(kind):
    model, compartment = RESTLESS[kind]
    phases = (Phase("free", 20.0, on=("to_drive",), learning=False),)
    with pytest.raises(DendritesError) as caught:
        settled(model, {"drive": 0.5}, phases, integrator="equilibrium", jumps=1)
    for name in ("cell", repr(compartment)):
        assert name in str(caught.value)
