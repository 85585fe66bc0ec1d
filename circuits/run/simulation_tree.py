"""The labelled result of one recorded presentation."""

import numpy as np

from circuits.engine.replicas import Replicas
from circuits.run.recording import Record, compartments_of
from dendrites.dataset import group, population_dataset, run_tree, spike_dataset
from dendrites.provenance import now


def simulation_tree(
    runner: Replicas,
    lanes: list,
    records: list[Record],
    start: dict | None,
    config: dict,
    *,
    created: str,
    steps: int,
    done: int,
):
    """What was recorded of a presentation, of which `done` of `steps` steps were made.

    Parameters
    ----------
    start : dict of ndarray (n_post, n_pre), optional
        Weights before, where rules acted.

    Returns
    -------
    xarray.DataTree or None
        None if nothing has been recorded.
    """
    if not done:
        return None
    circuit, parts, groups = runner.circuit, iter(runner.recorded(lanes)), {}
    for record in records:
        groups |= _recorded(circuit, record, parts, done)
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
        groups,
        title=f"{circuit.name}: one presentation",
        integrator=config["integrator"],
        dt_ms=circuit.dt,
        dtype=config["dtype"],
        seed=config["seed"],
        t_stop_ms=steps * circuit.dt,
        created_utc=created,
        complete=done == steps,
        extra={"finished_utc": now() if done == steps else ""},
    )


def _recorded(circuit, record, parts, done):
    """Groups of one Record; `parts` yields its recordings, in their order."""
    names, dt = compartments_of(circuit, record), circuit.dt
    size = circuit.population(record.population).size
    mine = [next(parts) for _ in (*names, *record.reads)]
    units = range(size) if record.units is None else record.units
    units = np.asarray(units, np.int64)
    groups = {}
    if record.spikes:
        counts = np.concatenate(next(parts), axis=1)[1 : done + 1]
        # (records, samples, units) to (steps, units, samples)
        counts = np.moveaxis(counts, 1, 2)
        if done:
            groups[f"/spikes/{record.population}"] = spike_dataset(
                counts if counts.shape[-1] > 1 else counts[..., 0], dt, units
            )
    every = record.interval(dt)
    count = done // every
    if not mine or not count:
        return groups
    samples = sum(part.shape[1] for part in mine[0])
    model = circuit.model(record.population)
    v = _by_sample(mine[: len(names)], count)

    def squeeze(array):
        return array[0] if samples == 1 else array

    groups[f"/populations/{record.population}"] = population_dataset(
        np.arange(1, count + 1) * every,
        dt,
        squeeze(v) if names else None,
        names,
        units,
        v_units=model.unit(names[0]) if names else "1",
        others={
            name: (
                ("time", "unit"),
                squeeze(_by_sample([read], count)[:, :, 0]),
                model.unit(name),
            )
            for name, read in zip(record.reads, mine[len(names) :], strict=True)
        },
        leading=None if samples == 1 else ("sample", np.arange(samples)),
        n_units=size,
    )
    return groups


def _by_sample(recordings, count):
    """The first `count` records (samples, records, variables, units) after the start.

    Each variable comes as its views (records, samples, units) of all lanes.
    """
    if not recordings:
        return None
    shape = [part.shape for part in recordings[0]]
    result = np.empty(
        (sum(m for _, m, _ in shape), count, len(recordings), shape[0][2])
    )
    for k, parts in enumerate(recordings):
        first = 0
        for part in parts:
            stop = first + part.shape[1]
            result[first:stop, :, k] = np.swapaxes(part[1 : count + 1], 0, 1)
            first = stop
    return result


def _before_and_after(projection, before, after, steps, dt):
    """Weights of a projection at the start and at the end, as the schema has them."""
    axes = projection.connectivity.axes
    result = group(
        {"w": (("record", *axes), np.stack([before, after]), "1")},
        {
            "record": np.arange(2),
            "record_step": ("record", np.array([0, steps])),
            "record_time": ("record", np.array([0.0, steps * dt])),
            **{axis: np.arange(n) for axis, n in zip(axes, after.shape, strict=True)},
        },
        pre_population=projection.pre,
        post_population=projection.post,
        target_compartment=projection.field,
        connectivity=projection.connectivity.name,
        rule=type(projection.rule).__name__,
        plastic=1,
        delay_ms=dt if projection.delay is None else float(projection.delay),
    )
    result.record_time.attrs["units"] = "ms"
    return result
