"""What a newcomer types wrong, and what carries over between uneven batches."""

import numpy as np
import pytest

import circuits
import dendrites as dn
from circuits.algorithms import sacramento
from circuits.run.presenter import Presenter
from dendrites.errors import ConfigError, DendritesError, ModelError

CELL = dn.models.three_compartment()


def carrying_circuit():
    source = dn.models.source()
    return circuits.Circuit(
        (
            circuits.Population("input", source, 2),
            circuits.Population("output", CELL, 3),
        ),
        (
            circuits.Projection(
                "input", "output", "basal", initial=circuits.Uniform(0.5, 1.5)
            ),
        ),
        circuits.Schedule((circuits.Phase("shown", 2.0, on=("input",)),), True),
    )


def test_carried_states_stay_with_their_sample_when_the_batch_shrinks_and_grows():
    circuit = carrying_circuit()
    start = circuits.initial_weights(circuit)
    presenter = Presenter(circuit, weights=start, batch=3)
    alone = Presenter(circuit, weights=start, batch=1)
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for rows in (3, 1, 2):
        presenter.present({"input": x[:rows]}, circuit.schedule)
        alone.present({"input": x[:1]}, circuit.schedule)
        for compartment in CELL.state._fields:
            state = presenter.read("output", compartment)
            np.testing.assert_allclose(
                state[0],
                alone.read("output", compartment)[0],
                rtol=1e-12,
            )
    # The second sample was left out once, so it starts afresh: one presentation old.
    fresh = Presenter(circuit, weights=start, batch=1)
    fresh.present({"input": x[1:2]}, circuit.schedule)
    np.testing.assert_allclose(
        presenter.read("output", "soma")[1],
        fresh.read("output", "soma")[0],
        rtol=1e-12,
    )


SMALL = sacramento([4, 3, 2])


@pytest.mark.parametrize(
    ("mistake", "error", "part"),
    [
        (lambda: sacramento([4, 3, 2], learning_rats=1.0), ModelError, "learning_rate"),
        (lambda: sacramento([4, 3, 2], learning_rate=-1.0), ModelError, "-1.0"),
        (lambda: sacramento([4, 3, 2], learning_rate="0.1"), ModelError, "'0.1'"),
        (lambda: circuits.train(SMALL, "digits"), ConfigError, "Task"),
        (lambda: circuits.Phase("a", 1.0, on="input"), ModelError, "tuple"),
        (
            lambda: circuits.Projection("a", "b", "c", connectivity=[[True]]),
            ModelError,
            "array of bool",
        ),
        (
            lambda: circuits.Projection(
                "a", "b", "c", connectivity=np.full((2, 2), 0.3)
            ),
            ModelError,
            "array of bool",
        ),
        (
            lambda: circuits.Projection("a", "b", "c", bounds=(0.0, 1.0)),
            ModelError,
            "rule",
        ),
        (
            lambda: dn.ActivityDifference("rate", "rate", low_pass=10.0),
            ModelError,
            "LowPass",
        ),
        (lambda: dn.SynapticRule("oja"), ModelError, "function"),
        (
            lambda: circuits.simulate(SMALL, {"input": np.ones(4)}, ["output"]),
            ConfigError,
            "test_schedule",
        ),
        (
            lambda: circuits.simulate(
                SMALL, {"input": np.ones(4), "target": np.zeros(2)}, ["output"]
            ),
            DendritesError,
            "target rate 0",
        ),
        (
            lambda: circuits.initial_weights(
                SMALL, given={"input_to_hidden1_basal": 0.5}
            ),
            ModelError,
            "shape ()",
        ),
        (
            lambda: circuits.initial_weights(
                SMALL, given={"input_to_hidden1_basal": circuits.Uniform}
            ),
            ModelError,
            "initialiser",
        ),
        (
            lambda: circuits.initial_weights(
                SMALL, given={"input_to_hidden1_basal": np.zeros((2, 3, 4))}
            ),
            ModelError,
            "(2, 3, 4)",
        ),
        (
            lambda: circuits.simulate(
                SMALL,
                {"input": np.ones(4), "target": np.full(2, 0.5)},
                ["output"],
                dtype=np.float32,
            ),
            ConfigError,
            "float64, float32",
        ),
    ],
)
def test_common_mistakes_are_told_in_the_libraries_own_words(mistake, error, part):
    with pytest.raises(error) as caught:
        mistake()
    assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 4
