"""Cells whose spike rule is looked at only when they spike."""

from dataclasses import replace

import numpy as np
import pytest
from thinned import first

import dendrites as dn
from dendrites import models
from dendrites.errors import ModelError

SPARSE = {
    "naud_sprekeler": models.naud_sprekeler(),
    "trace detector": models.naud_sprekeler(detector="trace"),
    "presynaptic": models.presynaptic(),
    "burst_detector": models.burst_detector(),
    "spike_source": models.spike_source(),
    "guerguiev_hidden": models.guerguiev_hidden(),
    "guerguiev_output": models.guerguiev_output(),
}


@pytest.mark.parametrize("name", first([*SPARSE], 3))
def test_skipping_silent_cells_changes_nothing(name):
    """The same cell without the shortcut, over a train with bursts and pauses."""
    cell = SPARSE[name]
    assert cell.sparse
    trains = [[1.0, 2.5, 3.0, 9.0], [4.0], []]
    reads = [x for x in cell.state._fields if x not in cell.compartments]
    trees = [
        dn.simulate(model, duration=12.0, dt=0.25, forced_spikes=trains, reads=reads)[
            "populations/cell"
        ].to_dataset()
        for model in (cell, replace(cell, sparse=False, monotone=False))
    ]
    for variable in trees[0].data_vars:
        assert np.array_equal(trees[0][variable], trees[1][variable]), variable
    spikes = trees[0].spikes.sum("time").values.ravel()
    assert spikes.tolist() == [4, 1, 0]


@pytest.mark.nojit
def test_a_cell_that_changes_without_spikes_cannot_be_sparse():
    with pytest.raises(ModelError, match=r"fired\(cell, 0, p, dt\) changes 'refrac"):
        replace(models.urbanczik_senn(dead_time=3.0), sparse=True)


@pytest.mark.nojit
def test_a_step_that_keeps_the_count_cannot_be_sparse():
    cell = models.spike_source()

    def keeps(cell, inputs, p, dt):
        return cell

    with pytest.raises(ModelError, match="its step leaves spikes = "):
        replace(cell, step=keeps)


@pytest.mark.nojit
def test_a_cell_without_spikes_cannot_be_sparse():
    with pytest.raises(ModelError, match="it has no spikes"):
        replace(models.three_compartment(), sparse=True)


@pytest.mark.nojit
def test_a_spike_rule_that_ignores_its_random_number_draws_none():
    assert not models.naud_sprekeler().draws_spikes
    assert not models.adex_dendrite().draws_spikes
    assert models.urbanczik_senn().draws_spikes
    assert models.presynaptic().draws_spikes
    assert not models.three_compartment().draws_spikes
    through_another = replace(
        models.naud_sprekeler(), spike=lambda cell, u, p, dt: max(u, 0.0)
    )
    assert through_another.draws_spikes


@pytest.mark.nojit
def test_a_source_whose_count_rises_and_falls_is_not_monotone():
    def between(cell, u, p, dt):
        return 1.0 if 0.25 < u < 0.5 else 0.0

    with pytest.raises(ModelError, match="both rises and falls with u"):
        replace(models.spike_source(), spike=between)


@pytest.mark.nojit
def test_only_sparse_sources_are_monotone():
    with pytest.raises(ModelError, match="monotone is said of clamped sources"):
        replace(models.spike_source(), sparse=False)
    with pytest.raises(ModelError, match="monotone is said of clamped sources"):
        replace(models.urbanczik_senn(), monotone=True)
