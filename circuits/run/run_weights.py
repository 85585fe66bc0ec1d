"""What a run says of the weights to evaluate, and how."""

import json
import os
from collections.abc import Mapping

from circuits.checkpoint import state_sha256
from circuits.circuit import Circuit
from circuits.integrators import EQUILIBRIUM, Equilibrium, Exact
from circuits.run.from_run import last_weights
from circuits.synapses import numbers_of
from circuits.weights import initial_weights
from dendrites._checks import mapping, shown, whole_number
from dendrites.dataset import open_run
from dendrites.errors import ConfigError, DataError, ModelError, StorageError


def told_by_run(circuit: Circuit, run, snapshot: int | None) -> dict:
    """Options of `run_options`: weights and, of a run, its seed, numbers, integrator.

    Raises
    ------
    ConfigError
        If it is none of `circuits.train`, or of another circuit.
    """
    if isinstance(run, (str, os.PathLike)):
        try:
            run = open_run(run)
        except (DataError, StorageError) as error:
            text = f"evaluate: run = {shown(str(run))}: {error}"
            raise type(error)(text) from None
    attributes = getattr(run, "attrs", None)
    if not isinstance(attributes, Mapping):
        if isinstance(run, Mapping):
            if snapshot is not None:
                raise ConfigError(
                    f"evaluate: snapshot = {shown(snapshot)}: weights that are given "
                    "are one moment; leave it out, or give the run"
                )
            return {"weights": mapping("evaluate: run", run, "weights by projection")}
        raise ConfigError(
            f"evaluate: run = {shown(run)}: give the run tree of circuits.train or its "
            "file, the weights of a trained circuit by projection, or {} for the "
            "circuit's initial ones"
        )
    if attributes.get("kind") != "training" or "weights" not in run.children:
        raise ConfigError(
            f"evaluate: run is a tree of kind {attributes.get('kind')!r}, and only "
            "runs of circuits.train hold weights of a training"
        )
    config, seed = json.loads(attributes["config_json"]), int(attributes["seed"])
    groups = run["weights"].children
    n = min(node.sizes["snapshot"] for node in groups.values())
    k = -1 if snapshot is None else snapshot
    k = whole_number("evaluate: snapshot", k, lowest=-n, highest=n - 1)
    start = _start(circuit, groups, seed, config)
    tied = {p.name for p in circuit.projections if p.tied_to is not None}
    weights = {name: w for name, w in start.items() if name not in tied}
    weights |= {name: last_weights(node, k) for name, node in groups.items()}
    told = {"weights": weights, "seed": seed, "dtype": attributes["dtype"]}
    return told | {"integrator": _integrator(config)}


def _start(circuit, groups, seed, config):
    """All weights at the start of the run; those that never move are in no group."""
    try:
        given = {name: last_weights(node, 0) for name, node in groups.items()}
        start = initial_weights(circuit, seed=seed, given=given)
    except ModelError as error:
        raise ConfigError(
            f"evaluate: the run is one of another circuit: {error}"
        ) from None
    digest = state_sha256({name: numbers_of(w) for name, w in start.items()})
    if digest != config.get("initial_weights_sha256", digest):
        raise ConfigError(
            "evaluate: with this circuit the run would have begun with other weights: "
            "its circuit was another (circuits.from_run makes it again), or it was "
            "given weights that never moved, which are not in its tree. Give all of "
            "them as a mapping, with circuits.final_weights(run)"
        )
    return start


def _integrator(config):
    """As far as it matters where weights stand still."""
    if config.get("integrator") == EQUILIBRIUM:
        return Equilibrium(config.get("jumps") or None, onset=config.get("onset"))
    return Exact()
