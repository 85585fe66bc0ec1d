"""Rules that average products over a window, beside the twin, step by step."""

import numpy as np
import pytest
from naive_circuit import (
    DT,
    Inputs,
    Naive,
    Params,
    State,
    as_given,
    as_square,
    circuit,
    joined,
    layers,
    random_weights,
    sources,
)
from naive_runs import ROUNDING, each_step

import circuits
from circuits import Phase, Population
from dendrites import ActivityDifference
from dendrites.cell import CellModel
from dendrites.errors import ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

N, SAMPLES = 4, 5
MASK = np.random.default_rng(8).random((N, N)) < 0.6
FREE = Phase("free", 6.0, on=("input",), window=5.0)
NUDGED = Phase("nudged", 5.0, on=("input", "teacher"), window=4.5)
TIMED = (FREE, NUDGED)
SETTLED = (
    Phase("free", settle=("x", "y"), on=("input",)),
    Phase("nudged", settle=("y", "x"), on=("input", "teacher")),
)


def products(**options):
    options = {"learning_rate": 0.3, "moments": ("nudged", "free"), **options}
    return ActivityDifference("u", "rate", average="products", **options)


def described(rule, connectivity="dense", phases=TIMED):
    return circuit(
        (*sources(("input", "teacher"), N), *layers(("x", "y"), N)),
        (
            joined("input", "x", "drive"),
            joined("teacher", "y", "teach", "second"),
            joined("x", "y", "up", rule=rule, connectivity=connectivity),
            joined("y", "x", "down", "second"),
        ),
        phases=phases,
    )


def sides(made, twin, gain=None, signal="u"):
    """Mean products of both sides, (n_post, n_pre), from one presentation."""
    shown = patterns()
    found = {name: [] for name in ("nudged", "free")}
    left = {phase.name: round(phase.duration / DT) for phase in TIMED}
    for phase in each_step(made):
        twin.step({n: v * (n in phase.on) for n, v in shown.items()}, learning=False)
        left[phase.name] -= 1
        if left[phase.name] < round(phase.window / DT):
            post = twin.read("y", {"nudged": "u", "free": "rate"}[phase.name])
            if gain is not None:
                post = gain(twin.read("y", "u")) * post
            found[phase.name].append(post.T @ twin.read("x", signal) / SAMPLES)
    return (np.mean(found[name], axis=0) for name in ("nudged", "free"))


def patterns():
    rng = np.random.default_rng(3)
    return {name: rng.uniform(-1, 1, (SAMPLES, N)) for name in ("input", "teacher")}


def presented(made, start, **options):
    options = {"batch": SAMPLES, **options}
    with circuits.Presenter(made, weights=as_given(made, start), **options) as found:
        found.present(patterns())
        return as_square(made, "up", found.weights("up")["up"])


@pytest.mark.parametrize("connectivity", ["dense", "one_to_one", MASK])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunk": 2},
        {"chunk": 2, "threads": 2},
        {"integrator": circuits.Blocked(4)},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_the_change_is_the_difference_of_mean_products(connectivity, options):
    made = described(products(presynaptic="u"), connectivity)
    start = random_weights(made)
    twin = Naive(made, start, SAMPLES)
    teaching, baseline = sides(made, twin)
    wanted = start["up"] + 0.3 * np.where(twin.mask["up"], teaching - baseline, 0.0)
    rounding = 1e-6 if options.get("dtype") == "float32" else ROUNDING
    found = presented(made, start, **options)
    assert np.abs(found - wanted).max() < rounding
    # It is not the product of means.
    rule = ActivityDifference(
        "u", "rate", 0.3, presynaptic="u", moments=("nudged", "free")
    )
    means = presented(described(rule, connectivity), start, **options)
    assert np.abs(means - wanted).max() > 1e-5


@pytest.mark.nojit
def test_the_gain_is_read_with_each_side_and_samples_are_summed():
    rule = products(
        presynaptic="rate",
        gain=lambda cell, p: 1.0 + cell.u * cell.u,
        batch="sum",
    )
    made = described(rule)
    start = random_weights(made)
    twin = Naive(made, start, SAMPLES)
    teaching, baseline = sides(made, twin, lambda u: 1.0 + u * u, "rate")
    wanted = start["up"] + 0.3 * SAMPLES * (teaching - baseline)
    assert np.abs(presented(made, start) - wanted).max() < ROUNDING


def test_both_sides_of_one_phase_are_one_product():
    made = described(products(presynaptic="u", moments=("free", "free")))
    start = random_weights(made)
    twin, shown = Naive(made, start, SAMPLES), patterns()
    found = []
    for k in range(round(FREE.duration / DT)):
        twin.step({n: v * (n == "input") for n, v in shown.items()}, learning=False)
        if k >= round((FREE.duration - FREE.window) / DT):
            error = twin.read("y", "u") - twin.read("y", "rate")
            found.append(error.T @ twin.read("x", "u") / SAMPLES)
    wanted = start["up"] + 0.3 * np.mean(found, axis=0)
    assert np.abs(presented(made, start) - wanted).max() < ROUNDING


def test_a_sum_of_rules_adds_products_to_products():
    one = products(presynaptic="u")
    both = one + products(presynaptic="rate", moments=("free", "nudged"))
    start = random_weights(described(one))
    alone = [presented(described(rule), start) - start["up"] for rule in both.parts[1:]]
    alone.append(presented(described(one), start) - start["up"])
    together = presented(described(both), start) - start["up"]
    assert np.abs(sum(alone) - together).max() < ROUNDING
    assert np.abs(together).max() > 1e-3


@pytest.mark.parametrize("chunk", [2, 64])
def test_a_settled_phase_has_one_moment_where_both_averages_agree(chunk):
    cells = ActivityDifference("u", "rate", 0.3, moments=("nudged", "free"))
    start = random_weights(described(cells))
    found = [
        presented(described(rule, phases=SETTLED), start, chunk=chunk)
        for rule in (cells, products())
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=ROUNDING)
    assert np.abs(found[0] - start["up"]).max() > 1e-3


def test_jumps_along_fixed_points_average_what_steps_average():
    # So long that all cells have settled before the windows begin.
    phases = (
        Phase("free", 60.0, on=("input",), window=10.0),
        Phase("nudged", 60.0, on=("input", "teacher"), window=10.0),
    )
    made = described(products(presynaptic="u"), phases=phases)
    start = random_weights(made)
    jumped = circuits.Equilibrium(jumps=3, onset=20.0)
    found = [presented(made, start, integrator=i) for i in ("exact", jumped)]
    assert np.abs(found[0] - found[1]).max() < 1e-8
    assert np.abs(found[0] - start["up"]).max() > 1e-3


def test_cells_that_advance_average_each_of_their_steps():
    def halfway(cell, inputs, p, dt):
        return State(0.5 * (cell.u + inputs.first), 0.0)

    cells = CellModel("halfway", State, Params, Inputs, step=halfway)
    rule = ActivityDifference(
        "u", None, 0.3, presynaptic="u", moments=("gone",) * 2, average="products"
    )
    made = circuit(
        (*sources(("input",), N), *(Population(name, cells, N) for name in "xy")),
        (
            joined("input", "x", "drive"),
            joined("x", "y", "up", signal="u", rule=rule),
        ),
        phases=(Phase("gone", advance=("x", "y"), times=3, on=("input",)),),
    )
    start, shown = random_weights(made), {"input": patterns()["input"]}
    x, y, found = np.zeros((SAMPLES, N)), np.zeros((SAMPLES, N)), []
    for _ in range(3):
        x = 0.5 * (x + shown["input"] @ start["drive"].T)
        y = 0.5 * (y + x @ start["up"].T)
        found.append(y.T @ x / SAMPLES)
    wanted = start["up"] + 0.3 * np.mean(found, axis=0)
    for chunk in (2, 64):
        with circuits.Presenter(
            made, weights=start, batch=SAMPLES, chunk=chunk
        ) as presenter:
            presenter.present(shown)
            assert np.abs(presenter.weights("up")["up"] - wanted).max() < ROUNDING


def test_a_second_presentation_averages_its_own_windows_only():
    made = described(products(presynaptic="u"))
    start = random_weights(made)
    with circuits.Presenter(made, weights=start, batch=SAMPLES) as presenter:
        found = []
        for _ in range(2):
            presenter.set_weights({"up": start["up"]})
            presenter.present(patterns())
            found.append(presenter.weights("up")["up"])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"moments": ("now", "now")}, "at every step a rule takes the product"),
        ({"presynaptic_moments": ("free", "free")}, "over one window"),
        ({"gain_moment": "free", "gain": "u"}, "own window"),
        ({"average": "median"}, "average"),
    ],
)
def test_what_is_not_read_at_one_moment_is_refused(options, message):
    with pytest.raises(ModelError, match=message):
        ActivityDifference(
            "u",
            "rate",
            **{"moments": ("nudged", "free"), "average": "products"} | options,
        )


def test_explain_says_when_products_are_taken():
    text = circuits.explain(described(products(presynaptic="u")))
    free, nudged = text.split("phase 'nudged', every step")
    assert "sum factor of 1.up times x.u (free) into products of up in free" in free
    end = nudged.split("presentation ends")[1]
    assert "products of up in nudged into sums of up" in end
