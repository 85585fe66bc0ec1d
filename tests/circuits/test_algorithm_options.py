"""What all builders of learning schemes ask of sizes and of learning rates."""

import inspect
import math

import pytest

from circuits import algorithms
from dendrites.errors import ConfigError, ModelError

# Builders that take something else: a circuit, or numbers of inputs and of cells.
OTHERS = {"dale", "dale_mapping", "urbanczik_senn"}
BUILDERS = {
    name: getattr(algorithms, name)
    for name in algorithms.__all__
    if "sizes" in inspect.signature(getattr(algorithms, name)).parameters
}
# Sizes of those that cannot have any.
SIZES = {"population_reward": (5, 3, 1)}
# Schemes with a rate for each layer, and those with one.
ONE = {
    "boltzmann_machine",
    "dendritic_predictive_coding",
    "harmonium",
    "population_reward",
    "sacramento",
    "shallow",
    "stochastic_feedback_alignment",
    "wake_sleep",
}
PER_LAYER = sorted(set(BUILDERS) - ONE)


def test_all_builders_that_take_sizes_are_asked_here():
    assert set(algorithms.__all__) - set(BUILDERS) == OTHERS
    assert set(BUILDERS) > ONE


@pytest.mark.parametrize("sizes", [3, (5,), (5, 0), (5, 2.5), "abc", None], ids=str)
@pytest.mark.parametrize("name", BUILDERS)
def test_sizes_that_are_no_layers_are_refused(name, sizes):
    with pytest.raises((ModelError, ConfigError), match=f"^{name}: sizes"):
        BUILDERS[name](sizes)


@pytest.mark.parametrize(
    "rate", [(0.1,) * 5, -0.1, math.nan, "fast", True, (0.1, -0.1)], ids=str
)
@pytest.mark.parametrize("name", BUILDERS)
def test_learning_rates_that_cannot_be_are_refused(name, rate):
    sizes = SIZES.get(name, (5, 4, 3))
    with pytest.raises((ModelError, ConfigError), match=f"^{name}: learning_rate"):
        BUILDERS[name](sizes, learning_rate=rate)


def rates_into(circuit):
    """Learning rates of forward weights, by the layer that they end in."""
    ends = {"release1": "hidden1", "release2": "output"}
    return {
        ends.get(p.post, p.post): p.rule.learning_rate
        for p in circuit.projections
        if p.rule is not None
        and p.field in ("basal", "q")
        and p.pre not in ("bias", p.post)
    }


@pytest.mark.parametrize("name", PER_LAYER)
def test_each_layer_has_its_learning_rate(name):
    builder, sizes = BUILDERS[name], (5, 4, 3)
    first, second, both = (
        rates_into(builder(sizes, learning_rate=rates))
        for rates in ((0.5, 0.1), (0.1, 0.5), 0.1)
    )
    for layer in ("hidden1", "output"):
        faster, slower = (first, second) if layer == "hidden1" else (second, first)
        assert faster[layer] == pytest.approx(5 * both[layer], rel=1e-15)
        assert slower[layer] == both[layer]
