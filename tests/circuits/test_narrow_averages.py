"""Only what something reads is averaged; whatever is read is as if all were."""

import numpy as np
import pytest
from relaxing_cells import free_and_nudged, shown
from systems import two_populations
from tiny_training import curves, tiny_circuit, tiny_task, tiny_train

import circuits
import dendrites as dn
from circuits import Phase
from circuits.algorithms import guerguiev
from circuits.engine.layout import Layout
from circuits.engine.unread import averaged_variables

pytestmark = pytest.mark.usefixtures("every_engine")

RULE = dn.ActivityDifference(
    teaching="soma", baseline="soma", moments=("pushed", "free"), learning_rate=0.1
)


def contrastive(rule=RULE, **options):
    """Four inputs onto two cells, of which windows of two phases are averaged."""
    phases = (
        Phase("free", 10.0, on=("input",), window=2.0),
        Phase("pushed", 4.0, on=("input",), window=1.5),
    )
    initial = circuits.Uniform(-1.0, 1.0)
    return two_populations(4, 2, phases=phases, rule=rule, initial=initial, **options)


def by_inputs(batch):
    return {"input": np.random.default_rng(0).uniform(size=(batch, 4))}


CASES = {
    "phases": (contrastive, lambda: by_inputs(3), {}),
    "heun": (lambda: contrastive(stepper="heun"), lambda: by_inputs(3), {"chunk": 2}),
    "jumps": (contrastive, lambda: by_inputs(2), {"integrator": "equilibrium"}),
    "relaxing": (free_and_nudged, shown, {"dtype": "float32"}),
    "spiking": (
        lambda: guerguiev([6, 5, 3], phase=32.0, test_duration=32.0),
        lambda: {"input": np.full((1, 6), 0.5), "teacher": np.ones((1, 3))},
        {},
    ),
}


@pytest.fixture
def all_averaged(monkeypatch):
    """Switches narrowing off: calls are compared with what they give then."""

    def unnarrowed(layout):
        layout.looks = None
        return averaged_variables(layout)

    def switch(call):
        narrow = call()
        with monkeypatch.context() as patch:
            patch.setattr("circuits.engine.layout.averaged_variables", unnarrowed)
            return narrow, call()

    return switch


def every_read(circuit):
    """All State fields and reads of all populations, in all phases."""
    for population in circuit.populations:
        for phase in circuit.schedule.phases:
            names = {*population.model.state._fields, *population.model.read_names}
            for name in sorted(names) if phase.readable else ():
                yield population.name, name, phase.name


@pytest.mark.parametrize("case", CASES)
def test_reads_and_updates_are_those_of_all_averages(case, all_averaged):
    described, patterns, options = CASES[case]
    circuit, shown = described(), patterns()
    reads = list(every_read(circuit))

    def one(read):
        return circuits.present(
            circuit, shown, reads=[read], learning=True, seed=1, **options
        )

    with circuits.Presenter(
        circuit, batch=len(shown["input"]), seed=1, **options
    ) as presenter:
        presenter.present(shown)
        later = {read: presenter.read(*read) for read in reads}
    narrow, full = all_averaged(
        lambda: circuits.present(
            circuit, shown, reads=reads, learning=True, seed=1, **options
        )
    )
    for read in reads:
        np.testing.assert_array_equal(narrow[read], full[read], err_msg=str(read))
        np.testing.assert_array_equal(later[read], full[read], err_msg=str(read))
        alone = one(read)
        np.testing.assert_array_equal(alone[read], full[read], err_msg=str(read))
        for name, weights in full.weights.items():
            np.testing.assert_array_equal(alone.weights[name], weights)


def test_sequences_and_estimates_are_those_of_all_averages(all_averaged):
    circuit, shown = contrastive(), by_inputs(4)
    for read in every_read(circuit):
        narrow, full = all_averaged(
            lambda read=read: circuits.present_sequence(
                circuit, shown, keep=[2, 4], reads=[read]
            )
        )
        np.testing.assert_array_equal(narrow.reads[read], full.reads[read])
        for mine, theirs in zip(narrow.weights, full.weights, strict=True):
            np.testing.assert_array_equal(mine["feedforward"], theirs["feedforward"])
    narrow, full = all_averaged(
        lambda: circuits.gradient_estimate(circuit, shown["input"])
    )
    np.testing.assert_array_equal(narrow["feedforward"], full["feedforward"])
    assert np.any(narrow["feedforward"])


@pytest.mark.parametrize("form", ["continuous", "two_sweep"])
def test_training_is_that_of_all_averages(form, all_averaged):
    options = {"form": form} if form == "two_sweep" else {}
    circuit, task = tiny_circuit(**options), tiny_task(8, 4)
    narrow, full = all_averaged(
        lambda: curves(tiny_train(circuit, task, epochs=1, batch=2))
    )
    assert narrow.keys() == full.keys()
    for key, values in full.items():
        np.testing.assert_array_equal(narrow[key], values, err_msg=key)


def test_what_is_averaged_is_what_rules_and_reads_need():
    circuit = contrastive()

    def averaged(looks):
        layout = Layout(circuit, dtype=float, capacity=1, looks=looks)
        return {key: set(names) for key, names in layout.averaged.items()}

    somata = {
        ("free", "input"): {"value"},
        ("free", "output"): {"soma"},
        ("pushed", "input"): {"value"},
        ("pushed", "output"): {"soma"},
    }
    assert averaged(()) == somata
    assert averaged([("output", "apical")]) == somata
    seen = averaged([("output", "apical", "free")])
    assert seen == somata | {("free", "output"): {"soma", "apical"}}
    every = averaged(None)
    assert every["pushed", "output"] == {"soma", "basal", "apical"}


def test_explain_says_what_is_averaged():
    text = circuits.explain(contrastive())
    assert "add input to input in free (input.value)" in text
    assert "add output to output in pushed (output.soma)" in text
    every = circuits.explain(contrastive(), optimise=False)
    assert "add input and output to input in free and output in free\n" in every
    none = circuits.explain(contrastive(rule=None))
    assert "in free" not in none
