"""Rates of a microcircuit: layers of their own factor, interneurons that keep up."""

import numpy as np
import pytest

import circuits
from circuits.algorithms import sacramento
from dendrites.errors import ModelError

SIZES = (8, 7, 6, 4)
RNG = np.random.default_rng(0)
SHOWN = {"input": RNG.uniform(0, 1, SIZES[0]), "target": RNG.uniform(0.1, 0.8, 4)}


# a_{k+1} / a_I with published conductances and matched dendrites: below a hidden layer,
# (1 / 1.9) / (1.8 / 1.9), and below the output.
RATIO = {1: 1.0 / 1.8, 2: 1.0}


def one_step(g_teacher, **options):
    """Weights before and after one plastic step at the fixed point."""
    circuit = sacramento(
        SIZES,
        learning_rate=1e-3,
        g_output_nudge=g_teacher,
        filter_tau=None,
        presentation=60.1,
        learning_lag=60.0,
        bias=True,
        seed=1,
        **options,
    )
    tree = circuits.simulate(circuit, SHOWN, [], learning=True)
    return {name: node.w.values for name, node in tree["connections"].children.items()}


def relative_lag(g_teacher, k, above, source):
    """How far the step of W_IP is from that of W in its ratio, over that step."""
    w = one_step(g_teacher, interneuron_rate="matched", g_dendrite="matched")
    mirrored = w[f"{source}_to_{above}_basal"]
    following = w[f"{source}_to_interneuron{k}_dendrite"]
    step = RATIO[k] * (mirrored[1] - mirrored[0])
    return float(np.abs(following[1] - following[0] - step).max() / np.abs(step).max())


@pytest.mark.parametrize(
    ("k", "above", "source"),
    [
        (1, "hidden2", "hidden1"),
        (2, "output", "hidden2"),
        (1, "hidden2", "bias"),
        (2, "output", "bias"),
    ],
)
def test_interneurons_of_matched_rate_take_the_steps_of_what_they_mirror(
    k, above, source
):
    # To first order in the teacher's share: ten times weaker, ten times closer.
    strong, weak = (relative_lag(g, k, above, source) for g in (1e-2, 1e-3))
    assert weak < 2e-3
    assert weak < 0.15 * strong


def rates(**options):
    circuit = sacramento(SIZES, **options)
    return {p.name: p.rule.learning_rate for p in circuit.projections if p.rule}


def test_every_hidden_layer_may_have_a_factor_of_its_own():
    same, own = rates(hidden_rate=1.0), rates(hidden_rate=(3.0, 0.5))
    for name, factor in (
        ("input_to_hidden1_basal", 3.0),
        ("hidden1_to_hidden2_basal", 0.5),
        ("hidden2_to_output_basal", 1.0),
    ):
        assert own[name] == pytest.approx(factor * same[name])


def test_matched_interneurons_follow_the_factor_of_the_layer_above():
    own = rates(hidden_rate=(3.0, 0.5), interneuron_rate="matched")
    same = rates(interneuron_rate="matched")
    name = "hidden1_to_interneuron1_dendrite"
    assert own[name] == pytest.approx(0.5 * same[name])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"interneuron_rate": "mached"}, "must be 'matched' or a number"),
        (
            {"interneuron_rate": "matched", "g_interneuron_nudge": 0.0},
            "'matched' needs g_interneuron_nudge > 0",
        ),
        (
            {"interneuron_rate": "matched", "interneuron_rates": 0.1},
            "both set the same rates",
        ),
        (
            {"interneuron_rate": "matched", "tie_interneurons": True},
            "tied weights do not learn",
        ),
        ({"hidden_rate": (1.0, 2.0, 3.0)}, "must have one number or 2"),
    ],
)
def test_rates_that_cannot_be_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        sacramento(SIZES, **options)
