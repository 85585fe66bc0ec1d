"""The labelled result of a training run."""

from datetime import UTC, datetime

import numpy as np

from circuits.checkpoint import state_sha256
from circuits.gradient import LOSS
from circuits.session import MAIN, Session
from dendrites.dataset import group, run_tree


def now() -> str:
    """This moment, as the schema writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def training_tree(session: Session, config: dict, *, created: str, **root):
    """Everything a session measured, as a run tree.

    Groups: ``training`` (the circuit), ``controls/<name>`` (further replicas),
    ``diagnostics``, ``weights/<projection>`` (start and end), ``predictions/<split>``.
    """
    options, circuit = session.options, session.circuit
    done = len(session.history.epochs)
    groups = {"/training": _curves(session, MAIN, with_time=True)}
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
    n_weights = session.trainer.plan.tables.filter
    payload = {
        name: replica[:n_weights]
        for name, replica in zip(session.names, session.trainer.replicas, strict=True)
    }
    return run_tree(
        "training",
        config,
        groups,
        title=root.pop("title", f"{circuit.name} on {session.task.name}"),
        integrator=session.integrator,
        dt_ms=circuit.dt,
        dtype=np.dtype(options.dtype).name,
        seed=options.seed,
        n_epochs=options.epochs,
        n_threads=options.threads,
        created_utc=created,
        complete=done == options.epochs,
        data_sources=session.task.sources,
        extra={
            "finished_utc": now() if done == options.epochs else "",
            "state_sha256": state_sha256(payload),
            "loss_reference": LOSS,
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
    epochs = np.arange(1, len(rows) + 1)
    return group(variables, {"epoch": epochs, "split": splits})


_DIAGNOSTICS = {
    "angle_to_bp": ("angle", "degree"),
    "cosine_to_bp": ("cosine", "1"),
    "update_norm": ("norm", "1"),
    "bp_norm": ("reference_norm", "1"),
    "size_ratio": ("size_ratio", "1"),
    "sign_agreement": ("sign_agreement", "1"),
}


def _diagnostics(session):
    rows = session.history.updates
    layers = [layer.population for layer in session.circuit.layers]
    silent = [key for key in rows[0] if str(key).endswith("/sps_residual")]
    variables = {
        name: (
            ("update", "layer"),
            np.array([[row[f"{layer}/{key}"] for layer in layers] for row in rows]),
            units,
        )
        for name, (key, units) in _DIAGNOSTICS.items()
    }
    variables["sps_residual"] = (
        ("update", "hidden_layer"),
        np.array([[row[key] for key in silent] for row in rows]),
        "1",
        "root mean square of apical potentials without a teacher",
    )
    if "drift" in rows[0]:
        variables["drift"] = (
            ("update",),
            np.array([row["drift"] for row in rows]),
            "1",
            "relative distance of an update from that with twice the jumps",
        )
    return group(
        variables,
        {
            "update": np.arange(len(rows)),
            "layer": layers,
            "hidden_layer": [key.split("/")[0] for key in silent],
            "epoch_at": ("update", np.array([int(row["epoch_at"]) for row in rows])),
            "examples_seen": (
                "update",
                np.array([int(row["examples_seen"]) for row in rows]),
            ),
        },
        reference=LOSS,
    )


def _weights(session, projection, final, done):
    start = session.start[projection.name]
    return group(
        {"w": (("snapshot", "post", "pre"), np.stack([start, final]), "1")},
        {
            "snapshot": np.arange(2),
            "epoch_at": ("snapshot", np.array([0, done])),
            "post": np.arange(final.shape[0]),
            "pre": np.arange(final.shape[1]),
        },
        pre_population=projection.pre,
        post_population=projection.post,
        target_compartment=projection.field,
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
