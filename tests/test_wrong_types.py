"""Whatever is given to a public function or class is run or refused by its name.

A table of doors: a call that is right, and for every option values of the wrong kind.
Each must be refused by an error of this library that names the option, before anything
is compiled.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse
from systems import two_populations
from tiny_training import tiny_task

import circuits
import dendrites as dn
from circuits import algorithms, microcircuit
from dendrites import btsp, bursts, models, rules, transfer
from dendrites.errors import DendritesError

pytestmark = [pytest.mark.nojit, pytest.mark.usefixtures("nothing_is_compiled")]

THING = object()
NAN, INF = float("nan"), float("inf")
# Every member is wrong wherever a value of the kind is asked for.
NOT_NUMBER = ["1", (1.0,), [[1, 2]], NAN, 1j, THING, True, np.ones(2), 10**400]
NOT_TIME = [*NOT_NUMBER, -1.0, INF]
NOT_WHOLE = ["1", 1.5, (1,), NAN, THING, True, None, np.ones(2), -1]
NOT_TEXT = [5, 1.5, ("a",), [["a"]], THING, np.arange(2), b"a"]
NOT_FLAG = ["no", 1, 0.0, (), THING, np.ones(2)]
NOT_NAMES = [5, "a", THING, [1], 1.5, {"a": 1}, [["a"]], np.arange(3)]
NOT_LIST = [5, 1.5, "abc", THING, {"a": 1}, np.float64(3.0)]
NOT_MAPPING = [5, "ab", [1, 2], THING, {5: 1.0}, (("a", 1),)]
NOT_FUNCTION = [5, "f", THING, [len], np.ones(2)]
NOT_READ = [5, 1.5, THING, ["rate"], np.ones(2)]
NOT_PAIR = [5, "rate", ("a",), ("a", "b", "c"), (1, 2), THING, {"a": "b"}]
NOT_SEED = ["0", 1.5, -1, NAN, True, (1,), THING, np.arange(2)]
NOT_ARRAY = ["abc", THING, 1j, [[1.0], [1.0, 2.0]], [1j], [None], [NAN], [["a"]]]
NOT_ARRAY += [np.ma.masked_equal([[1.0, 2.0, 3.0, 4.0]], 2.0), sparse.eye_array(4)]
NOT_SIDES = ["2", 1.5, (1, 2, 3), NAN, THING, True, (1.0, 2), [[1, 2]], {"a": 1}]
NOT_SLOTS = [5, "ab", 1.5, [0.0, 1.0], [True, False], [-1, 0], THING, [[0, 1]], [0]]
NOT_PATH = [5, 1.5, THING, ("a",), b"a"]

CELLS = models.three_compartment()
CIRCUIT = two_populations()
SPIKING = two_populations(pre=models.presynaptic(), signal="spike_rate")
TASK = tiny_task()
SHOWN = {"input": np.ones((2, 4))}


def derivative(cell, inputs, p):
    return CELLS.derivative(cell, inputs, p)


def cell_model(**changes):
    return dn.CellModel(
        **{
            "name": "mine",
            "state": CELLS.state,
            "params": CELLS.params,
            "inputs": CELLS.inputs,
            "derivative": derivative,
            **changes,
        }
    )


def made(make, *parts, **right):
    """A door: `make` with right arguments, some of which a test replaces."""
    names = [f"#{k}" for k in range(len(parts))]

    def call(option=None, value=None):
        given = dict(zip(names, parts, strict=True)) | right
        if option is not None:
            given[option] = value
        positional = [given.pop(name) for name in names]
        return make(*positional, **given)

    return call


def feedforward(**options):
    return circuits.Projection("input", "output", "basal", **options)


TRAIN = {"epochs": 1, "threads": 1, "probe": 0}
IMPULSES = {"start": 1.0, "duration": 1.0}
LAYER = circuits.Layer("output", "feedforward", 1.0, 1.0)
PHI = transfer.LOGISTIC

# Door, and for every option the values it must refuse.
DOORS = {
    "dn.simulate": (
        made(dn.simulate, CELLS, duration=1.0),
        {
            "#0 cell": [None, "three_compartment", models.three_compartment, CIRCUIT],
            "duration": [*NOT_TIME, None],
            "dt": [*NOT_TIME, None, 0.0, 1e-300],
            "stepper": [*NOT_TEXT, "rk4", None],
            "record_every": [*NOT_TIME, 0.0],
            "reads": [5, THING, [1], 1.5, {"a": 1}],
            "initial": [*NOT_MAPPING, {"soma": "a"}, {"soma": NAN}, {"soma": 1j}],
            "seed": NOT_SEED,
            "forced_spikes": [5, "abc", THING],
            "basal": [*NOT_ARRAY, "1", None, np.ones(3), [1.0, "a"], [], NAN, INF],
        },
    ),
    "dn.constant": (made(dn.constant, 1.0), {"#0 amplitude": [*NOT_NUMBER, None]}),
    "dn.pulse": (
        made(dn.pulse, 1.0, **IMPULSES),
        {
            "#0 amplitude": [*NOT_NUMBER, INF, None],
            "start": [*NOT_TIME, None],
            "duration": [*NOT_TIME, None],
        },
    ),
    "dn.step": (
        made(dn.step, 1.0, start=1.0),
        {"#0 amplitude": NOT_NUMBER, "start": [*NOT_TIME, None]},
    ),
    "dn.ramp": (
        made(dn.ramp, 1.0, 2.0, **IMPULSES),
        {"#0 from_": NOT_NUMBER, "#1 to": NOT_NUMBER, "duration": [*NOT_TIME, None]},
    ),
    "dn.waveform": (
        made(dn.waveform, [1.0], dt=1.0),
        {"#0 values": [*NOT_ARRAY, [], 1.0, None], "dt": [*NOT_TIME, 0.0, None]},
    ),
    "dn.spike_train": (
        made(dn.spike_train, [1.0]),
        {"#0 times_ms": [*NOT_ARRAY, 1.0, None, [[1.0]]], "weight": NOT_NUMBER},
    ),
    "dn.poisson_train": (
        made(dn.poisson_train, 1.0),
        {"#0 rate_hz": [*NOT_TIME, None], "weight": [*NOT_NUMBER, None]},
    ),
    "dn.noise": (
        made(dn.noise, 1.0),
        {"#0 sd": [*NOT_TIME, None], "tau": [*NOT_TIME, 0.0], "mean": NOT_NUMBER},
    ),
    "dn.CellModel": (
        made(cell_model),
        {
            "name": NOT_TEXT,
            "state": [5, "State", None, CELLS.state(), dict],
            "params": [5, None, CELLS.parameters, list],
            "inputs": [5, None, THING],
            "derivative": NOT_FUNCTION,
            "instantaneous": NOT_FUNCTION,
            "reads": [*NOT_MAPPING, {"rate": 5}],
            "parameters": NOT_MAPPING,
            "compartments": NOT_NAMES,
            "time_constant": NOT_FUNCTION,
            "quiet_dt": [*NOT_TIME, 0.0],
            "clamped": [*NOT_FLAG, None],
            "random": [*NOT_MAPPING, {"basal": 5}, {"basal": ["white"]}],
            "spike": NOT_FUNCTION,
            "fired": NOT_FUNCTION,
            "sparse": [*NOT_FLAG, None],
            "traces": [*NOT_MAPPING, {"basal": 5.0}],
            "source": [*NOT_TEXT, None],
        },
    ),
    "dn.Kernel": (
        made(dn.Kernel, 3.0, 10.0),
        {
            "#0 tau_rise": NOT_TIME,
            "#1 tau_decay": [*NOT_TIME, 0.0, None],
            "memory": [*NOT_TIME, 0.0],
            "normalisation": [*NOT_TEXT, "sum", None],
        },
    ),
    "dn.LowPass": (
        made(dn.LowPass, 10.0),
        {"#0 tau": [*NOT_TIME, 0.0, None], "exact": NOT_FLAG, "read": NOT_TEXT},
    ),
    "dn.ActivityDifference": (
        made(dn.ActivityDifference, "rate", "basal"),
        {
            "#0 teaching": NOT_READ,
            "#1 baseline": NOT_READ,
            "gain": NOT_READ,
            "learning_rate": [*NOT_TIME, None],
            "presynaptic": [*NOT_PAIR[:1], *NOT_PAIR[2:]],
            "moments": [*NOT_PAIR, None, 1],
            "gain_moment": NOT_TEXT,
            "presynaptic_moments": NOT_PAIR,
            "low_pass": [5, "a", THING, 10.0],
            "batch": [*NOT_TEXT, "median", None],
            "others": [5, THING, [1], "a"],
        },
    ),
    "dn.SynapticRule": (
        made(dn.SynapticRule, lambda weight, cell, pre, p: 0.0),
        {
            "#0 change": NOT_FUNCTION,
            "learning_rate": [*NOT_TIME, None],
            "presynaptic": NOT_TEXT,
            "moment": [*NOT_TEXT, None],
            "batch": [*NOT_TEXT, "median", None],
        },
    ),
    "rules.stdp_pair": (
        made(rules.stdp_pair, a_plus=1.0, a_minus=1.0),
        {"a_plus": NOT_TIME, "a_minus": NOT_TIME, "postsynaptic": NOT_TEXT},
    ),
    "rules.stdp_triplet": (
        made(rules.stdp_triplet, a2_plus=1.0, a2_minus=1.0, a3_plus=1.0),
        {"a2_plus": NOT_TIME, "a3_minus": NOT_TIME, "learning_rate": NOT_TIME},
    ),
    "rules.with_triplet_rate": (
        made(rules.with_triplet_rate, models.presynaptic()),
        {"#0 model": [5, None, "presynaptic", models.presynaptic]},
    ),
    "rules.apical_gating": (
        made(rules.apical_gating, 1.0),
        {
            "#0 learning_rate": NOT_TIME,
            "ltd": NOT_TIME,
            "plateau": [*NOT_NUMBER, None],
            "firing gain": [5, THING, ["rate"]],
            "presynaptic": [5, THING, ("a",)],
        },
    ),
    "rules.burst_dependent": (
        made(rules.burst_dependent, 1.0),
        {"#0 learning_rate": NOT_TIME, "homeostasis": NOT_FLAG},
    ),
    "rules.btsp": (
        made(rules.btsp),
        {
            "parameters": [5, None, {"tau": 1.0}],
            "presynaptic": NOT_TEXT,
            "decays": NOT_FLAG,
            "largest": [*NOT_TIME, 0.0],
        },
    ),
    "rules.clopath": (
        made(rules.clopath),
        {
            "compartment": NOT_TEXT,
            "a_ltd": NOT_TIME,
            "tau_x": [*NOT_TIME, 0.0],
            "theta_plus": NOT_NUMBER,
            "delayed": NOT_FLAG,
            "homeostasis": NOT_FLAG,
            "u_ref_squared": [*NOT_TIME, 0.0],
        },
    ),
    "rules.clopath_delays": (
        made(rules.clopath_delays, models.adex_dendrite()),
        {
            "#0 cell": [5, None, "adex", models.adex_dendrite],
            "compartment": NOT_TEXT,
            "delay": [*NOT_TIME, 0.0],
        },
    ),
    "rules.dendritic_prediction": (
        made(rules.dendritic_prediction, 1.0),
        {
            "#0 learning_rate": NOT_TIME,
            "low_pass": [5, "a", THING],
            "moments": [5, "ab", ("a",), (1, 2), THING],
        },
    ),
    "btsp.btsp_trial": (
        made(btsp.btsp_trial, [1.0], [(2.0, 3.0)]),
        {
            "#0 spike_times": [*NOT_ARRAY, None],
            "#1 plateaus": [5, "ab", [1.0], [(1.0,)], [("a", "b")], THING, None],
            "parameters": [5, None, {"tau": 1.0}],
            "largest": [*NOT_TIME, 0.0],
        },
    ),
    "bursts.events_and_bursts": (
        made(bursts.events_and_bursts, [1.0]),
        {
            "#0 spike_time": [*NOT_ARRAY, None, 1.0],
            "spike_unit": ["a", THING, [0.5], [1j], [[1]], [NAN]],
            "burst_interval": [*NOT_TIME, 0.0],
            "dt": [*NOT_TIME, 0.0],
            "detector": NOT_TEXT,
        },
    ),
    "Uniform": (
        made(circuits.Uniform),
        {
            "low": [*NOT_NUMBER, INF, None],
            "high": [*NOT_NUMBER, INF, -2.0, None],
            "per_root_fan_in": [*NOT_FLAG, None],
            "share": [*NOT_TIME, 1.5, None],
        },
    ),
    "Constant": (made(circuits.Constant), {"value": [*NOT_NUMBER, INF, None]}),
    "ScaledCopy": (
        made(circuits.ScaledCopy, "other"),
        {"#0 of": NOT_TEXT, "factor": [*NOT_NUMBER, INF], "transpose": NOT_FLAG},
    ),
    "Tied": (
        made(circuits.Tied, "other"),
        {
            "#0 to": NOT_TEXT,
            "factor": [*NOT_NUMBER, INF],
            "transpose": NOT_FLAG,
            "noise": NOT_TIME,
            "function": [5, "sign", THING, np.log, lambda: 0.0],
            "times": ["a", 1j, THING, [[1.0], [1.0, 2.0]], [np.nan]],
            "redraw": [*NOT_FLAG, True],
        },
    ),
    "Perturbation": (
        made(circuits.Perturbation, 0.1),
        {
            "#0 sigma": [*NOT_NUMBER, 0.0, -1.0],
            "kind": [*NOT_TEXT, "uniform"],
            "phases": [5, "a", (), {}, (1,), {"a": 0.0}, {1: 1.0}, {"a": "b"}, THING],
        },
    ),
    "Population": (
        made(circuits.Population, "a", CELLS, 2),
        {
            "#0 name": NOT_TEXT,
            "#1 model": [5, None, "cells", models.three_compartment],
            "#2 size": [*NOT_WHOLE, 0, 2.0],
            "noise": [5, "ab", [1], [1, "a"], [1, -1], [1, 2**32], [0.5, 1], THING],
        },
    ),
    "Population of a source": (
        made(circuits.Population, "a", models.source(), 2),
        {"pattern": ["other", (1,), THING, NAN, INF, 1j, True, np.ones(2)]},
    ),
    "Projection": (
        made(circuits.Projection, "a", "b", "basal", rule=CIRCUIT.projections[0].rule),
        {
            "#0 pre": NOT_TEXT,
            "#1 post": NOT_TEXT,
            "#2 field": NOT_TEXT,
            "signal": [*NOT_TEXT, None],
            "connectivity": [
                5,
                None,
                "all",
                np.ones((2, 2)),
                [[True]],
                np.ones(2, bool),
            ],
            "rule": [5, "stdp", rules.stdp_pair, [THING]],
            "plastic": [*NOT_FLAG, None],
            "initial": [5, None, "a", 0.5, THING, [1.0], np.ones(3), {"a": 1}],
            "tied_to": [5, "other", THING],
            "bounds": [
                0.5,
                ("a", "b"),
                (1.0,),
                (2, 1),
                (1, 1),
                "ab",
                (NAN, 1),
                (0, 1j),
            ],
            "sign": [0, 2, 0.5, True, "+", THING, [1, 0], [[1]], [[1], [1, 1]], []],
            "perturbation": [5, 0.1, "normal", THING, circuits.Perturbation],
            "clip": [*NOT_TEXT, "both", None],
            "weight_decay": [*NOT_TIME, None],
            "delay": NOT_TIME,
            "name": [5, "a b", THING],
        },
    ),
    "Phase": (
        made(circuits.Phase, "free", 5.0),
        {
            "#0 name": [*NOT_TEXT, None],
            "#1 duration": [*NOT_TIME, 0.0, None],
            "on": [
                5,
                "a",
                THING,
                [1],
                1.5,
                [["a"]],
                np.arange(3),
                {"a": "b"},
                {5: 1.0},
            ],
            "hold": [*NOT_MAPPING, {"a": "soma"}, {"a": [1]}],
            "learning": [*NOT_FLAG, None],
            "lag": [*NOT_TIME, None],
            "window": [*NOT_TIME, 0.0],
            "settle": NOT_NAMES,
            "silent": NOT_NAMES,
            "window_start": NOT_TIME,
            "relax": NOT_NAMES,
            "sweeps": [5],
            "step": [1.0],
            "tolerance": [1.0],
            "advance": NOT_NAMES,
            "times": [5],
        },
    ),
    "Phase-relax": (
        made(circuits.Phase, "free", relax=("output",)),
        {
            "sweeps": [x for x in [*NOT_WHOLE, 0] if x is not None],
            "step": [*NOT_TIME, 0.0],
            "tolerance": [*NOT_TIME, 0.0],
        },
    ),
    "Phase-advance": (
        made(circuits.Phase, "free", advance=("output",)),
        {"times": [x for x in [*NOT_WHOLE, 0] if x is not None]},
    ),
    "Schedule": (
        made(circuits.Schedule, CIRCUIT.schedule.phases),
        {
            "#0 phases": [*NOT_LIST, None],
            "carry_state": [*NOT_FLAG, None],
            "always_on": NOT_NAMES,
        },
    ),
    "Circuit": (
        made(
            circuits.Circuit,
            CIRCUIT.populations,
            CIRCUIT.projections,
            CIRCUIT.schedule,
        ),
        {
            "#0 populations": [*NOT_LIST, [5], None],
            "#1 projections": [*NOT_LIST, [5], None],
            "#2 schedule": [5, None, "a", CIRCUIT.schedule.phases],
            "test_schedule": [5, "a", CIRCUIT.schedule.phases],
            "output": [*NOT_TEXT, "other", None],
            "readout": [*NOT_TEXT, None],
            "readout_phase": [*NOT_TEXT, "other"],
            "dt": [*NOT_TIME, 0.0, None],
            "stepper": [*NOT_TEXT, "rk4", None],
            "network": [
                *(5, "a", [5], [LAYER], LAYER, PHI),
                circuits.Feedforward([LAYER._replace(population="input")], PHI),
                circuits.Feedforward([LAYER._replace(projection="other")], PHI),
            ],
            "name": [*NOT_TEXT, None],
            "seed": [*NOT_SEED, None],
            "strict": [*NOT_FLAG, None],
        },
    ),
    "Feedforward": (
        made(circuits.Feedforward, [LAYER], PHI),
        {
            "#0 layers": [
                *(5, "a", [5], [("output", "feedforward", 1.0, 1.0)], None, [], LAYER),
                [LAYER._replace(population=5)],
                [LAYER._replace(attenuation="a")],
                [LAYER._replace(update_scale=NAN)],
                [LAYER._replace(bias=None)],
            ],
            "#1 phi": [5, "a", (1, 2, 3), PHI[:2], None],
            "loss": [*NOT_TEXT, "hinge", None],
        },
    ),
    "Convolution": (
        made(circuits.Convolution, (4, 4), 2),
        {
            "#0 shape": [*NOT_SIDES, None, (4, 0), 4],
            "#1 kernel": [*NOT_SIDES, None, 0, 5],
            "channels": [*NOT_SIDES, None, 2, (0, 1)],
            "stride": [*NOT_SIDES, None, 0],
            "padding": [*NOT_SIDES, None, -1, 2],
        },
    ),
    "Pooling": (
        made(circuits.Pooling, (4, 4), 2),
        {
            "#0 shape": [*NOT_SIDES, None, 4],
            "#1 kernel": [*NOT_SIDES, None, 0],
            "channels": [*NOT_SIDES, None, 0, (1, 2)],
            "stride": [*NOT_SIDES, 0],
            "padding": [*NOT_SIDES, None, 2],
        },
    ),
    "Shared": (
        made(circuits.Shared, [0, 1], [0, 1], [0, 0]),
        {
            "#0 post": [*NOT_SLOTS, None],
            "#1 pre": [*NOT_SLOTS, None],
            "#2 slots": [*NOT_SLOTS, None, [0, 2]],
        },
    ),
    "Transposed": (
        made(circuits.Transposed, circuits.Convolution((4, 4), 2)),
        {"#0 of": [5, "a", THING, None, circuits.Dense()]},
    ),
    "Sparse": (
        made(circuits.Sparse, np.ones((2, 2), bool)),
        {"#0 mask": [5, None, "all", np.ones((2, 2)), [[True]], np.ones(2, bool)]},
    ),
    "circuits.initial_weights": (
        made(circuits.initial_weights, CIRCUIT),
        {
            "#0 circuit": [5, None, "a", CELLS],
            "seed": NOT_SEED,
            "given weights": [
                *NOT_MAPPING,
                *({"feedforward": bad} for bad in [*NOT_ARRAY, 5, None, "a"]),
            ],
        },
    ),
    "Record": (
        made(circuits.Record, "output"),
        {
            "#0 population": [*NOT_TEXT, None],
            "compartments": NOT_NAMES,
            "reads": [*NOT_NAMES, None],
            "every": [*NOT_TIME, 0.0],
            "spikes": [*NOT_FLAG, None],
        },
    ),
    "circuits.simulate": (
        made(circuits.simulate, CIRCUIT, SHOWN, ["output"]),
        {
            "#0 circuit": [5, None, "a", CELLS],
            "#1 patterns": [
                *NOT_MAPPING,
                None,
                *({"input": bad} for bad in [*NOT_ARRAY, np.ones((1, 2, 4)), 5]),
            ],
            "#2 record": [5, None, THING, [5], 1.5],
            "record units": [
                [circuits.Record("output", units=bad)]
                for bad in [5, "ab", [0.5], [[0, 1]], ["a"], THING, []]
            ],
            "weights": [*NOT_MAPPING, {"feedforward": "a"}],
            "schedule": [5, "a", CIRCUIT.schedule.phases],
            "learning": [*NOT_FLAG, None],
            "integrator": [*NOT_TEXT, "euler", None],
            "dtype": [*NOT_TEXT, "int64", None, np.float64],
            "seed": NOT_SEED,
            "threads": [w for w in [*NOT_WHOLE, 0] if w is not None],
            "waveforms": [
                *NOT_MAPPING,
                *({"input": bad} for bad in [*NOT_ARRAY, 5, np.ones((3, 4))]),
            ],
        },
    ),
    "circuits.simulate blocked": (
        made(
            circuits.simulate, CIRCUIT, SHOWN, ["output"], integrator="blocked", block=2
        ),
        {"block": [w for w in [*NOT_WHOLE, 0] if w is not None]},
    ),
    "circuits.simulate equilibrium": (
        made(circuits.simulate, CIRCUIT, SHOWN, ["output"], integrator="equilibrium"),
        {"jumps": [w for w in [*NOT_WHOLE, 0] if w is not None]},
    ),
    "circuits.simulate spiking": (
        made(circuits.simulate, SPIKING, SHOWN, ["output"]),
        {
            "forced_spikes": [
                *NOT_MAPPING,
                *({"input": bad} for bad in [5, "ab", THING, None, [1j], ([1.0], "a")]),
                *({"input": ([1.0], bad)} for bad in [None, 5, [0.5], [9], [-1], 1j]),
                *({"input": (bad, [0])} for bad in [5, ["a"], [NAN], [1e9], [-1.0]]),
            ]
        },
    ),
    "circuits.present": (
        made(circuits.present, CIRCUIT, SHOWN),
        {
            "#0 circuit": [5, None, CELLS],
            "#1 patterns": [*NOT_MAPPING, None],
            "schedule": [5, "a", CIRCUIT.schedule.phases],
            "reads": [5, "ab", [5], [("output",)], [("output", 5)]],
            "learning": [*NOT_FLAG, None],
            "weights": [*NOT_MAPPING, {"feedforward": "a"}],
            "learning_rates": [{"feedforward": 1.0}],
            "dtype": [*NOT_TEXT, "int64", None, np.float64],
            **dict.fromkeys(["number", "chunk"], [*NOT_WHOLE, -1]),
            "seed": NOT_SEED,
            "threads": [w for w in [*NOT_WHOLE, 0] if w is not None],
        },
    ),
    "circuits.present_sequence": (
        made(circuits.present_sequence, CIRCUIT, SHOWN),
        {
            "#0 circuit": [5, None, CELLS],
            "#1 patterns": [*NOT_MAPPING, None],
            "keep": [5, "ab", [0.5], ["a"], [-1], [9], [], THING],
            "reads": [5, "ab", [5], [("output",)], [("output", 5)]],
            "schedule": [5, "a", [5], []],
            "learning": NOT_FLAG,
            "seed": NOT_SEED,
            "tick": [5, "a", THING],
            "forced_spikes": [5, "ab", {"input": 1}, [5], THING],
        },
    ),
    "circuits.train": (
        made(circuits.train, two_populations(8, 3), TASK, **TRAIN),
        {
            "#0 circuit": [5, None, TASK],
            "#1 task": [5, None, CIRCUIT, "digits"],
            **dict.fromkeys(["epochs", "batch", "chunk"], [*NOT_WHOLE, 0]),
            "probe": [w for w in NOT_WHOLE if w is not None],
            "threads": [w for w in [*NOT_WHOLE, 0] if w is not None],
            "integrator": [*NOT_TEXT, "euler"],
            "accuracy": [*NOT_TIME, 0.0, 2.0],
            "rate_decay": [*NOT_TIME, 0.0, 2.0],
            "seed": NOT_SEED,
            "weights": NOT_MAPPING,
            "learning_rates": [*NOT_MAPPING, {"feedforward": "a"}],
            "controls": [*NOT_MAPPING, {"other": 5}, {"other": "a"}, {"other": [5]}],
            "dtype": [*NOT_TEXT, "int"],
            "progress": NOT_FLAG,
            "resume": NOT_FLAG,
            "checkpoint": NOT_PATH,
            "on_epoch": [5, "a", THING],
            "stages": [5, "ab", [5], [], {"a": 1}, THING],
            "config": NOT_MAPPING,
            "title": NOT_TEXT,
            "citation": [*NOT_TEXT],
        },
    ),
    "circuits.from_run": (
        made(circuits.from_run, object()),
        {"#0 tree": [5, None, "run.nc", CIRCUIT, np.ones(3)]},
    ),
    "circuits.final_weights": (
        made(circuits.final_weights, object()),
        {"#0 tree": [5, None, "run.nc", CIRCUIT, np.ones(3)]},
    ),
    "circuits.evaluate": (
        made(circuits.evaluate, two_populations(8, 3), TASK, {}),
        {
            "#0 circuit": [5, None, TASK],
            "#1 task": [5, None, CIRCUIT],
            "#2 run": [*NOT_MAPPING, None],
            "split": [*NOT_TEXT, "other", None],
            "dtype": NOT_TEXT,
            "chunk": [*NOT_WHOLE, 0],
            "threads": [w for w in [*NOT_WHOLE, 0] if w is not None],
        },
    ),
    "Task": (
        made(circuits.Task, "mine", TASK.splits),
        {
            "#0 name task": [*NOT_TEXT, None],
            "#1 splits": [5, None, [1], "ab"],
            "sources": [5, "ab", THING, None],
        },
    ),
    "circuits.measure_alignment": (
        made(circuits.measure_alignment, [1.0, 2.0], [1.0, 2.0]),
        {"#0 change": NOT_ARRAY, "#1 reference": [*NOT_ARRAY, [1.0]]},
    ),
    "microcircuit": (
        made(microcircuit.microcircuit, [3, 3, 2]),
        {
            "#0 sizes": [*NOT_LIST, None, [3], [3, 3, "2"], [3, 0, 2], [3, 2.5, 2]],
            "phi": [5, None, PHI[:2], (1, 2, 3), "logistic"],
            **dict.fromkeys(["g_leak", "g_basal", "g_output_nudge"], [*NOT_TIME, None]),
            **dict.fromkeys(
                ["g_apical", "g_interneuron_nudge", "basal_rates", "apical_rates"],
                ["1", NAN, 1j, THING, -1.0, None, ["a"], [1, 2, 3, 4]],
            ),
            "g_dendrite": ["other", NAN, 1j, THING, -1.0, None, ["a"]],
            **dict.fromkeys(
                ["self_predicting", "tie_interneurons", "tie_inhibition", "bias"],
                NOT_FLAG,
            ),
            "form": [*NOT_TEXT, "other", None],
            "noise": [5, "other", THING, ["white"]],
            "presentation duration": NOT_TIME,
            "basal_initial": [5, None, "a"],
            "filter_tau": [*NOT_TIME, 0.0],
            "input_tau": [*NOT_TIME, 0.0],
            "learning_lag": NOT_TIME,
            "dt": [*NOT_TIME, 0.0],
            "seed": [*NOT_SEED, None],
        },
    ),
    "algorithms.sacramento": (
        made(algorithms.sacramento, [3, 3, 2]),
        {
            "#0 sizes": [*NOT_LIST, None],
            "learning_rate": [*NOT_TIME, None],
            "learning_rates": ["other", NAN, THING, ["a", 1], [1], None],
            "hidden_rate": ["1", NAN, INF, -1.0, THING, None, ["a"], [1.0, 1.0]],
            "interneuron_rate": [*NOT_TIME, "other"],
            "top_down_rate": NOT_TIME,
        },
    ),
    "algorithms.guerguiev": (
        made(algorithms.guerguiev, [3, 3, 2]),
        {
            "#0 sizes": [*NOT_LIST, None, [3]],
            "learning_rate": ["ab", -1.0, [1], ["a", "b"], [NAN, 1], THING],
            "feedback": [*NOT_TEXT, "other", None],
            "fed_back": [*NOT_TEXT, "other", None],
            "feedback_rate": [*NOT_TIME, None],
            "plateau_leads": [*NOT_TIME, None],
            "g_apical": NOT_TIME,
            "memory": [*NOT_WHOLE, INF],
            "window": NOT_TEXT,
            "phase": [*NOT_TIME, 0.0, None],
            "drawn": NOT_FLAG,
            "test_duration": NOT_TIME,
            "seed": [*NOT_SEED, None],
        },
    ),
    "algorithms.urbanczik_senn": (
        made(algorithms.urbanczik_senn, 3),
        {
            "#0 n_inputs size": [*NOT_WHOLE, 0],
            "n_cells size": [*NOT_WHOLE, 0],
            "learning_rate": NOT_TIME,
            "tau_filter": [*NOT_TIME, 0.0],
            "initial": [*NOT_NUMBER, None],
            "bounds": [5, "ab", (1,)],
            "clip": NOT_TEXT,
            "delay": NOT_TIME,
            "teacher": [*NOT_TEXT, None],
            "lateral": [5, "ab", [[1.0, 2.0]], NAN, THING],
            "reward": [*NOT_FLAG, None],
            "duration": [*NOT_TIME, 0.0],
            "dt": [*NOT_TIME, 0.0],
        },
    ),
    "algorithms.burstprop": (
        made(algorithms.burstprop, [3, 3, 2]),
        {
            "momentum": [*NOT_TIME, 1.0, None],
            "weight_decay": [*NOT_TIME, None],
            "feedback": [*NOT_TEXT, "other", None],
            "recurrent": [*NOT_FLAG, None],
            "recurrent_rate": NOT_TIME,
            "resting": [*NOT_TIME, 0.0, 1.0, None],
        },
    ),
    "algorithms.burst_ccn": (
        made(algorithms.burst_ccn, [3, 3, 2]),
        {
            "momentum": [*NOT_TIME, 1.0, None],
            "feedback": [*NOT_TEXT, "other", None],
            "cancellation": [*NOT_TEXT, "other", None],
            "resting": [*NOT_TIME, 0.0, 1.0, None],
            "gain": [*NOT_TIME, 0.0],
            "dale": [*NOT_FLAG, None],
        },
    ),
    "algorithms.kording_konig": (
        made(algorithms.kording_konig, [3, 3, 2]),
        {
            "threshold": [*NOT_TIME, None],
            "event": [*NOT_TEXT, "other", None],
            "feedback": [*NOT_TEXT, "other", None],
        },
    ),
    "algorithms.error_neurons": (
        made(algorithms.error_neurons, [3, 3, 2]),
        {
            "precision": [*NOT_TIME, 0.0, None],
            "feedback": [*NOT_TEXT, "other", None],
            "sweeps": ["1", 1.5, NAN, THING, -1, 0],
            "step": [*NOT_TIME, 0.0],
            "tolerance": [*NOT_TIME, 0.0],
        },
    ),
    "algorithms.dendritic_predictive_coding": (
        made(algorithms.dendritic_predictive_coding, [3, 2]),
        {
            "#0 sizes": [*NOT_LIST, None, [3]],
            "inhibition": [*NOT_TEXT, "other", None],
            "decay": [*NOT_TIME, 0.0, None],
            "seed": [*NOT_SEED, None],
        },
    ),
    "models.source": (
        made(models.source),
        {"potential": NOT_FUNCTION, "tau": [*NOT_TIME, 0.0]},
    ),
    "models.presynaptic": (
        made(models.presynaptic),
        {"tau_trace": [*NOT_TIME, 0.0, None], "detector": NOT_TEXT},
    ),
    "models.three_compartment": (
        made(models.three_compartment),
        {"tau_soma": [*NOT_TIME, 0.0, None]},
    ),
}
CASES = [
    pytest.param(call, option, wrong, id=f"{door}-{option}")
    for door, (call, options) in DOORS.items()
    for option, wrong in options.items()
]


@pytest.mark.parametrize(("call", "option", "wrong"), CASES)
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(call, option, wrong):
    # "#0 size" is the first positional argument, called size; "given weights" the
    # option `given`, called weights in messages.
    place, *alias = option.split()
    name = alias[0] if alias else place
    place = {"record": "#2"}.get(place, place) if alias else place
    problems = []
    for value in wrong:
        try:
            call(place, value)
        except DendritesError as error:
            lines = str(error).splitlines()
            if name not in str(error) or len(lines) > 4 or len(str(error)) > 600:
                problems.append(f"{value!r:.50}: {error}")
        except Exception as error:
            problems.append(f"{value!r:.50}: {type(error).__name__}: {error}")
        else:
            problems.append(f"{value!r:.50}: accepted")
    assert not problems, "\n" + "\n".join(problems)


def test_numbers_of_other_libraries_are_plain_numbers():
    phase = circuits.Phase("free", np.float32(5.0), lag=Fraction(1, 2))
    assert type(phase.duration) is type(phase.lag) is float
    assert circuits.Population("a", CELLS, np.int32(3)).size == 3
    assert circuits.Constant(np.float64(2.0)).value == 2.0
