"""Memory of a run, known before any is taken, and the layout that it follows from."""

import os

import numpy as np

from circuits.connectivity import Edges
from circuits.engine.facts import REMEMBERED
from circuits.engine.layout import Layout
from circuits.engine.recorder import recorded_bytes
from circuits.shared_weights import Shared
from dendrites._memory import check_memory

CHUNK = 64


def run_layout(
    circuit,
    *,
    batch=1,
    block=1,
    chunk=CHUNK,
    jumps=None,
    dtype=np.float64,
    recordings=(),
    steps=0,
    forced=(),
    driven=(),
    optimiser=None,
    narrow=False,
    looks=None,
    schedules=(),
) -> Layout:
    """The layout of a run.

    Parameters
    ----------
    circuit : Circuit
    batch : int
        Largest number of samples shown side by side.
    block : int
        Steps per block of the `blocked` integrator; 1 is `exact`.
    chunk : int
        Samples per lane. Configuration: it may change last digits, threads do not.
    jumps : int, optional
        The `equilibrium` integrator with so many jumps per stretch of learning.
    dtype : float64 or float32
    recordings, steps, forced, driven, optimiser, narrow, looks, schedules : see Layout

    Raises
    ------
    ConfigError
        If the circuit alone would not fit into memory.
    """
    # A jump needs the sums of all samples in its middle: one lane holds them.
    capacity = batch if jumps else min(batch, chunk)
    numbers = sum(
        p.connectivity.expected(*circuit.shape(p.name)) for p in circuit.projections
    )
    for p in circuit.populations:
        numbers += len(p.model.state._fields) * p.size * capacity
    # Before anything is made that grows with the circuit.
    recorded = sum(
        (steps // r.every + 1) * len(r.units) * len(r.names)
        for r in recordings
        if not r.events
    )
    needed = np.dtype(dtype).itemsize * numbers + 8 * batch * recorded
    check_memory(needed, f"circuit {circuit.name!r}")
    return Layout(
        circuit,
        dtype=dtype,
        capacity=capacity,
        block=block,
        predicts=block > 1 or jumps is not None,
        recordings=recordings,
        steps=steps,
        forced=forced,
        driven=driven,
        optimiser=optimiser,
        narrow=narrow,
        looks=looks,
        schedules=schedules,
        guarded=os.environ.get("DENDRITES_ENGINE_GUARD") == "on",
    )


def run_bytes(circuit, *, replicas=1, batch=1, learning=True, **plan) -> int:
    """Memory that `Replicas` of these options take, of which nothing is taken.

    Weights are handed over as float64 arrays, one of which is copied at a time.
    `plan` is that of `run_layout`.
    """
    layout = run_layout(circuit, batch=batch, **plan)
    lanes = replicas * -(-batch // layout.capacity)
    copied = 8 * max(layout.synapses.values(), default=0)
    copied += replicas * recorded_bytes(layout, batch)
    return copied + estimated_bytes(layout, replicas, lanes, learning=learning)


def estimated_bytes(layout, n_replicas: int, n_lanes: int, *, learning=True) -> int:
    """Memory that arenas and lists of a run will take.

    Sections of an arena that nothing is written to take none.
    """
    unused = ["start", "shared signal", "state a step later", "product"]
    unused += [] if learning else ["sums", "factor"]
    lane = layout.lane.size - sum(map(layout.lane.total, unused))
    replica = layout.replica.size
    if not learning:
        replica -= sum(map(layout.replica.total, (*REMEMBERED, "middle")))
    whole = sum(len(r.units) for r in layout.recordings)
    for p in layout.circuit.projections:
        if isinstance(p.connectivity, Edges):
            whole += layout.synapses[p.name] + layout.circuit.shape(p.name)[1] + 1
        if isinstance(p.connectivity, Shared):
            whole += 3 * len(p.connectivity.slots)
    item = np.dtype(layout.dtype).itemsize
    return item * (n_replicas * replica + n_lanes * lane) + 8 * whole
