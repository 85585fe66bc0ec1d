"""Relaxing to where nothing moves."""

import numpy as np
import pytest
import scipy.optimize
from relaxing_cells import (
    RULE,
    Inputs,
    Params,
    State,
    energy_based,
    rate,
    relaxing,
)
from scheme_circuits import EXACT, ONE
from systems import logistic

import circuits
from circuits import (
    Circuit,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
    Uniform,
)
from dendrites import CellModel
from dendrites.errors import NumericalError
from dendrites.models import source

pytestmark = pytest.mark.usefixtures("every_engine")


def recurrent(n=6, **options):
    """Logistic cells that excite and inhibit each other: Hopfield, Almeida-Pineda."""
    phase = Phase("rest", relax=("cell",), on=("input",), **options)
    cell = CellModel(
        "rest",
        State,
        Params,
        Inputs,
        derivative=pulled,
        reads={"rate": rate},
    )
    return Circuit(
        (
            Population("input", source(), n, pattern="inputs"),
            Population("cell", cell, n),
        ),
        (
            Projection("input", "cell", "drive", **ONE),
            Projection(
                "cell", "cell", "drive", name="back", initial=Uniform(-1.5, 1.5)
            ),
        ),
        Schedule((phase,)),
        output="cell",
    )


def pulled(cell, inputs, p):
    return State((inputs.drive - cell.s) / p.tau)


@pytest.mark.nojit
def test_every_sample_stops_by_itself_at_its_fixed_point():
    described = recurrent(sweeps=1000, step=0.7, tolerance=1e-10)
    x = np.random.default_rng(3).normal(0.0, 3.0, (7, 6))
    found = circuits.present(described, {"input": x}, reads=[("cell", "s")])
    w, counts = found.before["back"], []
    for values, drive in zip(found["cell", "s"], x, strict=True):
        root = scipy.optimize.root(
            lambda s, drive=drive: drive + w @ logistic(s) - s, drive, tol=1e-13
        )
        np.testing.assert_allclose(values, root.x, atol=1e-9)
        s, change, count = np.zeros(6), 1.0, 0
        while np.abs(change).max() > 1e-10:
            change = drive + w @ logistic(s) - s
            s, count = s + 0.7 * change, count + 1
        np.testing.assert_allclose(values, s, rtol=EXACT)
        counts.append(count)
    assert found.sweeps["rest"].tolist() == counts
    assert len(set(counts)) > 2
    chunked = circuits.present(described, {"input": x}, chunk=2)
    assert chunked.sweeps["rest"].tolist() == counts


def test_what_does_not_come_to_rest_is_said():
    described = recurrent(sweeps=4, step=0.7, tolerance=1e-10)
    with pytest.raises(
        NumericalError,
        match=r"phase 'rest': population 'cell', compartment 's', unit \d \(sample 1\)"
        r" did not come to rest: it still moves by .* 1/ms after 4 sweeps\. Allow more",
    ):
        x = np.zeros((2, 6))
        x[1] = 50.0
        circuits.present(described, {"input": x})
    for chunk in (1, 2):
        with pytest.raises(NumericalError, match="sample 1"):
            circuits.present(described, {"input": x}, chunk=chunk)


@pytest.mark.parametrize("tolerance", [None, 1e-6])
def test_cells_that_leave_the_finite_range_are_said_to(tolerance):
    described = recurrent(sweeps=400, step=3.0, tolerance=tolerance)
    with pytest.raises(NumericalError, match="(left the finite range|come to rest)"):
        circuits.present(described, {"input": np.full(6, 5.0)})


def test_training_tells_the_mean_number_of_sweeps():
    phases = (
        relaxing(sweeps=200, tolerance=1e-4),
        relaxing("nudged", sweeps=5, on={"target": 0.3}),
    )
    described = energy_based(phases, rule=RULE)
    rng = np.random.default_rng(0)
    splits = {
        name: circuits.Split(
            rng.uniform(size=(n, 4)), rng.uniform(size=(n, 3)), None, np.arange(n)
        )
        for name, n in (("train", 10), ("test", 4))
    }
    task = circuits.Task("drawn", splits)
    tree = circuits.train(described, task, epochs=2, batch=4, threads=1)
    means = tree["training"].sweeps_free.values
    assert means.shape == (2,)
    assert ((means > 5) & (means < 100)).all()
    (split, _) = splits.values()
    with Presenter(
        described, batch=10, weights=circuits.initial_weights(described)
    ) as p:
        p.present({"input": split.inputs, "target": split.targets}, learning=False)
        # Weights move little in an epoch of three updates.
        assert abs(means[0] - p.sweeps("free").mean()) < 3
    assert "sweeps_nudged" not in tree["training"]
