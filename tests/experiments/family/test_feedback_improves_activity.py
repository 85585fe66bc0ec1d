"""The feedback-improves-activity experiment: closed forms, controls, tree, picture."""

import json
from dataclasses import replace

import numpy as np
import pytest

import circuits
import experiments
from circuits.algorithms.target_propagation import exact_inverses
from circuits.run.shown import patterns_of
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.family.feedback_improves_activity import (
    feedback_improves_activity,
    improvement,
)
from experiments.family.second_phase import (
    SECOND_PHASES,
    TAKING_PART,
    activities,
    losses_above,
)

SIZES = (4, 4, 4, 4)
RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(6, 4)), RNG.uniform(0.1, 0.9, size=(6, 4))
CONTROLS = ("burstprop", "burst_ccn", "almeida_pineda", "kording_konig", "backprop")


def linear(name, **options):
    """A scheme of linear cells, a circuit of it, and well-conditioned weights."""
    options = {"phi": "identity", "bias": False, **options}
    scheme = replace(TAKING_PART[name], options=options, usual={})
    circuit = scheme.circuit(SIZES)
    rng = np.random.default_rng(1)
    weights = {
        layer.projection: np.eye(4) + 0.2 * rng.normal(size=(4, 4))
        for layer in circuit.network.layers
    }
    return scheme, circuit, weights


@pytest.mark.parametrize("step", [1.0, 0.25])
def test_exact_inverses_take_the_output_to_its_target(step):
    """Activity g(h_L + s (t - h_L)) has the loss (1 - s)^2 of the first."""
    scheme, circuit, weights = linear("difference_target_propagation", target_step=step)
    weights |= exact_inverses(circuit, weights)
    found = improvement(scheme, circuit, weights, X, T)
    np.testing.assert_allclose(found[:, 1], 1 - (1 - step) ** 2, rtol=1e-12)
    assert (found[:, 0] == 1.0).all()


def test_small_steps_of_linear_coding_fall_by_the_squared_gradient():
    """A full step at precision pi moves h by pi g, so that the loss falls by

    pi |g|^2 - pi^2 |M g|^2 / 2,   g = M^T (t - M h),   M the weights above.
    """
    precision = 0.01
    scheme, circuit, weights = linear(
        "zero_divergence_coding", form="zero_divergence", output_precision=precision
    )
    seen, layers = SECOND_PHASES[scheme.name], circuit.network.layers
    pairs = activities(circuit, seen, weights, X, T)
    assert len(pairs) == 2
    for layer, (first, second) in enumerate(pairs, start=1):
        m = np.linalg.multi_dot(
            [weights[one.projection] for one in layers[: layer - 1 : -1]] + [np.eye(4)]
        )
        g = (T - first @ m.T) @ m
        before, after = (
            losses_above(scheme, circuit, layer, weights, rates, T)
            for rates in (first, second)
        )
        first_order = precision * (g**2).sum(axis=1)
        second_order = precision**2 * ((g @ m.T) ** 2).sum(axis=1) / 2
        # Differences of activities of 1 by 0.01, of losses of 1 by 0.001.
        np.testing.assert_allclose(
            second - first, precision * g, rtol=1e-11, atol=1e-15
        )
        np.testing.assert_allclose(
            before - after, first_order - second_order, rtol=1e-10
        )
        assert (second_order < 0.1 * first_order).all()


@pytest.fixture(scope="module")
def tree():
    return feedback_improves_activity(
        rules=("equilibrium_propagation", "backprop"),
        hidden=(8, 6),
        examples=5,
        learning=20,
        networks=2,
    )


@pytest.fixture(scope="module")
def found(tree):
    return tree["improvement"].to_dataset()


def test_nothing_changes_in_backprop(found):
    backprop = found.sel(scheme="backprop")
    for name in ("share_improved", "relative_fall", "activity_change"):
        assert (backprop[name] == 0.0).all()
    first = backprop.loss_first
    assert float(abs(first.diff("layer")).max()) == 0.0
    assert float(abs(first.diff("state")).min()) > 0.0


def test_layers_above_come_to_rest_where_the_whole_network_did(found):
    first = found.loss_first.sel(scheme="equilibrium_propagation")
    # Both come to rest within 1e-6 of a derivative, with losses of about 0.3.
    assert float(abs(first.diff("layer")).max()) < 1e-5
    assert float(first.min()) > 0.01


def test_a_weak_nudge_improves_the_activity_of_most_examples(found):
    shares = found.share_improved.sel(scheme="equilibrium_propagation")
    assert float(shares.mean()) > 0.5


def test_losses_are_those_above_what_targets_have():
    scheme = TAKING_PART["backprop"]
    circuit = scheme.circuit(SIZES)
    weights = circuits.initial_weights(circuit)
    rates = RNG.uniform(size=(6, 4))
    last = circuit.network.layers[-1]
    u = rates @ weights[last.projection].T + weights[last.bias][:, 0]
    y = 1 / (1 + np.exp(-u))
    divergence = T * np.log(T / y) + (1 - T) * np.log((1 - T) / (1 - y))
    np.testing.assert_allclose(
        losses_above(scheme, circuit, 2, weights, rates, T),
        divergence.sum(axis=1),
        rtol=1e-12,
    )


@pytest.mark.parametrize("name", SECOND_PHASES)
def test_what_is_looked_at_is_there_to_be_read(name):
    seen = SECOND_PHASES[name]
    scheme = TAKING_PART[name]
    circuit = scheme.circuit([4, 3, 3, 2], **seen.options)
    phases = {phase.name for phase in circuit.schedule.phases}
    reads = [seen.first, seen.second]
    if seen.moved_by:
        read, *ends = seen.moved_by
        reads += [(read, end) for end in ends]
    for read, phase in reads:
        assert phase.format(back=1) in phases and phase.format(back=2) in phases
        assert read in circuit.model("hidden1").reads


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTROLS)
def test_feedback_that_leaves_activity_changes_nothing(name):
    asked = {"hidden": (4, 3), "examples": 5, "learning": 0, "networks": 1}
    tree = feedback_improves_activity(rules=(name,), **asked)
    assert (tree["improvement"].to_dataset().activity_change == 0.0).all()


@pytest.mark.slow
def test_plateaus_move_rates_to_what_segregated_dendrites_aim_at():
    scheme = TAKING_PART["guerguiev"]
    circuit = scheme.circuit([4, 3, 2])
    weights, x, t = circuits.initial_weights(circuit), X[:, :4], T[:, :2]
    seen = SECOND_PHASES["guerguiev"]
    ((first, second),) = activities(circuit, seen, weights, x, t)
    reads = [
        ("hidden1", "somatic_rate", "forward"),
        ("hidden1", "plateau", "forward"),
        ("hidden1", "plateau", "target"),
    ]
    shown = patterns_of(circuit, x, t)
    found = circuits.present(circuit, shown, reads=reads, weights=weights, seed=0)
    rate, before, after = (found[read] for read in reads)
    np.testing.assert_allclose(first, rate / 0.2, rtol=1e-12)
    wanted = np.clip(rate / 0.2 + after - before, 0, 1)
    np.testing.assert_allclose(second, wanted, rtol=1e-12)
    losses = losses_above(scheme, circuit, 1, weights, first, t)
    assert losses.shape == (6,) and (losses > 0).all()


def test_the_tree_is_valid_and_its_headline_the_mean_over_layers(tree, found, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    figures = json.loads(tree.attrs["headline_json"])
    for name in found.scheme.values:
        shares = found.share_improved.sel(scheme=name).mean(("replica", "layer"))
        at_start, learned = shares.values
        assert figures[f"share_improved_{name}"]["value"] == pytest.approx(learned)
        assert figures[f"share_improved_{name}_start"]["value"] == pytest.approx(
            at_start
        )
    kept = json.loads(tree.attrs["config_json"])
    assert kept["rules"] == ["equilibrium_propagation", "backprop"]
    experiments.plot(tree)


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--rules backprop --hidden 4 --examples 5 --learning 0 --networks 1"
    name = "feedback-improves-activity"
    code, out, _ = run("run", name, *words.split(), "--out", "g.nc")
    assert code == 0
    assert open_run("g.nc").attrs["experiment"] == name
    assert "share_improved_backprop" in out and "g.png" in out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rules": ("backprob",)}, "did you mean 'backprop'"),
        ({"rules": ("shallow",)}, "rules: 'shallow' does not take part"),
        ({"hidden": ()}, "hidden: "),
    ],
)
def test_what_cannot_take_part_is_refused(given, message, nothing_is_compiled):
    with pytest.raises(ConfigError, match=message):
        feedback_improves_activity(**given)
