"""A long run in pieces is the same run; shared noise is shared; rules add up."""

from dataclasses import replace

import numpy as np
import pytest

import circuits
from circuits import Circuit, Phase, Population, Projection, Record, Schedule
from circuits.run.pieces import Inputs
from dendrites import ActivityDifference, models
from dendrites.errors import ConfigError, ModelError

N = 6
STEPS = 70
DT = 0.1
EAGER = models.urbanczik_senn(phi_max=1.5, dead_time=0.5)


def predicting(cell_noise=None, rules=None, **changes):
    rule = rules or ActivityDifference(
        teaching="spike_rate",
        baseline="predicted_rate",
        presynaptic="psp",
        learning_rate=0.3,
    )
    return Circuit(
        populations=(
            Population("pre", models.spike_source(), N),
            Population("current", models.source(), N),
            Population("cell", EAGER, N, noise=cell_noise),
        ),
        projections=(
            Projection(
                "pre",
                "cell",
                "dendrite",
                signal="spikes",
                connectivity="one_to_one",
                rule=rule,
                initial=np.full(N, 20.0),
                delay=changes.get("delay", 0.5),
            ),
            Projection(
                "current",
                "cell",
                "i_soma",
                connectivity="one_to_one",
                initial=np.ones(N),
            ),
        ),
        schedule=Schedule((Phase("all", STEPS * DT, on=("current",)),)),
        output="cell",
        dt=DT,
        seed=3,
    )


RNG = np.random.default_rng(1)
CURRENT = RNG.uniform(0, 60_000, (STEPS, N))
SPIKES = np.sort(RNG.integers(0, STEPS, 60)), RNG.integers(0, N, 60)


def given(first, count):
    steps, units = SPIKES
    here = (steps >= first) & (steps < first + count)
    return Inputs(
        {"current": CURRENT[first : first + count]},
        {"pre": (steps[here] - first, units[here])},
    )


def run(circuit, piece, **options):
    return list(
        circuits.run_in_pieces(
            circuit,
            given,
            n_steps=STEPS,
            piece=piece,
            record=[Record("cell", compartments=("soma",), every=5 * DT, spikes=True)],
            driven=("current",),
            forced=("pre",),
            **options,
        )
    )


def whole(circuit):
    return circuits.simulate(
        circuit,
        {},
        [Record("cell", compartments=("soma",), every=5 * DT, spikes=True)],
        learning=True,
        waveforms={"current": CURRENT},
        forced_spikes={"pre": ((SPIKES[0] + 1) * DT, SPIKES[1])},
    )


def test_one_piece_equals_a_recorded_presentation():
    circuit = predicting()
    (piece,) = run(circuit, STEPS)
    tree = whole(circuit)
    v = tree["populations/cell"].v.sel(compartment="soma").values
    assert np.array_equal(piece.reads["cell", "soma"], v)
    steps, units = piece.spikes["cell"]
    spikes = tree["spikes/cell"]
    assert len(steps) > 10
    assert np.array_equal((steps + 1) * DT, spikes.spike_time.values)
    assert np.array_equal(units, spikes.spike_unit.values)
    w = tree["connections/pre_to_cell_dendrite"].w.values[-1]
    assert np.array_equal(piece.weights["pre_to_cell_dendrite"], w)


def test_pieces_go_on_where_the_last_one_ended():
    """Without random numbers, which are addressed by piece, nothing depends on it."""
    still = models.urbanczik_senn(phi_max=1e-9)
    circuit = predicting()
    populations = (*circuit.populations[:2], Population("cell", still, N))
    circuit = Circuit(
        populations=populations,
        projections=circuit.projections,
        schedule=circuit.schedule,
        output="cell",
        dt=DT,
    )
    (one,) = run(circuit, STEPS)
    many = run(circuit, 25)
    assert [piece.first_step for piece in many] == [0, 25, 50]
    v = np.concatenate([piece.reads["cell", "soma"] for piece in many])
    assert np.array_equal(v, one.reads["cell", "soma"])
    name = "pre_to_cell_dendrite"
    assert np.array_equal(many[-1].weights[name], one.weights[name])
    assert np.ptp(one.weights[name]) > 0


def test_cells_of_one_stream_spike_together_whatever_else_runs():
    same = predicting(cell_noise=[4, 4, 4, 9, 9, 2])
    other = predicting(cell_noise=[2, 9, 4, 0, 1, 3])
    flat = np.full((STEPS, N), 60_000.0)

    def spikes(circuit):
        (piece,) = circuits.run_in_pieces(
            circuit,
            lambda first, count: Inputs({"current": flat[:count]}, {}),
            n_steps=STEPS,
            piece=STEPS,
            record=[Record("cell", compartments=(), spikes=True)],
            driven=("current",),
            forced=("pre",),
        )
        steps, units = piece.spikes["cell"]
        return [steps[units == unit].tolist() for unit in range(N)]

    a, b = spikes(same), spikes(other)
    assert a[0] == a[1] == a[2] == b[2] != a[3]
    assert a[3] == a[4] == b[1]
    assert a[5] == b[0]
    assert all(len(train) > 0 for train in a)


def test_own_streams_are_the_default():
    a = run(predicting(cell_noise=range(N)), STEPS)[0]
    b = run(predicting(), STEPS)[0]
    assert np.array_equal(a.spikes["cell"][0], b.spikes["cell"][0])


@pytest.mark.parametrize("noise", [[0] * (N - 1), [0] * (N - 1) + [-1], [0.5] * N])
def test_impossible_streams_are_refused(noise):
    with pytest.raises(ModelError, match="whole numbers from 0 .*, one for each cell"):
        Population("cell", models.urbanczik_senn(), N, noise=noise)


def test_a_sum_of_rules_changes_weights_by_the_sum():
    first = ActivityDifference("spike_rate", None, 0.3, presynaptic="psp")
    second = ActivityDifference(None, "predicted_rate", 0.3, presynaptic="psp")
    third = ActivityDifference("rate", None, 0.3, presynaptic="spikes")
    name = "pre_to_cell_dendrite"

    def change(rule):
        # Delayed beyond the run, so that the weights have no effect on the cell.
        circuit = predicting(rules=rule, delay=STEPS * DT)
        return run(circuit, STEPS)[0].weights[name] - 20.0

    parts = [change(rule) for rule in (first, second, third)]
    total = change(first + second + third)
    assert np.abs(total).min() > 1e-6
    np.testing.assert_allclose(total, sum(parts), rtol=0, atol=1e-13 * 20)


def test_a_sum_needs_one_learning_rate():
    with pytest.raises(ModelError, match="learning_rate is 0.3 here and 0.2 there"):
        ActivityDifference("rate", None, 0.3) + ActivityDifference("rate", None, 0.2)


def test_reads_of_every_part_of_a_sum_are_checked():
    wrong = ActivityDifference("rate", None, 0.3) + ActivityDifference(
        "calcium", None, 0.3, presynaptic="psp"
    )
    with pytest.raises(ModelError, match="no read 'calcium'"):
        predicting(rules=wrong)


def test_an_interval_that_does_not_divide_a_piece_is_refused():
    with pytest.raises(ConfigError, match="does not divide a piece of 12 steps"):
        run(predicting(), 12)


def pieces(given=given, **options):
    options = {"n_steps": STEPS, "driven": ("current",), "forced": ("pre",), **options}
    return list(circuits.run_in_pieces(predicting(), given, **options))


WAVE = np.zeros((STEPS, N))
NOTHING = Inputs({"current": WAVE}, {})
REFUSED_PIECES = {
    "no inputs": (None, "given returned None, must return Inputs"),
    "a unit that does not exist": (
        NOTHING._replace(spikes={"pre": ([3], [N])}),
        r"'pre': units \[0\] = 6: must be whole numbers from 0 to 5",
    ),
    "a negative unit": (
        NOTHING._replace(spikes={"pre": ([3, 4], [0, -1])}),
        r"units \[1\] = -1",
    ),
    "a step that does not exist": (
        NOTHING._replace(spikes={"pre": ([STEPS], [0])}),
        r"'pre': steps \[0\] = 70: must be whole numbers from 0 to 69",
    ),
    "half a step": (NOTHING._replace(spikes={"pre": ([0.5], [0])}), "steps .* = 0.5"),
    "too few units": (NOTHING._replace(spikes={"pre": ([1, 2], [0])}), "2 steps and 1"),
    "no pair": (NOTHING._replace(spikes={"pre": [1, 2, 3]}), "must be .steps, units"),
    "another length": (
        NOTHING._replace(waveforms={"current": WAVE[1:]}),
        r"waveforms\['current'\] has shape \(69, 6\), must be \(70, 6\)",
    ),
    "another width": (
        NOTHING._replace(waveforms={"current": WAVE[:, :4]}),
        r"has shape \(70, 4\)",
    ),
    "samples": (
        NOTHING._replace(waveforms={"current": WAVE[np.newaxis]}),
        r"has shape \(1, 70, 6\)",
    ),
    "no wave": (NOTHING._replace(waveforms={}), "no waveform of 'current'"),
    "a wave that is not finite": (
        NOTHING._replace(waveforms={"current": WAVE * np.nan}),
        "not finite",
    ),
    "waves not announced": (
        NOTHING._replace(waveforms={"current": WAVE, "cell": WAVE}),
        "waveforms of 'cell', which is not announced as driven",
    ),
    "spikes not announced": (
        NOTHING._replace(spikes={"cell": ([1], [0])}),
        "spikes of 'cell', which is not announced as forced",
    ),
}


@pytest.mark.parametrize("case", REFUSED_PIECES)
def test_a_piece_that_does_not_fit_is_refused(case):
    inputs, text = REFUSED_PIECES[case]
    with pytest.raises(ConfigError, match=text) as caught:
        pieces(lambda first, count: inputs)
    assert "70 steps from step 0" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"driven": ("curent",)}, "driven: 'curent' is no clamped population"),
        ({"driven": "current"}, "is text, must be a tuple of names"),
        ({"forced": ("current",)}, "forced: 'current' is no population with spikes"),
        ({"given": 5}, "must be a function"),
        ({"learning": "no"}, "must be True or False"),
    ],
)
def test_impossible_pieces_are_refused_when_they_are_asked_for(options, text):
    options = {"given": given, "n_steps": 5, **options}
    with pytest.raises(ConfigError, match=text):
        circuits.run_in_pieces(predicting(), options.pop("given"), **options)


def test_patterns_of_a_task_are_refused_where_there_is_none():
    circuit = predicting()
    named = Population("current", models.source(), N, pattern="inputs")
    circuit = replace(
        circuit, populations=(circuit.populations[0], named, circuit.populations[2])
    )
    options = {"n_steps": STEPS, "forced": ("pre",)}
    with pytest.raises(ConfigError, match="'current' shows the inputs of a task"):
        circuits.run_in_pieces(circuit, given, **options)
    (one,) = circuits.run_in_pieces(circuit, given, driven=["current"], **options)
    (other,) = pieces()
    assert one.weights["pre_to_cell_dendrite"].any()
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, other.weights[name])


def test_waveforms_of_a_piece_larger_than_memory_are_not_asked_for():
    def never(first, count):
        raise AssertionError("asked")

    with pytest.raises(ConfigError, match="piece of 10{13} steps: too large(?s:.*)sma"):
        next(
            circuits.run_in_pieces(
                predicting(), never, n_steps=10**13, piece=10**13,
                driven=["current"], forced=["pre"],
            )
        )  # fmt: skip


def test_spikes_of_a_piece_may_be_lists():
    def listed(first, count):
        waveforms, spikes = given(first, count)
        return Inputs(
            waveforms, {k: [x.tolist() for x in v] for k, v in spikes.items()}
        )

    options = {"driven": ["current"], "forced": ["pre"], "n_steps": STEPS}
    one, two = (
        [*circuits.run_in_pieces(predicting(), each, piece=STEPS, **options)]
        for each in (given, listed)
    )
    for name, values in one[0].weights.items():
        np.testing.assert_array_equal(two[0].weights[name], values)
