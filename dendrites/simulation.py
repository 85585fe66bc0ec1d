"""One cell under many conditions, as a labelled run tree.

The file is not called ``simulate``: importing a module of that name would put the
module in the place of the function `dendrites.simulate`.
"""

import datetime
import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from dendrites import dataset
from dendrites._checks import shown
from dendrites._describe import plain
from dendrites._memory import check_memory
from dendrites._simulate_loop import CHECK_EVERY, fill_random_kernel, simulate_kernel
from dendrites._simulation_checks import (
    conditions,
    forced_trains,
    initial_state,
    read_names,
    units_of,
)
from dendrites._streams import check_seed, draw_seed, stream_key
from dendrites._time import n_steps, recording_steps
from dendrites.cell import CellModel
from dendrites.compile.jit import compiling
from dendrites.compile.loops import fill_loop, loop_table, read_loop, step_loop
from dendrites.drives import Drive, sample
from dendrites.errors import ConfigError, ModelError, NumericalError
from dendrites.steppers import check_stepper, is_explicit

ADVICE = "Use fewer conditions, a shorter run, a larger dt or a longer record_every."
# A waveform longer than this is identified in the configuration by its hash.
LONGEST_DESCRIBED = 1000


def simulate(
    cell: CellModel,
    *,
    duration: float,
    dt: float = 0.1,
    stepper: str = "euler",
    record_every: float | None = None,
    reads: str | Sequence[str] | None = None,
    initial: Mapping[str, float] | None = None,
    seed: int | None = 0,
    forced_spikes: Sequence | np.ndarray | None = None,
    spike_unit: str = "ms",
    **drives: Drive | float | Sequence[Drive | float],
) -> dataset.xr.DataTree:
    """One cell under many conditions, all advanced together.

    Each step: the drive's mean over the step is held, algebraic compartments are
    filled from it, the state moves, and the state after the step is recorded. Since
    both stages of Heun see this mean, its order 2 also holds across a jump of a drive,
    on or off the grid, as long as the derivative is linear in its inputs.

    Random input fields of the cell (`CellModel.random`) are filled anew in every step
    and condition, with numbers that depend on the seed, the field, the number of the
    condition and the step alone. They are held over the step like drives, so both
    stages of Heun see the same number.

    A spiking cell draws its spikes from such numbers too, unless `forced_spikes` says
    when it fires: then the draw is replaced and everything else follows the given train
    (dead time, traces). A spike at t belongs to the step whose end is closest; times
    off the steps are warned about.

    Parameters
    ----------
    cell : CellModel
    duration, dt : float
        Length of the run and of a step, ms.
    stepper : {"euler", "exponential_euler", "heun"}
        For a cell with a derivative; a cell with its own step has no choice.
    record_every : float, optional
        Recording interval, ms; default: every step.
    reads : str or sequence of str, optional
        Reads recorded besides the potentials; default: ``rate``, if the cell has it.
    initial : mapping of State field to number, optional
        Initial values that differ from the defaults of the State.
    seed : int or None
        For random drives, input fields and spikes; None draws one, and the tree
        records it.
    forced_spikes : array_like of times, or list of these, optional
        The cell's own spikes: one ascending train for all conditions, or one for each.
    spike_unit : {"ms", "s"}
        Of these times.
    **drives : number, Drive, or list of these
        By input field of the cell, in its unit; fields not named receive 0, or their
        random numbers. Lists have one entry per condition and equal lengths; what is no
        list is shared. A random drive depends on the seed, the field, the number of the
        condition and the step alone, so a shared one still differs between conditions.

    Returns
    -------
    xarray.DataTree
        Its group ``populations/cell`` holds ``v`` (condition, time, compartment,
        unit), each read (condition, time, unit) and each drive ``input_<field>``
        (condition, time): the value held in the step that ended at that time. A
        spiking cell also has ``spikes/cell`` with ``spike_time`` (ms), ``spike_unit``
        and ``spike_trial``, the condition.

    Raises
    ------
    ConfigError
        If an option, a time or a forced spike is impossible, or memory would not
        suffice.
    ModelError
        If the cell has no such input, read or state, a drive does not fit or is given
        for a random input field, or `dt` is more than twice the fastest time constant
        of an explicit method.
    NumericalError
        Where and when a value left the finite range.
    """
    if not isinstance(cell, CellModel):
        raise ModelError(
            f"simulate: cell = {shown(cell, 80)}: must be a CellModel, for example "
            "dendrites.models.three_compartment()."
        )
    steps = n_steps(duration, dt, "simulate")
    if steps == 0:
        raise ConfigError(
            f"simulate: duration = {duration:g} ms is less than half a step of dt = "
            f"{dt:g} ms. Use at least one step."
        )
    every = recording_steps(record_every, dt, steps, "simulate")
    check_stepper(stepper)
    if cell.constant or (cell.step is not None and stepper != "euler"):
        why = "is clamped, without dynamics" if cell.constant else "has its own step"
        raise ConfigError(
            f"simulate: cell model {cell.name!r} {why}, so stepper = {stepper!r} "
            "cannot move it. Use another cell, or leave out the stepper."
        )
    if cell.spiking and stepper == "heun":
        raise ConfigError(
            f"simulate: {cell.name} cells spike, and heun takes two stages per step. "
            "Use euler or exponential_euler."
        )
    coarse = cell.check_step(dt, explicit=is_explicit(stepper))
    if coarse:
        warnings.warn(coarse, stacklevel=2)
    start = initial_state(cell, initial)
    reads = read_names(cell, reads)
    # Before the drives are looked at: of very many this takes minutes.
    lengths = [len(given) for given in drives.values() if isinstance(given, list)]
    _check_fits(cell, max(lengths, default=1), steps, 0)
    drives, n = conditions(cell, drives)
    forced, n = forced_trains(cell, forced_spikes, n, steps, float(dt), spike_unit)
    units = units_of(cell, reads, drives)
    seed = draw_seed() if seed is None else check_seed(seed)
    n_records = steps // every
    recorded = n_records * (len(cell.compartments) + len(reads) + len(drives))
    _check_fits(cell, n, steps, recorded)
    created = _now()
    inputs = _sampled(cell, drives, n, steps, float(dt), seed)
    if cell.spiking:
        _decide_spikes(inputs[:, -1], forced, seed)
    v, values = _run(cell, stepper, reads, start, inputs, steps, every, float(dt), n)
    held = inputs[every - 1 :: every]
    others = {
        name: (("time", "unit"), values[k].T[:, :, np.newaxis], units[name])
        for k, name in enumerate(reads)
    }
    for name in drives:
        column = held[:, cell.inputs._fields.index(name)].T.copy()
        others[f"input_{name}"] = (("time",), column, units[f"input_{name}"])
    recording = dataset.population_dataset(
        np.arange(1, n_records + 1) * every,
        float(dt),
        v.transpose(2, 0, 1)[..., np.newaxis],
        cell.compartments,
        [0],
        v_units=units["v"],
        others=others,
        leading=("condition", np.arange(n)),
    )
    groups = {"/populations/cell": recording}
    if cell.spiking:
        # The loop has put the counts in the place of what decided them.
        groups["/spikes/cell"] = dataset.spike_dataset(inputs[:, -1:], float(dt))
    config = {
        "cell": cell.name,
        "parameters": cell.parameters._asdict(),
        "model": plain(cell),
        "initial": dict(zip(cell.state._fields, start.tolist(), strict=True)),
        "duration": steps * float(dt),
        "dt": float(dt),
        "stepper": stepper,
        "record_every": every * float(dt),
        "reads": list(reads),
        "seed": str(seed),
        "drives": {name: _described(given) for name, given in drives.items()},
    }
    if cell.random:
        config["random"] = dict(cell.random)
    if forced is not None:
        config["forced_spikes"] = [_train(steps_of, dt) for steps_of in forced]
    return dataset.run_tree(
        "simulation",
        config,
        groups,
        title=f"{cell.name}, {n} condition{'s' if n > 1 else ''}, {steps * dt:g} ms",
        integrator=stepper if cell.step is None else "own step",
        dt_ms=dt,
        dtype="float64",
        seed=seed,
        t_stop_ms=steps * float(dt),
        citation=cell.source,
        created_utc=created,
        extra={"finished_utc": _now()},
    )


def _check_fits(cell, n, steps, recorded):
    check_memory(
        # Recordings are held twice while they are put into the order of the tree.
        8 * n * (steps * cell.n_fields + 2 * recorded),
        f"simulate: {n} conditions of {steps} steps",
        advice=ADVICE,
    )


def _run(cell, stepper, reads, start, inputs, steps, every, dt, n):
    """Recorded potentials (record, compartment, n) and reads (read, record, n)."""
    n_records, n_variables = steps // every, len(start)
    has_fill = cell.instantaneous is not None
    stages = 2 if stepper == "heun" else 1
    state = np.repeat(start, n)
    v = np.empty((n_records, len(cell.compartments), n))
    values = np.empty(len(reads) * n_records * n)
    rows = np.array([cell.state._fields.index(name) for name in cell.compartments])
    status = np.zeros(3, np.int64)
    with compiling():
        fills = [fill_loop(cell, np.float64)] if has_fill else []
        moves = [step_loop(cell, np.float64, stepper)]
        looks = [read_loop(cell, cell.read(name), np.float64) for name in reads]
        diverged = simulate_kernel(
            loop_table(fills),
            loop_table(moves),
            loop_table(looks),
            (int(has_fill), n_variables, inputs.shape[1], len(reads), stages),
            state,
            np.empty(state.size if stages == 2 else 0),
            inputs.reshape(-1),
            np.array(cell.parameters, dtype=float),
            (steps, every, n, dt, float(cell.limit)),
            (v, values, rows.astype(np.int64), status),
        )
    if diverged:
        raise _diverged(cell, dt, *status.tolist())
    return v, values.reshape(len(reads), n_records, n)


def _diverged(cell, dt, step, variable, condition):
    name = cell.state._fields[variable]
    kind = "compartment" if name in cell.compartments else "state field"
    since = (step - 1) // CHECK_EVERY * CHECK_EVERY * dt
    text = (
        f"simulate: {cell.name} cell, {kind} {name!r}, condition {condition} left the "
        f"finite range (its limit is {cell.limit:g}) between t = {since:g} and "
        f"{step * dt:g} ms; dt = {dt:g} ms"
    )
    if cell.time_constant is not None:
        tau = float(cell.time_constant(cell.parameters))
        text += f" is {dt / tau:.2g} x the fastest time constant"
    return NumericalError(
        f"{text}. Use a smaller dt or weaker drives, or CellModel(limit=...) if such "
        "values are meant."
    )


def _sampled(cell, drives, n, steps, dt, seed):
    """Inputs (step, field, n); fields without a drive or random numbers are 0."""
    inputs = np.zeros((steps, cell.n_fields, n))
    for name, kind in cell.random.items():
        column = inputs[:, cell.inputs._fields.index(name)]
        divisor = math.sqrt(dt) if kind == "white" else 1.0
        key = stream_key(seed, f"noise/{name}")
        fill_random_kernel(column, kind == "uniform", divisor, *key)
    for name, given in drives.items():
        column = inputs[:, cell.inputs._fields.index(name)]
        alike = isinstance(given, Drive) and not given.is_random
        each = given if isinstance(given, list) else [given] * (1 if alike else n)
        # A shared drive without random parts is sampled once.
        places = [slice(None)] if alike else range(n)
        for k, (drive, place) in enumerate(zip(each, places, strict=True)):
            try:
                values = sample(drive, steps, dt, seed=seed, stream=name, condition=k)
            except ModelError as error:
                raise ModelError(f"simulate: {name}, condition {k}: {error}") from None
            _refuse_negative(cell, name, values)
            column.T[place] = values
    return inputs


def _refuse_negative(cell, name, values):
    if name in cell.conductance_inputs and values.min() < 0:
        step = int(np.argmax(values < 0))
        raise ModelError(
            f"simulate: {name} = {values[step]:g} {cell.unit(name)} in step {step}: a "
            "conductance of a cell must be >= 0"
        )


def _decide_spikes(column, forced, seed):
    """What decides the spikes of every step and condition: `CellModel.n_fields`."""
    if forced is None:
        fill_random_kernel(column, True, 1.0, *stream_key(seed, "spikes"))
        return
    column[:] = -1.0
    for condition, steps_of in enumerate(forced):
        np.subtract.at(column[:, condition], steps_of, 1.0)


def _train(steps_of, dt):
    return _plain((steps_of + 1) * float(dt))


def _described(drive):
    """A drive, or a list of them, in terms that JSON can hold."""
    if isinstance(drive, list):
        return [_described(item) for item in drive]
    return [
        {"kind": type(part).__name__.strip("_")}
        | {item.name: _plain(getattr(part, item.name)) for item in fields(part)}
        for part in drive.parts
    ]


def _plain(value):
    if not isinstance(value, np.ndarray):
        return value
    if value.size > LONGEST_DESCRIBED:
        digest = hashlib.sha256(value.tobytes()).hexdigest()
        return {"size": value.size, "sha256": digest}
    # None: until the end of the run.
    return [x if math.isfinite(x) else None for x in value.tolist()]


def _now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
