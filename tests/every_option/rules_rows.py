"""Options of cell models and of rules, looked at without compiling them."""

import warnings

import numpy as np

from dendrites import models, rules
from dendrites.activity_difference import LowPass
from dendrites.rules.btsp import ONE_CELL
from dendrites.synaptic_rule import SynapticRule
from every_option.doors import Door, acts, refused
from every_option.plain_cells import course

BURSTING = models.naud_sprekeler(tau_average=100.0)
ADEX = models.adex_dendrite()
PLATEAU = models.plateau_cell()
PRESYNAPTIC = models.presynaptic()
LOW_PASS = LowPass(10.0)


def steep(u):
    return 1.0 / (1.0 + np.exp(-2.0 * u))


def built(factory):
    """Runs cells of a model as plain Python."""
    return lambda **options: course(factory(**options), steps=150)


def told(rule, cell):
    """What a rule says of the cells of one course: its numbers and its words."""
    states = [cell.state(*row[: len(cell.state._fields)]) for row in course(cell)]
    p = cell.parameters

    def values(read):
        function = getattr(read, "py_func", read)
        return [function(s, p) for s in states] if callable(read) else read

    if isinstance(rule, SynapticRule):
        change = [rule.change(0.5, s, x, p) for s in states for x in (0.1, 0.7)]
        return change, rule.learning_rate, rule.presynaptic, rule.moment, rule.batch
    return [
        [
            values(getattr(part, name))
            for name in part.__dataclass_fields__
            if name != "others"
        ]
        for part in rule.parts
    ]


def rule(factory, cell, **base):
    """Reads a rule on the states of a cell."""
    return lambda **options: told(factory(**{**base, **options}), cell)


def delays(cell=ADEX, **options):
    return rules.clopath_delays(cell, **options)


def triplet(model=PRESYNAPTIC):
    return course(rules.with_triplet_rate(model), steps=150)


def conductances(target=(0.5, -0.2), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return models.nudging_conductances(np.array(target), **options)


NOISE = {"noise": [acts("white"), acts("per_step"), refused("pink")]}
INITIAL = {"initial": [acts({"soma": -60.0}), refused({"somma": -60.0})]}
DETECTOR = {"detector": [acts("trace"), refused("none")]}
PHI = {"phi": acts(steep)}
RATE = {"learning_rate": acts(0.5)}
PREDICTS = RATE | {
    "low_pass": acts(LOW_PASS),
    "moments": [
        acts(("nudged", "forward")),
        refused(("nudged", "forward"), low_pass=LOW_PASS),
    ],
}
PHASES = RATE | {"forward": acts("free"), "target": acts("taught")}
PAIRS = {"a_plus": 0.01, "a_minus": 0.01}
TRIPLETS = {"a2_plus": 0.01, "a2_minus": 0.01, "a3_plus": 0.01}

KAPPA = {"tau_rise": acts(2.0), "tau_decay": acts(5.0)}

CELLS = {
    models.adex_dendrite: {
        "dendrite": [acts("active"), refused("none")],
        "noise": acts(True),
    },
    models.burst_detector: DETECTOR | {"initial": acts({"event_average": 0.1})},
    models.cable: {"n": acts(2)},
    models.gated_pyramidal: {
        "tau_soma": acts(5.0),
        "tau_apical": acts(5.0),
        "plateau_threshold": acts(0.0),
        "plateau_width": acts(0.5),
        "noise": acts(1.0),
    },
    models.guerguiev_hidden: KAPPA | {"memory": acts(5)},
    models.guerguiev_leading: {"memory": acts(5)},
    models.guerguiev_output: KAPPA | {"memory": acts(5)},
    models.naud_sprekeler: DETECTOR | INITIAL | {"noise": acts(True)},
    models.naud_sprekeler_simple: INITIAL | {"spike": acts("escape")},
    models.plateau_cell: {},
    models.presynaptic: DETECTOR
    | {
        "tau_trace": acts(5.0),
        "tau_slow": acts(5.0),
        "tau_event": acts(5.0),
        "burst_interval": acts(5.0),
        "rate_scale": acts(2.0),
    },
    models.sacramento_interneuron: PHI | NOISE,
    models.sacramento_output: PHI
    | NOISE
    | {"nudge": [acts("conductance"), refused("conductances")]},
    models.sacramento_pyramidal: PHI | NOISE | {"split_apical": acts(True)},
    models.source: {"potential": acts(steep), "tau": acts(5.0)},
    models.spike_source: {
        "tau_rise": acts(2.0),
        "tau_decay": acts(5.0),
        "rate_scale": acts(2.0),
        "newest": acts("kernel"),
        "memory": [acts(5, newest="kernel"), refused(5)],
    },
    models.three_compartment: PHI
    | {"dendrites": [acts("instantaneous"), refused("frozen")]},
    models.threshold_unit: {"tau": acts(5.0), "noise": acts(1.0)},
    models.urbanczik_senn: {"units": [acts("paper", g_dendrite=2.0), refused("si")]},
    models.urbanczik_senn_rewarded: {
        "units": [acts("paper", g_dendrite=2.0), refused("si")]
    },
}

RULES = [
    Door(
        rules.apical_gating,
        rule(rules.apical_gating, BURSTING, learning_rate=1.0),
        RATE
        | {
            "ltd": acts(0.5),
            "plateau": acts(-60.0),
            "firing": [acts("trace"), acts(None)],
            "presynaptic": acts("event_trace"),
        },
    ),
    *(
        Door(factory, rule(factory, BURSTING, learning_rate=1.0), PREDICTS)
        for factory in (
            rules.apical_silencing,
            rules.dendritic_prediction,
            rules.top_down_reconstruction,
        )
    ),
    Door(
        rules.spike_prediction,
        rule(rules.spike_prediction, BURSTING, learning_rate=1.0),
        RATE | {"low_pass": acts(LOW_PASS)},
    ),
    *(
        Door(factory, rule(factory, BURSTING, learning_rate=1.0), PHASES)
        for factory in (rules.plateau_difference, rules.target_rate_difference)
    ),
    Door(
        rules.burst_dependent,
        rule(rules.burst_dependent, BURSTING, learning_rate=1.0),
        RATE | {"homeostasis": acts(True)},
    ),
    Door(
        rules.btsp,
        rule(rules.btsp, PLATEAU),
        {
            "parameters": acts(ONE_CELL),
            "presynaptic": acts("slow_trace"),
            "decays": acts(False),
            "largest": acts(5.0),
        },
    ),
    Door(
        rules.clopath,
        rule(rules.clopath, ADEX, delayed=False),
        RATE
        | {
            "compartment": [acts("soma"), refused("basal")],
            "a_ltd": acts(1e-4),
            "a_ltp": acts(1e-4),
            "theta_minus": acts(-65.0),
            "theta_plus": acts(-50.0),
            "tau_x": acts(10.0),
            "delayed": acts(True),
            "homeostasis": acts(True),
            "u_ref_squared": acts(50.0, homeostasis=True),
        },
    ),
    Door(
        rules.clopath_delays,
        delays,
        {
            "cell": refused(BURSTING),
            "compartment": [acts("soma"), refused("basal")],
            "delay": acts(5.0),
        },
    ),
    Door(
        rules.stdp_pair,
        rule(rules.stdp_pair, BURSTING, **PAIRS),
        RATE
        | {
            "a_plus": acts(0.02),
            "a_minus": acts(0.02),
            "postsynaptic": [acts("events"), refused("bursts")],
        },
    ),
    Door(
        rules.stdp_triplet,
        rule(rules.stdp_triplet, BURSTING, **TRIPLETS),
        RATE
        | {
            "a2_plus": acts(0.02),
            "a2_minus": acts(0.02),
            "a3_plus": acts(0.02),
            "a3_minus": acts(0.02),
        },
    ),
]

DOORS = [
    *(Door(factory, built(factory), rows) for factory, rows in CELLS.items()),
    *RULES,
    Door(
        rules.with_triplet_rate,
        triplet,
        {"model": acts(models.presynaptic(tau_slow=5.0))},
    ),
    Door(
        models.nudging_conductances,
        conductances,
        {
            "target": acts((0.5, 0.5)),
            "g_nudge": acts(1.0),
            "e_exc": acts(2.0),
            "e_inh": acts(-2.0),
        },
    ),
]
