"""What training measures beside itself, and that probes ask for what can be."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_training import curves, tiny_circuit, tiny_task, tiny_train

import circuits
from circuits.probes import Alignment, Drift, Silence
from dendrites.dataset import validate
from dendrites.errors import ConfigError

LONG = {"presentation": 27.0, "learning_lag": 12.0}


def train(circuit=None, **options):
    options = {"epochs": 1, "probe": 4, "controls": None, **options}
    return tiny_train(circuit or tiny_circuit(), tiny_task(12, 8), **options)


def test_the_usual_probes_are_all_that_there_are():
    usual = train()
    named = train(probes=(Alignment(), Silence()))
    for name, values in curves(usual).items():
        np.testing.assert_array_equal(curves(named)[name], values, err_msg=name)
    assert "drift" not in usual["diagnostics"]


@pytest.mark.parametrize(
    ("probe", "names"),
    [
        (Alignment(), {"angle_to_bp", "size_ratio", "sign_agreement"}),
        (Silence("apical"), {"sps_residual"}),
        (Silence("basal"), {"silence_basal"}),
    ],
)
def test_one_probe_alone_measures_what_it_measures_among_others(probe, names):
    tree = train(probes=probe)
    validate(tree)
    found = tree["diagnostics"].to_dataset()
    assert names <= {*found.data_vars}
    usual = train()["diagnostics"].to_dataset()
    for name in {*found.data_vars} & {*usual.data_vars}:
        np.testing.assert_array_equal(found[name], usual[name], err_msg=name)
    if "silence_basal" in names:
        assert found.silence_basal.dims == ("update", "with_basal")
        assert (found.silence_basal > 0).all()


def test_a_circuit_without_layers_can_be_asked_for_its_silence():
    circuit = replace(tiny_circuit(), network=None)
    tree = train(circuit, probes=[Silence()], probe=None)
    usual = train(tiny_circuit(), probe=None)
    np.testing.assert_array_equal(
        tree["diagnostics"].sps_residual, usual["diagnostics"].sps_residual
    )


def test_updates_are_those_of_the_learning_rates_that_come_next():
    # Without mended rates the size of the update would stay while training decays.
    rates = {p.name: 1e-6 for p in tiny_circuit().projections if p.learns}
    tree = train(epochs=2, rate_decay=0.25, learning_rates=rates)
    ratio = tree["diagnostics"].size_ratio.values
    np.testing.assert_allclose(ratio[1:] / ratio[:-1], 0.25, rtol=1e-3)
    angle = tree["diagnostics"].angle_to_bp.values
    np.testing.assert_allclose(angle[1:], angle[:-1], rtol=1e-3)


def test_drift_alone_is_that_among_others():
    circuit = tiny_circuit(**LONG)
    options = {"integrator": circuits.Equilibrium(jumps=2)}
    usual = train(circuit, **options)["diagnostics"]
    alone = train(circuit, probes=(Drift(),), **options)["diagnostics"]
    assert {*alone.to_dataset().data_vars} == {"drift"}
    np.testing.assert_array_equal(alone.drift, usual.drift)


@pytest.mark.parametrize(
    ("circuit", "options", "message"),
    [
        ({}, {"probes": (Drift(),)}, "'blocked' makes no jumps"),
        (
            {"form": "two_sweep"},
            {"probes": Drift(), "integrator": "equilibrium"},
            "without time make no jumps",
        ),
        ({}, {"probes": (Silence("axon"),)}, "have a variable 'axon'"),
        ({}, {"probes": "Silence"}, "must be a tuple of Alignment"),
        ({}, {"probes": (Silence,)}, "must be Alignment"),
        ({}, {"probes": (Silence(), Silence("apical"))}, "given twice"),
        ({}, {"probes": (), "probe": 4}, "no examples are looked at"),
        ({}, {"probes": (Silence(),), "probe": 0}, "no examples are looked at"),
    ],
)
def test_probes_that_can_measure_nothing_are_refused(circuit, options, message):
    with pytest.raises(ConfigError, match=message):
        train(tiny_circuit(**circuit), **options)


def test_alignment_needs_a_network():
    circuit = replace(tiny_circuit(), network=None)
    with pytest.raises(ConfigError, match="Alignment: .* has no `network`"):
        train(circuit, probes=(Alignment(),))


def test_a_compartment_has_a_name():
    with pytest.raises(ConfigError, match="Silence: compartment = 1"):
        Silence(1)
