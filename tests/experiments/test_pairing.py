"""Forced trains of many cells, and weight changes of one pair of spikes."""

import numpy as np
import pytest

from circuits import Population
from dendrites.errors import ConfigError
from dendrites.models.adex_dendrite import adex_dendrite
from dendrites.models.presynaptic import presynaptic
from dendrites.rules.stdp import stdp_pair
from experiments import pairing

LAGS = np.array([-20.0, -5.0, 5.0, 10.0, 40.0])


def test_trains_are_in_the_order_of_time_and_then_of_cells():
    rng = np.random.default_rng(0)
    given = [rng.integers(0, 20, count) * 0.5 for count in (4, 0, 7, 1)]
    times, cells = pairing.trains([np.sort(train) for train in given])
    plain = sorted((t, k) for k, train in enumerate(given) for t in train)
    assert list(zip(times, cells, strict=True)) == plain


def test_one_spike_for_every_cell_is_a_train_for_every_cell():
    times, cells = pairing.trains(np.array([3.0, 1.0, 3.0, 2.0]))
    assert times.tolist() == [1.0, 2.0, 3.0, 3.0]
    assert cells.tolist() == [1, 3, 0, 2]


def test_partners_have_one_weight_or_one_each():
    same = pairing.partners("a", "b", "soma", 2.0, name="same")
    each = pairing.partners("a", "b", "soma", np.array([1.0, -1.0]))
    assert same.connectivity.name == each.connectivity.name == "one_to_one"
    assert same.initial.value == 2.0
    assert same.name == "same"
    np.testing.assert_array_equal(each.initial, [1.0, -1.0])


def test_a_pair_of_spikes_changes_the_weight_by_the_window_of_the_rule():
    n, tau_plus, tau_minus = len(LAGS), 17.0, 34.0
    rule = stdp_pair(a_plus=0.3, a_minus=0.2)
    pre = np.full(n, 50.0)
    changes, tree = pairing.run(
        [
            Population("pre", presynaptic(tau_trace=tau_plus), n),
            Population("cell", adex_dendrite(g_coupling=0.0, tau_trace=tau_minus), n),
        ],
        [pairing.measured("pre", "cell", rule, name="plastic")],
        {"pre": pairing.trains(pre), "cell": pairing.trains(pre + LAGS)},
        duration=120.0,
        dt=0.5,
    )
    window = np.where(
        LAGS > 0, 0.3 * np.exp(-LAGS / tau_plus), -0.2 * np.exp(LAGS / tau_minus)
    )
    # Traces decay exactly in every step: rounding of a product of 80 factors.
    np.testing.assert_allclose(changes["plastic"], window, rtol=1e-13)
    np.testing.assert_array_equal(
        changes["plastic"], pairing.weight_change(tree, "plastic")
    )


def test_trains_of_cells_that_are_not_there_are_refused():
    rule = stdp_pair(a_plus=1.0, a_minus=1.0)
    with pytest.raises(ConfigError, match="pre"):
        pairing.run(
            [
                Population("pre", presynaptic(tau_trace=20.0), 1),
                Population("cell", adex_dendrite(g_coupling=0.0), 1),
            ],
            [pairing.measured("pre", "cell", rule, name="plastic")],
            {"pre": pairing.trains([1.0, 2.0])},
            duration=10.0,
            dt=0.5,
        )
