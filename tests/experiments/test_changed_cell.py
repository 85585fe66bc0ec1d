"""Questions about a published cell with changed parameters of it."""

import json
from pathlib import Path

import numpy as np
import pytest

import experiments
from dendrites.dataset import open_run
from dendrites.errors import ConfigError
from experiments.command.cli import main
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS
from experiments.voltage import pairing_frequency

# Question, small arguments, a changed parameter, where it must be seen.
CHANGED = {
    "spike-pair-window": (
        {"interval": 5.0, "tau_filter": 10.0},
        {"phi_max": 0.3},
        "window/change",
    ),
    "drift": (
        {"cells": 4, "duration": 50.0, "potentials": (-60.0, -55.0, -50.0)},
        {"theta": -50.0},
        "drift/measured",
    ),
    "dendritic-prediction": (
        {"inputs": 20, "taught": 2},
        {"g_leak": 40.0},
        "traces/soma",
    ),
    "burst-multiplexing": (
        {
            "cells": 4,
            "seeds": 1,
            "soma_currents": (200.0, 600.0),
            "apical_currents": (0.0, 300.0),
            "duration": 200.0,
            "stepped_cells": 8,
            "stepped_duration": 400.0,
        },
        {"tau_soma": 12.0},
        "multiplexing/event_rate",
    ),
    "bac-firing": (
        {
            "delays": (-10.0, 0.0),
            "apical_currents": (0.0, 400.0),
            "constant_soma": (0.0, 400.0),
            "constant_apical": (0.0, 300.0),
            "counted": 200.0,
        },
        {"tau_soma": 12.0},
        "coincidence/apical_peak",
    ),
    "burst-pairing": (
        {
            "frequencies": (10,),
            "rates": (10, 40),
            "expected": (0.3,),
            "event_rates": (10.0,),
            "probabilities": (0.0, 0.5),
            "duration": 2.0,
            "realisations": 2,
            "cells": 4,
            "segment": 2,
        },
        {"tau_soma": 12.0},
        "steering/event_rate",
    ),
    "external-timing": (
        {"amplitudes": (300.0,), "pairing_dt": (5.0,), "interval": 45.0, "repeats": 2},
        {"tau_soma": 14.0},
        "timing/shift",
    ),
    "pairing-frequency": (
        {"frequencies": (20.0,), "pairings": 2, "gap": 200.0},
        {"g_leak": 25.0},
        "pairing/change",
    ),
    "distance-switch": (
        {
            "distances": (100.0,),
            "depolarisations": (0.0,),
            "frequencies": (20.0,),
            "pairings": 2,
        },
        {"g_coupling": 6.0},
        "synapses/change",
    ),
    "early-late": (
        {"phase": 30, "duration": 10, "onset_step": 15, "inputs": 4, "repeats": 2},
        {"g_basal": 0.7},
        "settled/dw",
    ),
}


def configuration(tree):
    return json.loads(tree.attrs["config_json"])


def test_every_question_with_a_cell_is_looked_at_here():
    having = [
        name
        for name, experiment in EXPERIMENTS.items()
        if "cell" in experiment_options(experiment.load())
    ]
    assert sorted(having) == sorted(CHANGED)


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_parameter_acts_and_is_recorded(name):
    arguments, cell, where = CHANGED[name]
    usual = experiments.run(name, **arguments)
    changed = experiments.run(name, **arguments, cell=cell)
    assert not usual[where].equals(changed[where])
    assert configuration(changed) == configuration(usual) | {"cell": cell}


@pytest.mark.parametrize("name", CHANGED)
def test_the_published_value_changes_nothing_but_the_record(name):
    arguments, cell, where = CHANGED[name]
    options = experiment_options(EXPERIMENTS[name].load())
    from dendrites import models

    model = getattr(models, options["cell"].text.split()[4])
    (parameter,) = cell
    published = getattr(model().parameters, parameter)
    usual = experiments.run(name, **arguments)
    same = experiments.run(name, **arguments, cell={parameter: published})
    assert usual[where].equals(same[where])


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (
            {"tau_sama": 12.0},
            "no parameter 'tau_sama' that acts here; did you mean 'tau",
        ),
        ({"noise_soma": 1.0}, "no parameter 'noise_soma' that acts here"),
        ({"tau_soma": -1.0}, "tau_soma"),
        ({"tau_soma": "x"}, "tau_soma: expected names with a number each"),
        (12.0, "expected names with a number each"),
    ],
)
def test_what_a_cell_has_not_is_refused_before_it_begins(cell, says):
    with pytest.raises(ConfigError, match=says) as caught:
        experiments.run("bac-firing", cell=cell, counted=-1.0)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ({"tau_soma": 30.0, "threshold": -37.0}, "to threshold = -37 mV; bring them"),
        ({"threshold": -10.0}, "it does not fire on a ramp to 700 pA"),
    ],
)
def test_a_cell_without_the_spike_that_is_moved_is_refused(cell, says):
    small = CHANGED["external-timing"][0]
    with pytest.raises(ConfigError, match=says):
        experiments.run("external-timing", **small, cell=cell)


def test_every_parameter_of_pairs_acts():
    from dendrites.models import adex_dendrite

    published = adex_dendrite().parameters
    usual = changes_of_pairs({})
    for name in pairing_frequency.CELL:
        changed = changes_of_pairs({name: 1.1 * getattr(published, name)})
        assert any(not np.array_equal(usual[k], changed[k]) for k in usual), name


def changes_of_pairs(cell):
    settings = {"b": 0.0805, "distance": 100.0, "delay": 4.0, "dt": 0.1}
    short = {"pairings": 2, "gap": 200.0, "changes": cell}
    return pairing_frequency.unit_changes(np.array([40.0]), **short, **settings)[0]


def test_a_cell_is_typed_and_written_in_a_file_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["--interval", "5", "--tau-filter", "10", "--no-plot"]
    run = ["run", "spike-pair-window", *small]
    assert main([*run, "--cell", "phi_max=0.3", "k=0.4", "--out", "a.nc"]) == 0
    Path("c.toml").write_text("[cell]\nphi_max = 0.3\nk = 0.4\n")
    assert main([*run, "--config", "c.toml", "--out", "b.nc"]) == 0
    typed, written = open_run("a.nc"), open_run("b.nc")
    assert configuration(typed)["cell"] == {"phi_max": 0.3, "k": 0.4}
    assert configuration(typed) == configuration(written)
    assert typed["window"].equals(written["window"])


def test_a_cell_is_no_axis_of_a_sweep(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    grid = ["--grid", "cell=tau_soma=12", "--out", "s"]
    assert main(["sweep", "bac-firing", *grid]) == 2
    assert "--grid cell: a table of values is not swept over" in capsys.readouterr().err
