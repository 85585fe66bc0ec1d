"""The labelled result of one recorded presentation."""

import numpy as np

from circuits.circuit import Circuit
from circuits.engine.replicas import Replicas
from circuits.run.from_run import ATTRIBUTE, circuit_json
from circuits.run.recording import Record, compartments_of
from circuits.run.stored_parameters import parameter_groups
from circuits.run.stored_weights import weight_group
from dendrites.dataset import event_dataset, population_dataset, run_tree
from dendrites.provenance import now


def simulation_tree(
    runner: Replicas,
    lanes: list,
    records: list[Record],
    start: dict | None,
    config: dict,
    *,
    circuit: Circuit,
    created: str,
    steps: int,
    done: int,
):
    """What was recorded of a presentation, of which `done` of `steps` steps were made.

    Parameters
    ----------
    start : dict of ndarray (n_post, n_pre), optional
        Weights before, where rules acted.
    circuit : Circuit
        Which was simulated, with its own schedule.

    Returns
    -------
    xarray.DataTree or None
        None if nothing has been recorded.
    """
    if not done:
        return None
    found, groups = iter(runner.recorded(0, lanes)), {}
    samples = sum(m for _, m in lanes)
    for record in records:
        groups |= _recorded(circuit, record, found, done, samples)
    if records and not groups:
        return None
    if start is not None:
        after = runner.weights(0)
        for p in circuit.projections:
            if p.learns:
                groups[f"/connections/{p.name}"] = _before_and_after(
                    p, start[p.name], after[p.name], done, circuit.dt
                )
    return run_tree(
        "simulation",
        config,
        groups | parameter_groups(circuit),
        title=f"{circuit.name}: one presentation",
        integrator=config["integrator"],
        dt_ms=circuit.dt,
        dtype=config["dtype"],
        seed=config["seed"],
        t_stop_ms=steps * circuit.dt,
        created_utc=created,
        complete=done == steps,
        extra={
            "finished_utc": now() if done == steps else "",
            ATTRIBUTE: circuit_json(circuit),
        },
    )


def _recorded(circuit, record, found, done, samples):
    """Groups of one Record; `found` yields its recordings, in their order."""
    names, dt = compartments_of(circuit, record), circuit.dt
    size = circuit.population(record.population).size
    mine = [next(found) for _ in ((names,) if names else ()) + record.reads]
    units = range(size) if record.units is None else record.units
    units = np.asarray(units, np.int64)
    groups = {}
    if record.spikes:
        events = next(found)
        groups[f"/spikes/{record.population}"] = _spikes(
            events, units, dt, done, samples
        )
    every = record.interval(dt)
    count = done // every
    if not mine or not count:
        return groups
    model = circuit.model(record.population)
    # (samples, records, names, units), without the state before the first step.
    mine = [values[:, 1 : count + 1] for values in mine]
    mine = [values[0] for values in mine] if samples == 1 else mine
    reads = [values[..., 0, :] for values in mine[bool(names) :]]
    groups[f"/populations/{record.population}"] = population_dataset(
        np.arange(1, count + 1) * every,
        dt,
        mine[0] if names else None,
        names,
        units,
        v_units=model.unit(names[0]) if names else "1",
        others={
            name: (("time", "unit"), values, model.unit(name))
            for name, values in zip(record.reads, reads, strict=True)
        },
        leading=None if samples == 1 else ("sample", np.arange(samples)),
        n_units=size,
    )
    return groups


def _spikes(events, units, dt, done, samples):
    mine = (events.step > 0) & (events.step <= done)
    step, sample, row, count = (x[mine] for x in events)
    trial = sample if samples > 1 else None
    return event_dataset(step, units[row], dt, trial=trial, count=count)


def _before_and_after(projection, before, after, steps, dt):
    """Weights of a projection at the start and at the end, as the schema has them."""
    return weight_group(
        projection,
        "record",
        [before, after],
        {
            "record": np.arange(2),
            "record_step": ("record", np.array([0, steps])),
            "record_time": ("record", np.array([0.0, steps * dt])),
        },
        units={"record_time": "ms"},
        rule=type(projection.rule).__name__,
        plastic=1,
        delay_ms=dt if projection.delay is None else float(projection.delay),
    )
