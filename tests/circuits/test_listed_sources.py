"""Sources some of whose cells cannot fire, and presentations in one call."""

from dataclasses import replace

import numpy as np

import dendrites as dn
from circuits import (
    Circuit,
    Phase,
    Population,
    Presenter,
    Projection,
    Record,
    Schedule,
    simulate,
)
from dendrites import models


def shown(source, *, window=None, **options):
    """States and weights after each of some presentations of a source."""
    learns = dn.ActivityDifference(
        "rate", "soma", learning_rate=0.1, presynaptic="spikes"
    )
    cells = models.guerguiev_hidden(memory=0)
    circuit = Circuit(
        (
            Population("input", source, 9, pattern="inputs"),
            Population("output", cells, 4),
        ),
        (Projection("input", "output", "basal", signal="spikes", rule=learns),),
        Schedule(
            (
                Phase("first", 7.0, on=("input",), window=window),
                Phase("second", 12.0, on={"input": 2.0}, window=window),
                Phase("dark", 3.0, on=(), window=window),
            )
        ),
        readout="rate",
        dt=1.0,
    )
    presenter = Presenter(circuit, seed=3, batch=2, **options)
    patterns = np.random.default_rng(0).random((8, 2, 9)) * (np.arange(9) % 3 > 0)
    found = []
    for pattern in patterns:
        presenter.present({"input": pattern})
        reads = presenter.read("input", "spikes"), presenter.read("output", "soma")
        found.append(np.concatenate(reads, axis=1))
    return np.array(found), presenter.weights()["input_to_output_basal"]


def test_cells_that_cannot_fire_are_left_out_of_draws_without_a_trace(every_engine):
    source = models.spike_source(rate_scale=300.0)
    assert source.monotone
    with_all = shown(replace(source, monotone=False))
    assert np.abs(with_all[0]).max() > 0
    for one, other in zip(shown(source), with_all, strict=True):
        assert np.array_equal(one, other)


def test_a_presentation_in_one_call_is_that_of_its_stretches():
    """What is recorded is run stretch by stretch."""
    source = models.spike_source(rate_scale=300.0)
    for window in (None, 2.0):
        for options in ({}, {"dtype": "float32"}, {"chunk": 1}):
            one = shown(source, window=window, **options)
            other = shown(source, window=window, record=["output"], **options)
            for a, b in zip(one, other, strict=True):
                assert np.array_equal(a, b)


def forced(source, units, **options):
    """What arrives of trains of two samples, some spikes of which come together."""
    circuit = Circuit(
        (
            Population("input", source, 9, pattern="inputs"),
            Population("output", models.guerguiev_hidden(), 9),
        ),
        (
            Projection("input", "output", "basal", signal="spikes", delay=1.0),
            Projection("input", "output", "bias", signal="trace", delay=0.0),
        ),
        Schedule((Phase("all", 20.0),), carry_state=True),
        readout="rate",
        dt=1.0,
    )
    steps = np.array([1, 1, 1, 2, 2, 7, 7, 7, 8, 19])
    trains = [(steps + 1.0, units), (steps + 1.0, units[::-1] // 2)]
    tree = simulate(
        circuit,
        {"input": np.zeros((2, 9))},
        [Record("output", ("soma",)), Record("input", (), spikes=True)],
        learning=False,
        forced_spikes={"input": trains},
        seed=4,
        **options,
    )
    return tree["populations/output"].v.values, tree["spikes/input"].to_dataset()


def test_cells_that_are_forced_are_listed_without_a_trace(every_engine):
    source = models.presynaptic()
    assert source.sparse
    units = np.array([8, 3, 8, 8, 0, 5, 5, 5, 5, 2])
    for options in ({}, {"dtype": "float32"}):
        mine, spikes = forced(source, units, **options)
        wanted, others = forced(replace(source, sparse=False), units, **options)
        assert np.array_equal(mine, wanted)
        assert spikes.equals(others)
        assert spikes.sizes["spike"] == 20
