"""What populations and initial weights refuse, before anything is compiled."""

from dataclasses import replace

import numpy as np
import pytest
from refusals import one_phase, refused
from systems import two_populations

from circuits.circuit import Circuit
from circuits.initialisers import ScaledCopy
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Phase
from circuits.weights import initial_weights
from dendrites.activity_difference import ActivityDifference
from dendrites.models import (
    three_compartment,
)

pytestmark = [
    pytest.mark.nojit,
    pytest.mark.usefixtures("nothing_is_compiled", "takes_no_second"),
]

CELLS = three_compartment()
MASK = np.ones((3, 4), bool)
RULE = ActivityDifference("rate", "basal")


# --- weights --------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["given", "initial"])
def test_weights_that_are_not_finite_are_counted_and_located(bad, where):
    weights = np.zeros((3, 4))
    weights[1, 2] = weights[2, 0] = bad
    circuit = two_populations(**({"initial": weights} if where == "initial" else {}))
    given = {"feedforward": weights} if where == "given" else {}
    refused(
        lambda: initial_weights(circuit, given=given),
        "'feedforward'",
        "2 of 12 values are not finite",
        "(1, 2)",
    )


@pytest.mark.parametrize("where", ["given", "initial"])
def test_transposed_weights_are_recognised(where):
    weights = np.zeros((4, 3))
    circuit = two_populations(**({"initial": weights} if where == "initial" else {}))
    given = {"feedforward": weights} if where == "given" else {}
    refused(
        lambda: initial_weights(circuit, given=given),
        "shape (4, 3), must be (3, 4) (n_post, n_pre)",
        "Transpose it?",
    )


def test_weights_of_another_shape_get_no_such_hint():
    circuit = two_populations()
    text = refused(
        lambda: initial_weights(circuit, given={"feedforward": np.zeros((2, 2))}),
        "(2, 2)",
        "(3, 4)",
    )
    assert "Transpose" not in text


def test_all_problems_of_the_weights_come_at_once():
    circuit = two_populations()
    given = {"feedforwrd": np.zeros((3, 4)), "feedforward": np.full((3, 4), np.nan)}
    refused(
        lambda: initial_weights(circuit, given=given),
        "no projection 'feedforwrd'",
        "did you mean 'feedforward'?",
        "12 of 12 values",
    )


def test_copies_in_a_circle_are_shown():
    one = Projection("input", "output", "basal", name="one", initial=ScaledCopy("two"))
    two = replace(one, name="two", initial=ScaledCopy("one"))
    circuit = replace(two_populations(), projections=(one, two))
    refused(lambda: initial_weights(circuit), "one -> two -> one")


# --- populations ----------------------------------------------------------------------


def test_an_empty_population_is_refused():
    refused(lambda: Population("a", CELLS, 0), "'a'", "size = 0", "must be >= 1")
    refused(lambda: Population("a", CELLS, -3), "size must be >= 1")


@pytest.mark.parametrize(
    ("size", "kind"), [(2.5, "float"), (True, "bool"), ("10", "str")]
)
def test_a_size_that_is_no_whole_number_names_its_type(size, kind):
    refused(lambda: Population("a", CELLS, size), f"size = {size!r} is a {kind}", "int")
    refused(lambda: microcircuit([4, size, 2]), "sizes[1]", f"is a {kind}")


def test_numpy_sizes_are_whole_numbers():
    assert Population("a", CELLS, np.int64(3)).size == 3


def test_duplicate_names_show_both_definitions():
    a, b = Population("twin", CELLS, 1), Population("twin", CELLS, 2)
    projection = Projection("twin", "twin", "basal")
    refused(
        lambda: Circuit((a, b), (projection, projection), one_phase(), output="twin"),
        "two populations are named 'twin' (definitions number 0 and 1",
        "two projections are named 'twin_to_twin_basal' (definitions number 0 and 1",
    )


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "a b", "x" * 300, "1st", "größe", "_a", "a\n", None, 3]
)
def test_names_that_a_file_cannot_hold_are_refused(name):
    for make in (
        lambda: Population(name, CELLS, 1),
        lambda: Phase(name, 1.0),
        lambda: Projection("a", "b", "basal", name=name or "/"),
    ):
        text = refused(make, "must start with a letter", "at most 64 characters")
        assert len(text) < 250


def test_a_longest_name_is_allowed():
    assert Population("x" * 64, CELLS, 1).name == "x" * 64
