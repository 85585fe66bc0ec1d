"""Options of the microcircuit: layer by layer, biases, learned feedback, refusals."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from reference import two_sweep_twin as sweeps
from reference.microcircuit_twin import MicrocircuitTwin
from systems import (
    LEARNING,
    layer_names,
    patterns,
    plastic_microcircuit,
    run,
    twin_of,
)

from circuits.gradient import negative_gradient
from circuits.initialisers import ScaledCopy, Uniform
from circuits.microcircuit import microcircuit
from circuits.run.presenter import Presenter
from circuits.schedule import Schedule
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites.errors import ModelError

SIZES = [6, 5, 4, 3]
UNEQUAL = {
    "g_leak": 0.13,
    "g_basal": 1.1,
    "g_output_nudge": 0.7,
    "g_apical": [0.3, 0.9],
    "g_dendrite": [1.7, 0.8],
    "g_interneuron_nudge": [0.6, 1.1],
}
RATES = {
    "basal_rates": [0.02, 0.03, 0.01],
    "interneuron_rates": [0.04, 0.02],
    "apical_rates": [0.01, 0.03],
    "top_down_rates": [0.02, 0.01],
}


def shown(batch=2, seed=0):
    inputs, targets, potentials = patterns(SIZES, batch=batch, seed=seed)
    on = {"input": inputs, "target": targets, "bias": np.ones((batch, 1))}
    return on, inputs, potentials


def names_of(circuit):
    """Projections under the twin's names of their weights."""
    names, field = layer_names(3), "apical"
    if any(p.field == "top_down" for p in circuit.projections):
        field = "top_down"
    return {
        "W": [f"{pre}_to_{post}_basal" for pre, post in pairwise(names)],
        "b": [f"bias_to_{post}_basal" for post in names[1:]],
        "B": [f"{names[k + 1]}_to_{names[k]}_{field}" for k in (1, 2)],
        "WIP": [f"{names[k]}_to_interneuron{k}_dendrite" for k in (1, 2)],
        "bI": [f"bias_to_interneuron{k}_dendrite" for k in (1, 2)],
        "WPI": [f"interneuron{k}_to_{names[k]}_apical" for k in (1, 2)],
    }


def twin_weights(circuit, weights):
    arrays = {
        key: [weights[n] for n in names] for key, names in names_of(circuit).items()
    }
    arrays |= {key: [b[:, 0] for b in arrays[key]] for key in ("b", "bI")}
    return sweeps.Weights(**arrays)


def start_of(circuit, seed=3):
    """Random weights and biases, which copies follow."""
    rng = np.random.default_rng(seed)
    given = {
        p.name: rng.uniform(-1.0, 1.0, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.is_dense and not isinstance(p.initial, ScaledCopy)
    }
    return initial_weights(circuit, given=given)


def read_outs(presenter):
    """Somata, then dendrites, under the twin's names."""

    def read(names, field):
        return [presenter.read(name, field) for name in names]

    pyramidal, inter = layer_names(3)[1:], ["interneuron1", "interneuron2"]
    return {
        "u": read(pyramidal, "soma"),
        "uI": read(inter, "soma"),
        "vA": read(pyramidal[:-1], "apical"),
        "vB": read(pyramidal, "basal"),
        "vI": read(inter, "dendrite"),
    }


def largest(mine, wanted):
    return max(float(np.abs(x - y).max()) for x, y in zip(mine, wanted, strict=True))


# --- every conductance and bias -------------------------------------------------------


@pytest.mark.parametrize("top_down", [0.0, [0.0, 0.1], 0.1])
def test_cells_of_unequal_layers_settle_where_the_twin_says(top_down):
    circuit = microcircuit(
        SIZES,
        bias=True,
        self_predicting=False,
        top_down_rates=top_down,
        presentation=200.0,
        **UNEQUAL,
    )
    names = names_of(circuit)
    if top_down == [0.0, 0.1]:
        names["B"][0] = "hidden2_to_hidden1_apical"
    weights = start_of(circuit)
    arrays = {key: [weights[n] for n in group] for key, group in names.items()}
    arrays |= {key: [b[:, 0] for b in arrays[key]] for key in ("b", "bI")}
    g = sweeps.conductances(3, **UNEQUAL)
    on, inputs, targets = shown()
    wanted = sweeps.fixed_point(sweeps.Weights(**arrays), g, inputs, targets)
    presenter = run(circuit, on, weights=weights, learning=False)
    for name, values in read_outs(presenter).items():
        # the twin's iteration ends 1e-13 of the potentials' scale off
        assert largest(values, getattr(wanted, name)) < 1e-11


@pytest.mark.parametrize("batch", [1, 3])
def test_every_rate_of_every_layer_moves_weights_and_biases_as_the_twin_says(batch):
    steps = 25
    circuit = microcircuit(
        SIZES,
        bias=True,
        self_predicting=False,
        filter_tau=None,
        presentation=0.1 * steps,
        **RATES,
        **UNEQUAL,
    )
    weights = start_of(circuit)
    g = sweeps.conductances(3, **UNEQUAL)
    on, inputs, targets = shown(batch)
    # Cells at their fixed point in every step: only rules and rates are compared.
    presenter = run(circuit, on, weights=weights, jumps=steps, onset=0.0)
    eta = {
        "W": RATES["basal_rates"],
        "b": RATES["basal_rates"],
        "WIP": RATES["interneuron_rates"],
        "bI": RATES["interneuron_rates"],
        "WPI": RATES["apical_rates"],
        "B": RATES["top_down_rates"],
    }
    wanted = start = twin_weights(circuit, weights)
    for _ in range(steps):
        settled = sweeps.fixed_point(wanted, g, inputs, targets)
        change = sweeps.changes(wanted, g, settled)
        moved = {
            name: [
                w + 0.1 * rate * d
                for w, rate, d in zip(
                    getattr(wanted, name), eta[name], getattr(change, name), strict=True
                )
            ]
            for name in eta
        }
        wanted = sweeps.Weights(**moved)
    got = twin_weights(circuit, presenter.weights())
    for name in eta:
        # cells settle to 1e-10, and weights move by at most 0.1 of their error
        assert largest(getattr(got, name), getattr(wanted, name)) < 1e-10
        for w, before in zip(getattr(wanted, name), getattr(start, name), strict=True):
            assert np.abs(w - before).max() > 1e-4


@pytest.mark.parametrize("form", ["continuous", "two_sweep"])
def test_a_self_predicting_circuit_of_any_conductances_is_silent_at_rest(form):
    circuit = microcircuit(SIZES, form=form, bias=True, **UNEQUAL)
    weights, (on, inputs, _) = start_of(circuit), shown()
    sources = ("input", "bias")
    phases = [replace(phase, on=sources) for phase in circuit.schedule.phases]
    presenter = run(
        circuit.with_schedule(Schedule(tuple(phases))),
        on,
        weights=weights,
        learning=False,
    )
    g, w, rate = (
        sweeps.conductances(3, **UNEQUAL),
        twin_weights(circuit, weights),
        inputs,
    )
    found = read_outs(presenter)
    assert largest(found["vA"], [0.0 * v for v in found["vA"]]) < 1e-12
    for k in (1, 2, 3):
        u = g.a(k) * (rate @ w.W[k - 1].T + w.b[k - 1])
        rate = sweeps.logistic(u)
        assert np.abs(found["u"][k - 1] - u).max() < 1e-12
    # and not for want of an apical input
    assert np.abs(w.B[0]).min() > 0.0


def test_matched_dendrites_of_unequal_layers_are_silent_while_inputs_change():
    unequal = {**UNEQUAL, "g_dendrite": "matched"}
    circuit = microcircuit(SIZES, bias=True, **unequal)
    dendrites = [circuit.model(f"interneuron{k}").parameters.g_dendrite for k in (1, 2)]
    assert dendrites == [1.1 + 0.9, 1.1]
    (phase,) = circuit.test_schedule.phases
    step = Schedule((replace(phase, duration=0.1),), carry_state=True)
    peak = 0.0
    with serial_blas():
        presenter = Presenter(circuit, weights=start_of(circuit), batch=2)
        for seed in (1, 2):
            for _ in range(40):
                presenter.present(shown(seed=seed)[0], step, learning=False)
                for k in (1, 2):
                    apical = presenter.read(f"hidden{k}", "apical")
                    peak = max(peak, float(np.abs(apical).max()))
    assert peak < 1e-12


def test_a_bias_learns_as_the_weight_of_an_input_that_is_always_one():
    # Only that of the first layer, whose input the twin can be given.
    later = layer_names(3)[2:]
    steps = 300
    circuit = plastic_microcircuit(SIZES, steps=steps, bias=True).frozen(
        *(f"bias_to_{name}_basal" for name in later),
        *(f"bias_to_interneuron{k}_dendrite" for k in (1, 2)),
    )
    plain = plastic_microcircuit([SIZES[0] + 1, *SIZES[1:]], steps=steps)
    weights = initial_weights(circuit, seed=3)
    first, bias = "input_to_hidden1_basal", "bias_to_hidden1_basal"
    weights[bias] = np.linspace(-1.0, 1.0, SIZES[1])[:, None]
    wide = {name: w for name, w in weights.items() if not name.startswith("bias")}
    wide[first] = np.hstack([weights[first], weights[bias]])
    for batch in (1, 3):
        on, inputs, targets = shown(batch)
        twin = twin_of(plain, wide, LEARNING, batch=batch)
        twin.run(np.hstack([inputs, np.ones((batch, 1))]), targets, steps)
        presenter = run(circuit, on, weights=weights)
        got = presenter.weights()
        mine = np.hstack([got[first], got[bias]])
        assert np.abs(mine - twin.W[0]).max() < 1e-12
        assert np.abs(got["hidden2_to_output_basal"] - twin.W[2]).max() < 1e-12
        assert np.abs(got[bias] - weights[bias]).max() > 1e-3


# --- learned feedback -----------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("tau", [None, 30.0])
def test_plastic_top_down_weights_equal_the_twin_step_by_step(tau, batch):
    rates = {"W": [0.01] * 3, "WIP": [0.02] * 2, "WPI": [0.01] * 2, "B": [0.02, 0.03]}
    circuit = plastic_microcircuit(
        SIZES, steps=300, filter_tau=tau, top_down_rates=rates["B"]
    )
    weights = initial_weights(circuit, seed=3)
    names = {k: v for k, v in names_of(circuit).items() if k in rates}
    on, inputs, targets = shown(batch)
    del on["bias"]
    twin = twin_of_all(circuit, weights, names, rates, tau or 0.0, batch)
    twin.run(inputs, targets, 300)
    got = run(circuit, on, weights=weights).weights()
    for key, group in names.items():
        for name, w in zip(group, getattr(twin, key), strict=True):
            assert np.abs(got[name] - w).max() < 1e-12
            assert np.abs(w - weights[name]).max() > 1e-3


def twin_of_all(circuit, weights, names, rates, tau, batch):
    arrays = {key: [weights[name] for name in group] for key, group in names.items()}
    options = {"dt": circuit.dt, "eta": rates, "tau_filter": tau, "batch": batch}
    return MicrocircuitTwin(SIZES, arrays, **options)


def test_only_layers_that_learn_their_feedback_have_a_split_apical_tree():
    circuit = microcircuit(SIZES, top_down_rates=[0.0, 0.1])
    fields = {p.name: p.field for p in circuit.projections}
    assert fields["hidden2_to_hidden1_apical"] == "apical"
    assert fields["output_to_hidden2_top_down"] == "top_down"
    assert "top_down" not in circuit.model("hidden1").state._fields
    assert "top_down" in circuit.model("hidden2").state._fields
    rules = {p.name: p.rule for p in circuit.projections}
    assert rules["hidden2_to_hidden1_apical"] is None
    assert rules["output_to_hidden2_top_down"].learning_rate == 0.1


def test_a_split_apical_tree_without_learning_changes_no_potential():
    on, *_ = shown()
    del on["bias"]
    results = []
    for rate in (0.0, 0.1):
        circuit = microcircuit(SIZES, top_down_rates=rate, presentation=20.0)
        weights = {
            p.name: np.random.default_rng(k).uniform(
                -1.0, 1.0, circuit.weights_shape(p.name)
            )
            for k, p in enumerate(circuit.projections)
            if p.is_dense
        }
        start = initial_weights(circuit, given=weights)
        results.append(read_outs(run(circuit, on, weights=start, learning=False)))
    for name, values in results[0].items():
        assert largest(values, results[1][name]) < 1e-14


# --- the gradient ---------------------------------------------------------------------


@pytest.mark.parametrize("form", ["two_sweep", "equilibrium"])
def test_updates_are_the_gradient_times_the_scale_of_their_layer(form):
    # With unequal layers and biases, and feedback through the transposed weights.
    nudge = 1e-4
    options = {**UNEQUAL, "g_output_nudge": nudge, "bias": True, "basal_rates": 1e-3}
    circuit = microcircuit(
        SIZES,
        form="continuous" if form == "equilibrium" else form,
        filter_tau=None,
        presentation=0.1 if form == "equilibrium" else None,
        **options,
    )
    weights = start_of(circuit)
    given = {name: w for name, w in weights.items() if name.endswith("basal")}
    for here, above in pairwise(layer_names(3)[1:]):
        name = f"{here}_to_{above}_basal"
        given[f"{above}_to_{here}_apical"] = weights[name].T
    start = initial_weights(circuit, given=given)
    on, inputs, _ = shown(4)
    settle = {"jumps": 1, "onset": 0.0} if form == "equilibrium" else {}
    after = run(circuit, on, weights=start, **settle).weights()
    wanted = negative_gradient(circuit, start, inputs, on["target"])
    rate = 1e-3 * (0.1 if form == "equilibrium" else 1.0)
    lam = nudge / (0.13 + 1.1 + nudge)
    for layer in circuit.network.layers:
        change = (after[layer.projection] - start[layer.projection]) / rate
        gradient = wanted[layer.projection]
        ratio = np.vdot(change, gradient) / np.vdot(gradient, gradient)
        # of first order in lamN = 8e-5, with a factor of a few
        assert ratio == pytest.approx(layer.update_scale, rel=10.0 * lam)
        across = np.linalg.norm(change - ratio * gradient)
        assert across < 10.0 * lam * np.linalg.norm(change)


# --- what the builder makes, and what it refuses --------------------------------------


def test_one_number_stands_for_every_layer():
    rates = {"basal_rates": 0.1, "interneuron_rates": 0.2, "apical_rates": 0.3}
    one = microcircuit(SIZES, top_down_rates=0.4, **rates)
    each = microcircuit(
        SIZES,
        basal_rates=[0.1] * 3,
        interneuron_rates=(0.2, 0.2),
        apical_rates=np.full(2, 0.3),
        top_down_rates=[0.4, 0.4],
    )
    pairs = [
        [(p.name, p.rule and p.rule.learning_rate) for p in c.projections]
        for c in (one, each)
    ]
    assert pairs[0] == pairs[1]


def test_times_of_a_presentation_are_those_asked_for():
    circuit = microcircuit(
        SIZES,
        presentation=50.0,
        learning_lag=20.0,
        test_presentation=10.0,
        carry_state=True,
    )
    (taught,), (free,) = circuit.schedule.phases, circuit.test_schedule.phases
    assert (taught.duration, taught.lag, free.duration) == (50.0, 20.0, 10.0)
    assert "target" in taught.on
    assert "target" not in free.on
    assert not free.learning
    assert circuit.schedule.carry_state
    assert not circuit.test_schedule.carry_state


def test_lateral_weights_that_do_not_predict_are_drawn_like_basal_ones():
    drawn = microcircuit(SIZES, self_predicting=False, basal_initial=Uniform(2.0, 3.0))
    for name, w in initial_weights(drawn).items():
        if "interneuron" in name and drawn.projection(name).is_dense:
            assert ((w >= 2.0) & (w <= 3.0)).all()


REFUSED = [
    ({"form": "two_sweeps"}, "form = .*: did you mean 'two_sweep'"),
    ({"form": "two_sweep", "noise": "white"}, "takes no time: leave out noise"),
    *(
        (
            {"form": "two_sweep", name: value},
            f"{name} = {value}.*takes no time: leave out {name}",
        )
        for name, value in (
            ("filter_tau", 30.0),
            ("presentation", 100.0),
            ("learning_lag", 0.0),
            ("test_presentation", 50.0),
        )
    ),
    (
        {"basal_rates": [0.1, 0.1]},
        "basal_rates has 2 values, must have one number or 3",
    ),
    ({"apical_rates": [0.1] * 3}, "apical_rates has 3 values.*one number or 2"),
    ({"top_down_rates": [0.1, -0.1]}, r"top_down_rates\[1\] = -0.1"),
    ({"interneuron_rates": float("nan")}, r"interneuron_rates\[0\] = nan"),
    ({"g_apical": [0.8]}, "g_apical has 1 values, must have one number or 2"),
    ({"g_interneuron_nudge": [0.8, -1.0]}, r"g_interneuron_nudge\[1\] = -1.0"),
    ({"g_dendrite": "equal"}, "g_dendrite = 'equal'.*or 'matched'"),
    ({"filter_tau": 0.05}, "tau = 0.05 ms, which must exceed dt"),
    ({"learning_lag": 200.0}, "lag = 200 ms is longer than the phase"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED, ids=[t[:30] for _, t in REFUSED])
def test_an_impossible_option_is_refused(options, text):
    with pytest.raises(ModelError, match=text):
        circuit = microcircuit(SIZES, **{"basal_rates": 0.1, **options})
        run(circuit, {k: v for k, v in shown()[0].items() if k != "bias"})
