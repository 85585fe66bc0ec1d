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
from dendrites._simulate_run import SimulationRun, block_steps
from dendrites._simulation_checks import (
    conditions,
    forced_trains,
    initial_state,
    read_names,
    units_of,
)
from dendrites._simulation_inputs import SimulationInputs
from dendrites._streams import check_seed, draw_seed
from dendrites._time import n_steps, recording_steps
from dendrites.cell import CellModel
from dendrites.drives import Drive
from dendrites.errors import ConfigError, ModelError
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
    KeyboardInterrupt
        After Ctrl+C, within a second. Its attribute `run` is the tree up to the last
        recorded step, marked ``complete=0``; None before the first.
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
    for name, kernel in cell.traces.items():
        if stepper == "heun":
            raise ConfigError(
                f"simulate: {cell.name} cells have a trace in {name!r}, and heun takes "
                "two stages per step. Use euler or exponential_euler."
            )
        if problem := kernel.problem(float(dt)):
            raise ModelError(
                f"simulate: {cell.name} cells: traces[{name!r}]: {problem}"
            )
    coarse = cell.check_step(dt, explicit=is_explicit(stepper))
    if coarse:
        warnings.warn(coarse, stacklevel=2)
    start = initial_state(cell, initial)
    reads = read_names(cell, reads)
    # Before the drives are looked at: of very many this takes minutes.
    lengths = [len(given) for given in drives.values() if isinstance(given, list)]
    n_records = steps // every
    recorded = n_records * (len(cell.compartments) + len(reads) + len(drives))
    _check_fits(cell, max(lengths, default=1), steps, recorded)
    drives, n = conditions(cell, drives)
    forced, n = forced_trains(cell, forced_spikes, n, steps, float(dt), spike_unit)
    units = units_of(cell, reads, drives)
    seed = draw_seed() if seed is None else check_seed(seed)
    _check_fits(cell, n, steps, recorded)
    created = _now()
    run = SimulationRun(
        cell, stepper, reads, list(drives), start, steps, every, float(dt), n
    )
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

    title = f"{cell.name}, {n} condition{'s' if n > 1 else ''}, {steps * dt:g} ms"

    def tree():
        return dataset.run_tree(
            "simulation",
            config,
            _groups(run, units),
            title=title,
            integrator=stepper if cell.step is None else "own step",
            dt_ms=dt,
            dtype="float64",
            seed=seed,
            t_stop_ms=steps * float(dt),
            citation=cell.source,
            created_utc=created,
            complete=run.n_done == steps,
            extra={"finished_utc": _now()},
        )

    try:
        run.advance(SimulationInputs(cell, drives, forced, steps, float(dt), n, seed))
    except KeyboardInterrupt as stop:
        stop.run = tree() if run.n_records else None
        raise
    return tree()


def _groups(run, units):
    """Recordings and spikes of a run as far as it has come, none of them copied."""
    cell, n_records, every = run.cell, run.n_records, run.every
    n_steps = run.steps if run.n_done == run.steps else n_records * every
    others = {
        name: (("time", "unit"), values[:n_records].T[..., np.newaxis], units[name])
        for name, values in zip(run.reads, run.values, strict=True)
    }
    for name, values in zip(run.driven, run.given, strict=True):
        name = f"input_{name}"
        others[name] = (("time",), values[:n_records].T, units[name])
    recording = dataset.population_dataset(
        np.arange(1, n_records + 1) * every,
        run.dt,
        run.v[:n_records].transpose(2, 0, 1)[..., np.newaxis],
        cell.compartments,
        [0],
        v_units=units["v"],
        others=others,
        leading=("condition", np.arange(run.n)),
    )
    groups = {"/populations/cell": recording}
    if cell.spiking:
        step, condition, count = run.spikes(n_steps)
        groups["/spikes/cell"] = dataset.event_dataset(
            step, np.zeros(step.size, int), run.dt, trial=condition, count=count
        )
    return groups


def _check_fits(cell, n, steps, recorded):
    check_memory(
        8 * n * (block_steps(steps, cell.n_fields, n, recorded) * cell.n_fields)
        # A ninth byte tells which numbers are finite.
        + 9 * n * recorded,
        f"simulate: {n} conditions of {steps} steps",
        advice=ADVICE,
    )


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
