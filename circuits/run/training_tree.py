"""The labelled result of a training run."""

import numpy as np

from circuits.checkpoint import state_sha256
from circuits.run.from_run import ATTRIBUTE, circuit_json
from circuits.run.history import MAIN
from circuits.run.session import Session
from circuits.run.stored_parameters import parameter_groups
from circuits.run.stored_weights import weight_group
from dendrites.dataset import group, run_tree
from dendrites.provenance import now


def training_tree(session: Session, config: dict, *, created: str, **root):
    """Everything a session measured, as a run tree.

    Groups: ``training`` (the circuit), ``controls/<name>`` (further replicas),
    ``diagnostics``, ``weights/<projection>`` (start and end), ``predictions/<split>``.
    """
    options, circuit = session.options, session.circuit
    done = len(session.history.epochs)
    ended = {"ended_by": root.pop("ended_by")} if "ended_by" in root else {}
    groups = {"/training": _curves(session, MAIN, with_time=True)}
    groups |= parameter_groups(circuit)
    for name in session.names[1:]:
        groups[f"/controls/{name}"] = _curves(session, name)
    if session.history.updates:
        groups["/diagnostics"] = _diagnostics(session)
    final = session.trainer.weights(0)
    for p in circuit.projections:
        if p.learns:
            groups[f"/weights/{p.name}"] = _weights(session, p, final[p.name], done)
    for split, rates in session.predictions.items():
        groups[f"/predictions/{split}"] = _predictions(session, split, rates, done)
    payload = {
        name: session.trainer.flat_weights(k) for k, name in enumerate(session.names)
    }
    return run_tree(
        "training",
        config,
        groups,
        title=root.pop("title", f"{circuit.name} on {session.task.name}"),
        integrator=session.integrator,
        dt_ms=circuit.dt,
        dtype=options.run.dtype,
        seed=options.run.seed,
        n_epochs=options.epochs,
        n_threads=options.run.threads,
        created_utc=created,
        complete=done == options.epochs,
        data_sources=session.task.sources,
        extra={
            "finished_utc": now() if done == options.epochs else "",
            "state_sha256": state_sha256(payload),
            **ended,
            ATTRIBUTE: circuit_json(circuit),
            "loss_reference": circuit.network.loss_formula if circuit.network else "",
        },
        **root,
    )


def _curves(session, name, with_time=False):
    rows = session.history.epochs
    splits = list(session.tested_splits())
    variables = {}
    texts = {
        "loss": "squared error of output rates, summed over outputs",
        "error_rate": "share of examples with a wrong class",
    }
    for quantity, text in texts.items():
        keys = [f"{name}/{split}/{quantity}" for split in splits]
        if all(key in row for row in rows for key in keys) and rows:
            values = np.array([[row[key] for key in keys] for row in rows], float)
            variables[quantity] = (("epoch", "split"), values, "1", text)
    if "error_rate" in variables:
        accuracy = 1.0 - variables["error_rate"][1]
        variables["accuracy"] = (("epoch", "split"), accuracy, "1")
    if with_time:
        times = np.array([row["wall_time"] for row in rows], float)
        variables["wall_time"] = (("epoch",), times, "s", "training, without tests")
        for key in [k for k in (rows[0] if rows else ()) if k.startswith("sweeps_")]:
            counts = np.array([row[key] for row in rows], float)
            text = "sweeps until an example was at rest, mean over the epoch"
            variables[key] = (("epoch",), counts, "1", text)
    coordinates = {"epoch": np.arange(1, len(rows) + 1), "split": splits}
    if session.options.stages:
        coordinates["stage"] = ("epoch", session.course.of_epochs(len(rows)))
    return group(variables, coordinates)


def _diagnostics(session):
    rows = session.history.updates
    variables, coordinates, attributes = {}, {}, {}
    for probe in session.options.probes:
        found = probe.labelled(session.circuit, rows)
        variables |= found[0]
        coordinates |= found[1]
        attributes |= found[2]
    seen = np.array([int(row["examples_seen"]) for row in rows])
    coordinates |= {
        "update": np.arange(len(rows)),
        "epoch_at": ("update", np.array([int(row["epoch_at"]) for row in rows])),
        "examples_seen": ("update", seen),
    }
    return group(variables, coordinates, **attributes)


def _weights(session, projection, final, done):
    return weight_group(
        projection,
        "snapshot",
        [session.start[projection.name], final],
        {"snapshot": np.arange(2), "epoch_at": ("snapshot", np.array([0, done]))},
        rule=type(projection.rule).__name__,
        plastic=1,
    )


def _predictions(session, split, rates, done):
    examples = session.tested_splits()[split]
    score = (("snapshot", "example", "class"), rates[None], "1", "output rate")
    variables = {"score": score}
    if examples.labels is not None:
        variables["target"] = (("example",), examples.labels, "1")
        variables["prediction"] = (
            ("snapshot", "example"),
            rates.argmax(axis=1)[None].astype(np.int64),
            "1",
        )
    return group(
        variables,
        {
            "snapshot": np.arange(1),
            "epoch_at": ("snapshot", np.array([done])),
            "example": np.asarray(examples.index),
            "class": np.arange(rates.shape[1]),
        },
    )
