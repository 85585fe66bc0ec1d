"""The circuit of the digits experiment, and what is looked at in it."""

import math
from dataclasses import replace

import numpy as np

import circuits
from circuits.algorithms import sacramento
from dendrites.dataset import population_dataset
from dendrites.errors import ConfigError
from experiments.microcircuit.image_circuit import initial

SETTLED = 7.5  # ms, and the step it ends in
SHOWN = 12.5


def digits_circuit(
    task,
    *,
    hidden,
    learning_rate,
    hidden_rate,
    interneuron_rate,
    g_teacher,
    top_feedback,
    hidden_feedback,
    start,
    filter_tau,
    presentation,
    learning_lag,
    dt,
    seed,
):
    """The circuit of the experiment, with the weights it starts from.

    Rates are per presentation. Published conductances but for the teacher's, and
    interneuron dendrites matched to the layer above, so that every hidden layer stays
    silent while an image settles.

    Parameters
    ----------
    task : Task
        Its mean training image centres the start.
    hidden_rate : sequence of float
        One for all hidden layers, or one for each.
    interneuron_rate : float or None
        None: the rate at which interneurons take the steps of what they mirror.
    start : {"centred", "plain"}
        As in `image_circuit.initial`; plain has no thresholds.
    filter_tau : float
        0: none. The published 30 ms are a third of the published presentation; over one
        of 9 ms, of which plasticity acts for 0.9, they would be a mean of 30 batches.
    """
    learning_time = presentation - learning_lag
    if not learning_time > 0:
        raise ConfigError(
            f"learning_lag = {learning_lag:g} ms leaves nothing of a presentation of "
            f"{presentation:g} ms"
        )
    circuit = sacramento(
        [task.n_inputs, *hidden, task.n_outputs],
        learning_rate=learning_rate / learning_time,
        hidden_rate=hidden_rate[0] if len(hidden_rate) == 1 else hidden_rate,
        interneuron_rate="matched"
        if interneuron_rate is None
        else interneuron_rate / learning_time,
        presentation=presentation,
        learning_lag=learning_lag,
        test_presentation=_whole_steps(SETTLED, dt),
        g_dendrite="matched",
        g_output_nudge=g_teacher,
        bias=start == "centred",
        filter_tau=filter_tau or None,
        dt=dt,
        seed=seed,
    )
    given = initial(
        circuit,
        task,
        top_feedback=top_feedback,
        hidden_feedback=hidden_feedback,
        start=start,
        seed=seed,
    )
    return replace(
        circuit,
        projections=tuple(
            replace(p, initial=given[p.name]) if p.name in given else p
            for p in circuit.projections
        ),
    )


def stored_weights(tree, snapshot: int) -> dict:
    """Weights (n_post, n_pre) of a training run: snapshot 0 its start, -1 its end."""
    return {
        name: node.to_dataset().w.values[snapshot]
        for name, node in tree["weights"].children.items()
    }


def apical_traces(circuit, tree, task, *, example: int = 0):
    """Potentials of the first hidden layer for one test image.

    Returns
    -------
    xarray.Dataset
        ``v`` (condition, time, compartment, unit): without and with the teacher,
        before and after training.
    """
    test = task.splits["test"]
    duration = _whole_steps(SHOWN, circuit.dt)
    traces = {}
    for when, snapshot in (("before", 0), ("after", -1)):
        weights = stored_weights(tree, snapshot)
        for teacher, on in (("without", ("input",)), ("with", ("input", "target"))):
            on = (*on, *(p.name for p in circuit.populations if p.name == "bias"))
            phase = circuits.Phase("shown", duration, on=on, learning=False)
            shown = circuits.simulate(
                circuit,
                {"input": test.inputs[example], "target": test.targets[example]},
                ["hidden1"],
                weights=weights,
                schedule=circuits.Schedule((phase,)),
            )
            name = f"{teacher} teacher, {when} training"
            traces[name] = shown["populations/hidden1"].to_dataset()
    first = next(iter(traces.values()))
    return population_dataset(
        first.step.values,
        circuit.dt,
        np.stack([trace.v.values for trace in traces.values()]),
        [str(name) for name in first.compartment.values],
        first.unit.values,
        v_units="1",
        leading=("condition", [*traces]),
    )


def _whole_steps(time, dt):
    return math.ceil(time / dt) * dt
