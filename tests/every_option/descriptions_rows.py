"""Options of what a circuit is described with: they act when it runs."""

import math
from dataclasses import replace

import numpy as np
from systems import two_populations
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import (
    Circuit,
    Constant,
    Convolution,
    Dense,
    Feedforward,
    Layer,
    LocallyConnected,
    LogNormal,
    Normal,
    OneToOne,
    Perturbation,
    Phase,
    Pooling,
    Population,
    Projection,
    Random,
    ScaledCopy,
    Schedule,
    Shared,
    Sparse,
    Tied,
    Transposed,
    Uniform,
)
from circuits.algorithms import urbanczik_senn
from dendrites.activity_difference import ActivityDifference, LowPass, Needs
from dendrites.models import sacramento_output, source, three_compartment
from dendrites.synaptic_rule import SynapticRule
from dendrites.transfer import LOGISTIC, sign
from every_option.doors import Door, acts, refused, shown

INPUTS = np.random.default_rng(2).uniform(0.2, 1.0, (2, 4))
CELL = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
OTHER = three_compartment(tau_soma=5.0, tau_dendrite=3.0)
RULE = {"teaching": "soma", "baseline": "basal", "learning_rate": 0.01}
WINDOWS = {"moments": ("late", "early")}
EARLY = {"name": "early", "duration": 8.0, "on": ("input",), "window": 2.0}
LATE = Phase("late", 8.0, window=4.0)
FEEDFORWARD = {"pre": "input", "post": "output", "field": "basal"}
FEEDFORWARD |= {"initial": Uniform(0.1, 1.0), "name": "feedforward"}
BACK = {"pre": "output", "post": "output", "field": "apical", "initial": Uniform()}


def seen(circuit):
    """Two patterns side by side, recorded, and one after the other."""
    fields = [("output", name) for name in circuit.model("output").read_names]
    one_by_one = circuits.present_sequence(circuit, {"input": INPUTS}, reads=fields)
    if any(phase.timeless for phase in circuit.schedule.phases):
        return one_by_one, None
    names = [p.name for p in circuit.populations]
    shown = {"input": INPUTS}
    return one_by_one, circuits.simulate(circuit, shown, names, learning=True)


def with_projection(extra=(), **options):
    projection = Projection(
        **{**FEEDFORWARD, "rule": ActivityDifference(**RULE), **options}
    )
    return seen(of((projection, *extra)))


def of(projections, phases=None, population=None, carry_state=False, **options):
    cells = population or Population("output", CELL, 4)
    schedule = Schedule(phases or (Phase(**EARLY), LATE), carry_state=carry_state)
    options = {"schedule": schedule, "dt": 0.5, **options}
    sources = Population("input", source(), 4, pattern="inputs")
    return Circuit(
        **{"populations": (sources, cells), "projections": projections, **options}
    )


def with_rule(of_windows=False, **options):
    given = RULE | (WINDOWS if of_windows else {})
    return with_projection(rule=ActivityDifference(**{**given, **options}))


def of_one_sample(**options):
    rule = ActivityDifference(**{**RULE, "low_pass": LowPass(5.0), **options})
    circuit = of((Projection(**FEEDFORWARD, rule=rule),))
    return circuits.present_sequence(circuit, {"input": INPUTS})


def with_low_pass(**options):
    return with_rule(low_pass=LowPass(**{"tau": 5.0, **options}))


def oja(weight, cell, pre, p):
    return cell.soma * (pre - cell.soma * weight)


def hebb(weight, cell, pre, p):
    return cell.soma * pre


def with_synaptic(**options):
    options = {"change": oja, "learning_rate": 0.01, **options}
    return with_projection(rule=SynapticRule(**options))


def with_phase(moments=None, **options):
    phase = Phase(**{**EARLY, **options})
    given = RULE if moments is None else {**RULE, "moments": moments}
    rule = ActivityDifference(**given)
    return seen(of((Projection(**FEEDFORWARD, rule=rule),), (phase, LATE)))


def with_sweeps(**options):
    given = {"name": "relaxed", "relax": ("output",), "on": ("input",), "sweeps": 9}
    phase = Phase(**{**given, **options})
    return seen(of((Projection(**FEEDFORWARD),), (phase,)))


def with_advance(**options):
    given = {"name": "step", "advance": ("early", "output"), "on": ("input",)}
    cells = three_compartment(dendrites="instantaneous", tau_soma=4.0)
    base = of((Projection(**FEEDFORWARD),), population=Population("output", cells, 4))
    initial = {"initial": Uniform(0.1, 1.0)}
    onward = (
        Projection("input", "early", "basal", **initial),
        Projection("early", "output", "apical", **initial),
    )
    return seen(
        replace(
            base,
            populations=(*base.populations, Population("early", cells, 4)),
            projections=(*base.projections, *onward),
            schedule=Schedule((Phase(**{**given, **options}),)),
        )
    )


def with_schedule(**options):
    given = {"phases": (Phase(**EARLY), LATE), **options}
    return seen(of((Projection(**FEEDFORWARD),), schedule=Schedule(**given)))


def with_population(**options):
    cells = Population(**{"name": "output", "model": CELL, "size": 4, **options})
    post = {"field": "basal"}
    return seen(of((Projection(**{**FEEDFORWARD, **post}),), population=cells))


def with_source(**options):
    options = {"name": "bias", "model": source(), "size": 1, "pattern": 1.0, **options}
    bias, phase = Population(**options), Phase(**{**EARLY, "on": ("input", "bias")})
    base = of((Projection(**FEEDFORWARD),))
    projections = (
        *base.projections,
        Projection("bias", "output", "apical", initial=Constant(1.0)),
    )
    return seen(
        replace(
            base,
            populations=(*base.populations, bias),
            projections=projections,
            schedule=Schedule((phase, LATE)),
        )
    )


def with_circuit(**options):
    base = of((Projection(**FEEDFORWARD),), name="plain")
    circuit = replace(base, **options)
    task = circuits.Task("few", {"train": SPLIT, "test": SPLIT})
    answers = circuits.evaluate(circuit, task, {})
    return seen(circuit), answers.score.values


def with_initial(kind, **base):
    def run(**options):
        start = kind(**{**base, **options})
        second = Projection(**{**BACK, "initial": start, "name": "back"})
        circuit = of((Projection(**FEEDFORWARD), second))
        return circuits.initial_weights(circuit, seed=1)

    return run


def with_connectivity(kind, **base):
    def run(**options):
        return with_projection(connectivity=kind(**{**base, **options}))

    return run


def with_maps(kind, **base):
    """Populations of the sizes that the connectivity joins."""

    def run(**options):
        maps = kind(**{**base, **options})
        inputs = np.random.default_rng(2).uniform(0.2, 1.0, (2, maps.n_pre))
        circuit = two_populations(
            maps.n_pre, maps.n_post, connectivity=maps, initial=Uniform(), steps=4
        )
        return circuits.present(circuit, {"input": inputs}, reads=[("output", "basal")])

    return run


def with_tied(**options):
    tied = Tied(**{"to": "feedforward", **options})
    rule = ActivityDifference(**RULE)
    back = {**BACK, "name": "back", "tied_to": tied}
    del back["initial"]
    other = Projection(**{**BACK, "field": "soma", "name": "other"})
    return seen(of((Projection(**FEEDFORWARD, rule=rule), Projection(**back), other)))


NETWORK = tiny_circuit(bias=True)
TASK = tiny_task(20, 10)


def halved(u):
    return 0.5 / (1.0 + math.exp(-u))


def with_network(**options):
    circuit = replace(NETWORK, **options)
    return circuits.train(circuit, TASK, epochs=1, threads=1, probe=4)


def with_feedforward(**options):
    return with_network(network=replace(NETWORK.network, **options))


def with_layer(**options):
    *below, last = NETWORK.network.layers
    last = last._replace(bias="")._replace(**options)
    return with_feedforward(layers=(*below, last))


def with_perturbation(**options):
    perturbation = Perturbation(**{"sigma": 0.1, "phases": ("early",), **options})
    rule = ActivityDifference(**RULE, **WINDOWS, presynaptic="xi")
    return with_projection(rule=rule, perturbation=perturbation)


def with_bounds(**options):
    circuit = urbanczik_senn(4, learning_rate=1e5, duration=50.0)
    options = {"bounds": (89.0, 91.0), **options}
    learning = replace(circuit.projections[0], **options)
    circuit = replace(circuit, projections=(learning, *circuit.projections[1:]))
    shown = {"input": np.full(4, 300.0), "exc": np.full(1, 20.0)}
    return circuits.simulate(circuit, shown, ["output"], learning=True)


SPLIT = circuits.Split(INPUTS, np.full((2, 4), 0.5), None, np.arange(2))
NOISY = sacramento_output(noise="white")
EVERY_PHASE = ("early", "late")
BATCHED = "sum"
MASK = np.eye(4, dtype=bool)
FIELDS = {
    "shape": [acts((6, 1)), refused((4, 2, 1))],
    "kernel": [acts((2, 1)), refused(5)],
    "channels": [acts((1, 2)), refused((0, 1))],
    "stride": [acts((2, 1)), refused(0)],
    "padding": [acts((1, 0), kernel=(2, 1)), refused(1)],
}

DOORS = [
    Door(
        ActivityDifference,
        with_rule,
        {
            "teaching": acts("apical"),
            "baseline": acts(None),
            "learning_rate": acts(0.02),
            "gain": acts("rate"),
            "presynaptic": acts("complement"),
            "moments": [acts(("late", "early")), refused(("now", "early"))],
            "gain_moment": acts("late", gain="rate", of_windows=True),
            "presynaptic_moments": acts(("late", "late"), of_windows=True),
            "low_pass": [acts(LowPass(5.0)), refused(LowPass(5.0), of_windows=True)],
            "batch": [acts("sum"), refused("median")],
            "average": [
                acts("products", gain="rate", of_windows=True),
                refused("products"),
                refused("median"),
            ],
            "modulator": [refused("rate"), refused("rate", low_pass=LowPass(5.0))],
            "momentum": [acts(0.9, of_windows=True), refused(0.9), refused(1.0)],
            "others": acts((ActivityDifference("rate", None, 0.01),)),
            "needs": refused(Needs(postsynaptic={"tau_soma": 1.0})),
        },
    ),
    Door(
        ActivityDifference,
        of_one_sample,
        {"modulator": [acts("rate"), refused("speed"), refused(2.0)]},
        name="ActivityDifference-one-sample",
    ),
    Door(
        LowPass,
        with_low_pass,
        {"tau": acts(10.0), "exact": acts(True), "read": acts("before")},
    ),
    Door(
        SynapticRule,
        with_synaptic,
        {
            "change": acts(hebb),
            "learning_rate": acts(0.02),
            "presynaptic": acts("complement"),
            "moment": [acts("early"), refused("never")],
            "needs": refused(Needs(postsynaptic={"tau_soma": 1.0})),
            "batch": [acts("sum"), refused("median")],
        },
    ),
    Door(
        Phase,
        with_phase,
        {
            "name": [shown("first"), refused("first", moments=EVERY_PHASE)],
            "duration": acts(10.0),
            "on": [acts(()), acts({"input": 0.5}), refused({"output": 1.0})],
            "hold": [acts({"output": ("basal",)}), refused({"output": ("axon",)})],
            "learning": acts(False),
            "lag": acts(2.0),
            "window": acts(4.0, moments=EVERY_PHASE),
            "settle": refused(("output",)),
            "relax": refused(("output",)),
            "advance": refused(("output",)),
            "sweeps": refused(5),
            "step": refused(0.5),
            "tolerance": refused(0.1),
            "times": refused(2),
            "silent": refused(("feedforward",)),
            "window_start": [
                refused(2.0),
                acts(2.0, window=None, moments=EVERY_PHASE),
            ],
        },
    ),
    Door(
        Phase,
        with_sweeps,
        {
            "relax": refused(("elsewhere",)),
            "settle": refused(("output",)),
            "on": [acts({"input": 2.0}), acts(())],
            "sweeps": acts(4),
            "step": [acts(0.5), refused(10.0)],
            "tolerance": [acts(0.05), refused(1e-9)],
            "silent": acts(("feedforward",)),
            "hold": acts({"output": ("basal",)}),
            "advance": refused(("output",)),
        },
        name="Phase-relax",
    ),
    Door(
        Phase,
        with_advance,
        {
            "advance": [acts(("output", "early")), refused(("input",))],
            "times": acts(3),
            "on": acts({"input": 2.0}),
            "silent": acts(("feedforward",)),
            "hold": acts({"output": ("soma",)}),
        },
        name="Phase-advance",
    ),
    Door(
        Schedule,
        with_schedule,
        {
            "phases": acts((Phase(**EARLY),)),
            "carry_state": acts(True),
            "always_on": [acts(("input",)), refused(("output",))],
        },
    ),
    Door(
        Population,
        with_population,
        {
            "name": refused("elsewhere"),
            "model": acts(OTHER),
            "size": acts(3),
            "pattern": refused(1.0),
            "noise": acts((0, 0, 1, 1), model=NOISY),
            "parameters": [
                acts({"tau_soma": Normal(10.0, 1.0, low=5.0)}),
                acts({"tau_soma": [8.0, 9.0, 10.0, 11.0]}),
                refused({"tau_soma": [10.0]}),
                refused({"tau": [10.0] * 4}),
            ],
        },
    ),
    Door(
        Population,
        with_source,
        {"pattern": acts(2.0), "size": acts(2)},
        name="Population-clamped",
    ),
    Door(
        Projection,
        with_projection,
        {
            "pre": [acts("output"), refused("elsewhere")],
            "post": refused("input"),
            "field": [acts("apical"), refused("axon")],
            "signal": [acts("complement"), refused("speed")],
            "connectivity": [acts("one_to_one"), acts(MASK), acts(0.5), refused(1.5)],
            "rule": acts(None),
            "plastic": acts(False),
            "initial": acts(Constant(0.5)),
            "tied_to": [refused(Tied("feedforward"))],
            "bounds": acts((0.2, 0.3), initial=Uniform(0.2, 0.3)),
            "sign": [
                acts(-1),
                acts(np.array([1, -1, 1, -1])),
                refused(-1, bounds=(0.2, 0.3)),
            ],
            "perturbation": [
                acts(Perturbation(0.1, phases=("early",))),
                refused(Perturbation(0.1, phases=("never",))),
            ],
            "clip": [refused("readout"), refused("readout", bounds=(0.0, 2.0))],
            "weight_decay": [
                acts(0.1),
                acts(0.1, rule=ActivityDifference(**RULE, **WINDOWS)),
                refused(1.1, rule=ActivityDifference(**RULE, **WINDOWS)),
                refused(0.1, rule=SynapticRule(oja)),
            ],
            "delay": [acts(2.0, pre="output"), refused(0.0, pre="output")],
            "name": acts("renamed"),
        },
    ),
    Door(
        Uniform,
        with_initial(Uniform),
        {
            "low": acts(0.0),
            "high": acts(2.0),
            "per_root_fan_in": acts(True),
            "share": acts(0.5),
        },
    ),
    Door(
        Normal,
        with_initial(Normal),
        {
            "mean": acts(1.0),
            "sd": [acts(2.0), refused(-1.0)],
            "low": [acts(0.0), refused(1.0, high=0.5)],
            "high": acts(0.5),
            "per_root_fan_in": acts(True),
        },
    ),
    Door(
        LogNormal,
        with_initial(LogNormal),
        {
            "mu": acts(1.0),
            "sigma": [acts(2.0), refused(-1.0)],
            "low": [acts(0.5), refused(-1.0)],
            "high": acts(2.0),
            "per_root_fan_in": acts(True),
        },
    ),
    Door(Constant, with_initial(Constant), {"value": acts(2.0)}),
    Door(
        ScaledCopy,
        with_initial(ScaledCopy, of="feedforward"),
        {"of": refused("none"), "factor": acts(2.0), "transpose": acts(True)},
    ),
    Door(
        Tied,
        with_tied,
        {
            "to": [acts("other"), refused("none")],
            "factor": acts(2.0),
            "transpose": acts(True),
            "noise": [acts(0.1, transpose=True), refused(0.1)],
            "function": [acts(sign), refused(math.log)],
            "times": [acts(Uniform(0.0, 1.0)), refused(np.ones(3))],
            "redraw": [acts(True, times=Uniform(0.0, 1.0)), refused(True)],
        },
    ),
    Door(
        Perturbation,
        with_perturbation,
        {
            "sigma": [acts(0.2), refused(0.0)],
            "kind": [acts("sign"), refused("uniform")],
            "phases": [acts({"early": -1.0}), refused(("never",)), refused(())],
        },
    ),
    Door(
        Circuit,
        with_circuit,
        {
            "populations": refused(()),
            "projections": acts((Projection(**{**FEEDFORWARD, "field": "apical"}),)),
            "schedule": acts(Schedule((Phase(**EARLY),))),
            "test_schedule": acts(Schedule((Phase(**EARLY),))),
            "output": refused("elsewhere"),
            "readout": acts("soma"),
            "readout_phase": [acts("early"), refused("never")],
            "dt": acts(0.25),
            "stepper": acts("heun"),
            "name": shown("another"),
            "seed": acts(3),
            "strict": refused(True, projections=()),
        },
    ),
    Door(
        Circuit,
        with_network,
        {"network": refused(None)},
        name="Circuit-network",
    ),
    Door(
        Feedforward,
        with_feedforward,
        {
            "layers": refused(()),
            "phi": acts((halved, *LOGISTIC[1:])),
            "loss": [acts("squared"), acts("cross_entropy"), refused("hinge")],
        },
    ),
    Door(Dense, with_connectivity(Dense), {}),
    Door(OneToOne, with_connectivity(OneToOne), {}),
    Door(
        Sparse,
        with_connectivity(Sparse, mask=MASK),
        {"mask": [acts(~MASK), refused(MASK[:3])]},
    ),
    Door(
        Random,
        with_connectivity(Random, probability=0.5),
        {"probability": [acts(0.4), refused(-0.1)]},
    ),
    Door(
        Convolution,
        with_maps(Convolution, shape=(4, 1), kernel=(1, 1)),
        FIELDS,
    ),
    Door(
        LocallyConnected,
        with_maps(LocallyConnected, shape=(4, 1), kernel=(1, 1)),
        FIELDS,
    ),
    Door(
        Pooling,
        with_maps(Pooling, shape=(4, 1), kernel=(2, 1)),
        {
            "shape": [acts((6, 1)), refused((4, 2, 1))],
            "kernel": [acts((4, 1)), refused(5)],
            "channels": [acts(2), refused((1, 2))],
            "stride": [acts((1, 1)), refused(0)],
            "padding": [acts((1, 0)), refused(2)],
        },
    ),
    Door(
        Shared,
        with_maps(Shared, post=(0, 1, 1), pre=(0, 1, 2), slots=(0, 1, 0)),
        {
            "post": [acts((1, 1, 0)), refused((0, 1))],
            "pre": [acts((2, 1, 1)), refused((0, -1, 0))],
            "slots": [acts((0, 0, 0)), refused((0, 2, 0))],
        },
    ),
    Door(
        Transposed,
        with_maps(Transposed, of=Convolution((2, 1), (1, 1))),
        {"of": [acts(Convolution((3, 1), (1, 1))), refused(Dense())]},
    ),
    Door(
        Layer,
        with_layer,
        {
            "population": refused("hidden1"),
            "projection": refused("input_to_hidden1_basal"),
            "attenuation": acts(0.5),
            "update_scale": shown(0.5),
            "bias": acts("bias_to_output_basal"),
            "phi": [
                acts((halved, halved, LOGISTIC[2])),
                refused("softmax"),
                refused("tanh"),
            ],
        },
    ),
    Door(
        Projection,
        with_bounds,
        {"clip": acts("readout"), "bounds": acts((88.0, 92.0))},
        name="Projection-spikes",
    ),
]
