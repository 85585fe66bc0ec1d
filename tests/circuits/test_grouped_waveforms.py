"""Waveforms of groups and of the cells of a group against the array of all cells."""

import numpy as np
import pytest

import circuits
from circuits import (
    Circuit,
    GroupedWaveform,
    Inputs,
    Phase,
    Population,
    Projection,
    Record,
    Schedule,
)
from dendrites import models
from dendrites.errors import ConfigError

STEPS, N_GROUPS, N_EACH = 40, 3, 5
N = N_GROUPS * N_EACH
RNG = np.random.default_rng(2)
EACH = RNG.normal(0, 300, (STEPS, N_EACH))
GROUPS = tuple(RNG.normal(0, 300, (STEPS, N_GROUPS)) for _ in range(2))


def sums(wave):
    """The array of all cells, number by number."""
    return np.array(
        [
            [
                sum((part[t, g] for part in wave.groups), start=wave.each[t, k])
                for g in range(N_GROUPS)
                for k in range(N_EACH)
            ]
            for t in range(len(wave.each))
        ]
    )


def circuit(field="soma", cell=None):
    cell = models.naud_sprekeler() if cell is None else cell
    source = Population("current", models.source(), N)
    pairs = {"connectivity": "one_to_one", "initial": np.full(N, 1.5)}
    return Circuit(
        populations=(source, Population("cell", cell, N)),
        projections=(Projection("current", "cell", field, **pairs),),
        schedule=Schedule((Phase("all", 1.0, on=("current",)),)),
        output="cell",
        readout="soma",
        dt=0.1,
    )


def potentials(of, wave, **options):
    """Potentials of all cells after every step, shown the wave in pieces of 16."""

    def given(first, count):
        here = slice(first, first + count)
        if isinstance(wave, GroupedWaveform):
            parts = tuple(part[here] for part in wave.groups)
            return Inputs({"current": GroupedWaveform(wave.each[here], parts)}, {})
        return Inputs({"current": wave[here]}, {})

    pieces = circuits.run_in_pieces(
        of,
        given,
        n_steps=STEPS,
        piece=16,
        record=[Record("cell", compartments=("soma",))],
        driven=("current",),
        **options,
    )
    return np.concatenate([piece.reads["cell", "soma"] for piece in pieces])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_grouped_waveform_gives_the_bits_of_its_sums(count, dtype):
    wave = GroupedWaveform(EACH, GROUPS[:count])
    assert np.array_equal(wave.values(), sums(wave))
    found = potentials(circuit(), wave, dtype=dtype)
    assert np.array_equal(found, potentials(circuit(), sums(wave), dtype=dtype))
    assert np.ptp(found[-1]) > 1.0


def test_views_of_larger_arrays_are_shown_as_they_are():
    wide, turned = np.repeat(EACH, 2, axis=1)[:, ::2], np.asfortranarray(GROUPS[0])
    found = potentials(circuit(), GroupedWaveform(wide, (turned,)))
    whole = potentials(circuit(), GroupedWaveform(EACH, GROUPS[:1]))
    assert np.array_equal(found, whole)


@pytest.mark.parametrize(
    ("wave", "text"),
    [
        (GroupedWaveform(EACH, ()), "groups = .* must be a tuple of arrays"),
        (
            GroupedWaveform(EACH, GROUPS[0]),
            "groups = (?s:.*) must be a tuple of arrays",
        ),
        (GroupedWaveform(EACH[1:], GROUPS), r"shapes \(39, 5\), \(40, 3\), \(40, 3\)"),
        (GroupedWaveform(EACH[:, 1:], GROUPS), "n_each . n_groups = 15, the cells"),
        (GroupedWaveform(EACH, (GROUPS[0], EACH)), r"\(40, 3\), \(40, 5\)"),
        (GroupedWaveform(EACH[:, 0], GROUPS), r"shapes \(40,\)"),
        (GroupedWaveform(EACH * np.nan, GROUPS), "each.* not finite"),
        (GroupedWaveform(EACH, (GROUPS[0], GROUPS[1] * np.inf)), r"groups\[1\]"),
    ],
)
def test_a_grouped_waveform_that_does_not_fit_is_refused(wave, text):
    with pytest.raises(ConfigError, match=rf"waveforms\['current'\].*{text}"):
        list(
            circuits.run_in_pieces(
                circuit(),
                lambda first, count: Inputs({"current": wave}, {}),
                n_steps=STEPS,
                driven=("current",),
            )
        )


def test_groups_that_open_a_conductance_below_zero_are_refused():
    cell = models.urbanczik_senn()
    opening = circuit("g_exc", cell)
    wave = GroupedWaveform(np.abs(EACH), (np.abs(GROUPS[0]),))
    assert np.isfinite(potentials(opening, wave)).all()
    with pytest.raises(ConfigError, match="opens the conductance 'g_exc'"):
        potentials(opening, wave._replace(groups=(GROUPS[0] - 1e4,)))
