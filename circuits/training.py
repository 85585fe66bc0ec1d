"""Train a circuit on a task, and ask a trained circuit for its answers."""

import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from circuits.checkpoint import (
    ANY_VERSION,
    load_same_run,
    run_header,
    save_checkpoint,
)
from circuits.circuit import (
    Circuit,
    check_circuit,
    refuse_negative_conductances,
)
from circuits.describe import describe
from circuits.engine.plan import check_dtype
from circuits.engine.runner import CHUNK, serial_blas
from circuits.session import (
    BLOCKED,
    EQUILIBRIUM,
    EXACT,
    INTEGRATORS,
    MAIN,
    Options,
    Session,
)
from circuits.task import Task
from dendrites._atomic import check_name_fits
from dendrites._checks import (
    check_name,
    choice,
    flag,
    mapping,
    names,
    number,
    shown,
    text,
    whole_number,
)
from dendrites.errors import (
    ConfigError,
    DataError,
    StorageError,
    choices,
)
from dendrites.random import check_seed, draw_seed

BLOCK = 10
ACCURACY = 0.01
PROBE = 50


def train(
    circuit: Circuit,
    task: Task,
    *,
    epochs: int = 20,
    batch: int = 10,
    integrator: str = BLOCKED,
    block: int | None = None,
    jumps: int | None = None,
    accuracy: float | None = None,
    seed: int | None = None,
    weights: Mapping | None = None,
    learning_rates: Mapping[str, float] | None = None,
    rate_decay: float = 1.0,
    controls: Mapping[str, tuple[str, ...]] | None = None,
    dtype: str = "float64",
    chunk: int = CHUNK,
    threads: int | None = None,
    probe: int | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike | None = None,
    resume: bool | str = False,
    config: Mapping | None = None,
    title: str | None = None,
    citation: str = "",
):
    """Show a task to a circuit, epoch by epoch, plasticity always on.

    Parameters
    ----------
    circuit : Circuit
    task : Task
    epochs : int
        Passes over the training examples.
    batch : int
        Examples shown side by side; a rule's update is their mean.
    integrator : {"blocked", "exact", "equilibrium"}
        `exact` moves the weights at every step; `blocked` every `block` steps, with
        second-order error in the block for filtered rules; `equilibrium` leaves out
        the time in which cells settle and moves the weights in a few jumps along fixed
        points. Presentations that only settle (`circuits.Phase`) need none of them.
    block : int, optional
        Steps per block of `blocked`; default 10.
    jumps : int, optional
        Jumps per stretch of learning (`equilibrium`). Default: as many as `accuracy`
        takes on the first presentation, a power of two.
    accuracy : float, optional
        Where jumps are chosen (`equilibrium`): largest relative difference from the
        weight change with twice the jumps, default 0.01. The same drift, measured after
        every epoch, is in ``/diagnostics``.
    seed : int, optional
        Initial weights, order of examples, drawn phases. Default: the circuit's.
    weights : mapping, optional
        Initial weights (n_post, n_pre) or initialisers, by projection.
    learning_rates : mapping, optional
        Replaces rules' rates: 1/ms, or per presentation for rules across phases.
    rate_decay : float
        Factor on every learning rate after each epoch.
    controls : mapping of str to tuple of str, optional
        Further replicas trained alongside, each with these projections frozen.
    dtype : {"float64", "float32"}
    chunk : int
        Samples per work unit. May change last digits; the number of threads does not.
    threads : int, optional
        Default: all processors.
    probe : int, optional
        Training examples on which each epoch's update is compared with the exact
        gradient; 0 switches the comparison off. Default: 50 where the circuit says
        which feedforward network it holds (`layers`), else 0.
    progress : bool
        Show a progress bar (lines where there is no terminal) on standard error.
    checkpoint : path, optional
        Saved after every epoch.
    resume : bool or "any-version"
        Go on from `checkpoint` if there is one, of the same circuit, task, weights and
        options; "any-version" also if another version of dendrites wrote it.
    config : mapping, optional
        Settings stored with the result besides those of this function.
    title, citation : str, optional

    Returns
    -------
    xarray.DataTree
        A run tree (docs: dataset schema).

    Raises
    ------
    ConfigError, ModelError, DataError
        Before anything is compiled.
    CheckpointError
        If the checkpoint is of another configuration or version, or no copy of it can
        be used.
    StorageError
        If the checkpoint's folder does not exist.
    NumericalError
        If the circuit diverges; the last checkpoint is kept.
    KeyboardInterrupt
        After Ctrl+C, once the running presentation has ended. Its attribute `run` is
        the run tree up to the last finished epoch, marked ``complete=0``; None before
        the first. The last checkpoint is kept and a resumed run gives the same bits.
    """
    from circuits.progress import Progress
    from circuits.training_tree import now, training_tree

    check_circuit("train", circuit)
    check_task_kind("train", task)
    seed = circuit.seed if seed is None else check_seed(seed)
    options = Options(
        epochs=whole_number("epochs", epochs, lowest=1),
        batch=whole_number("batch", batch, lowest=1),
        block=check_block(integrator, block),
        seed=draw_seed() if seed is None else seed,
        dtype=check_dtype(dtype),
        chunk=whole_number("chunk", chunk, lowest=1),
        threads=check_threads(threads),
        probe=min(_probe(circuit, probe), len(task.splits["train"].inputs)),
        rate_decay=_factor("rate_decay", rate_decay),
        integrator=integrator,
        jumps=check_jumps(circuit, integrator, jumps),
        accuracy=_accuracy(integrator, jumps, accuracy),
    )
    weights = mapping("weights", weights, "weights by projection")
    learning_rates = mapping("learning_rates", learning_rates, "rates by projection")
    controls = {
        name: _checked_control(circuit, name, frozen)
        for name, frozen in mapping(
            "controls", controls, "projections to freeze by name"
        ).items()
    }
    config = mapping("config", config, "settings by name")
    flag("progress", progress, error=ConfigError)
    if not isinstance(resume, str) or resume != ANY_VERSION:
        flag("resume", resume, error=ConfigError)
    for name, value in (("title", title), ("citation", citation)):
        if value is not None:
            text(name, value, error=ConfigError)
    check_task_fits(circuit, task)
    check_rules_act(circuit)
    check_task_values(circuit, task)
    for split in task.splits.values():
        check_reachable(circuit, split.targets, f"task {task.name!r}")
    if checkpoint is not None:
        check_checkpoint_path(checkpoint)
    if resume and checkpoint is None:
        raise ConfigError("resume = True: needs the checkpoint to go on from")
    rates = _checked_rates(circuit, learning_rates)
    full = {
        "circuit": describe(circuit),
        "task": task.name,
        "epochs": options.epochs,
        "batch": options.batch,
        "integrator": integrator,
        "block": options.block,
        **(
            {"jumps": options.jumps or 0, "accuracy": options.accuracy}
            if integrator == EQUILIBRIUM
            else {}
        ),
        "seed": str(options.seed),
        "dtype": dtype,
        "chunk": options.chunk,
        "probe": options.probe,
        "rate_decay": options.rate_decay,
        "learning_rates": rates,
        "controls": {name: list(frozen) for name, frozen in controls.items()},
    }
    if taken := [name for name in config if name in full]:
        raise ConfigError(
            f"config: {taken[0]!r} is one of the settings that train stores itself "
            f"({', '.join(full)}); choose another name"
        )
    created = now()
    with serial_blas(), Progress(options.epochs, progress) as bar:
        session = Session(
            circuit, task, options, weights, rates, controls, bar.announce
        )
        full |= {**config, **session.fingerprints()}
        resumes, parent, run_id = 0, "", str(uuid.uuid4())
        if checkpoint is not None and resume:
            saved = _resume(session, checkpoint, full, resume)
            if saved is not None:
                resumes, created = saved["n_resumes"] + 1, saved["created_utc"]
                parent = saved["run_id"]
                bar.resume(len(session.history.epochs))
        facts = {"created_utc": created, "n_resumes": resumes, "run_id": run_id}
        header = run_header(full, **facts)
        storage_problem = None

        def tree():
            return training_tree(
                session,
                full,
                parent_run_id=parent,
                citation=citation,
                created=created,
                n_resumes=resumes,
                run_id=run_id,
                **({} if title is None else {"title": title}),
            )

        try:
            for epoch in range(len(session.history.epochs) + 1, options.epochs + 1):
                session.run_epoch(epoch, bar.tick)
                session.keep()
                bar.epoch(epoch, session.history.epochs[-1])
                if checkpoint is not None:
                    storage_problem = _save(
                        session, checkpoint, header, storage_problem
                    )
        except KeyboardInterrupt as stop:
            session.roll_back()
            stop.run = tree() if session.history.epochs else None
            raise
        if not session.predictions:
            # A run resumed after its last epoch has its curves, not its answers.
            for split, examples in session.tested_splits().items():
                session.predictions[split] = session.test(0, examples)["rates"]
        result = tree()
    if storage_problem is not None:
        print(f"checkpoints could not be written: {storage_problem}", file=sys.stderr)
    return result


def evaluate(
    circuit: Circuit,
    task: Task,
    weights: Mapping[str, np.ndarray],
    *,
    split: str = "test",
    dtype: str = "float64",
    chunk: int = CHUNK,
    threads: int | None = None,
) -> dict:
    """Answers of a circuit with given weights, through its test phases.

    Parameters
    ----------
    weights : mapping of str to ndarray (n_post, n_pre)
        Those not given start as the circuit says (copies follow what they copy).
    split : str

    Returns
    -------
    dict
        ``rates`` (n_examples, n_outputs), ``loss`` and, with labels, ``error_rate``.
    """
    check_circuit("evaluate", circuit)
    check_task_kind("evaluate", task)
    if weights is None:
        raise ConfigError(
            "evaluate: weights = None: give those of a trained circuit by projection, "
            "or {} for the circuit's initial ones"
        )
    weights = mapping("weights", weights, "weights by projection")
    if not isinstance(split, str) or split not in task.splits:
        raise ConfigError(
            f"task {task.name!r} has no split {shown(split)}. "
            + choices(split if isinstance(split, str) else "", task.splits)
        )
    check_task_fits(circuit, task)
    check_task_values(circuit, task)
    options = Options(
        0,
        1,
        1,
        circuit.seed,
        check_dtype(dtype),
        whole_number("chunk", chunk, lowest=1),
        check_threads(threads),
        0,
    )
    with serial_blas():
        session = Session(circuit, task, options, weights, {}, {}, None)
        return session.test(0, task.splits[split])


def check_task_kind(where: str, value) -> None:
    """Refuse what is no Task as the second argument of a door."""
    if not isinstance(value, Task):
        raise ConfigError(
            f"{where}: expected a Task, got a {type(value).__name__} "
            f"({shown(value, 40)}): call {where}(circuit, task), with a task such as "
            "experiments.tasks.digits()"
        )


def check_checkpoint_path(path) -> None:
    """Refuse what cannot be the name of a checkpoint, before a run is made for it."""
    if not isinstance(path, str | os.PathLike):
        raise ConfigError(
            f"checkpoint = {shown(path)} is a {type(path).__name__}, must be a path"
        )
    path = Path(path)
    check_name_fits(path)
    if not os.path.isdir(path.parent):
        raise StorageError(
            f"checkpoint {path}: its folder does not exist; create it first"
        )
    if path.is_dir():
        raise StorageError(
            f"checkpoint {path}: is a folder; give the name of a file in it, such as "
            f"{path / 'run.ckpt'}"
        )


def check_integrator(name: str) -> str:
    """The integrator's name, or a ConfigError that lists all of them."""
    return choice("integrator", name, INTEGRATORS, error=ConfigError)


def check_block(integrator: str, block: int | None) -> int:
    """Steps per block; 1 for an integrator that moves weights at every step.

    Raises
    ------
    ConfigError
        If the integrator is unknown, or has no blocks and is given one.
    """
    check_integrator(integrator)
    if block is None:
        return 1 if integrator == EXACT else BLOCK
    if integrator != BLOCKED:
        raise ConfigError(
            f"block = {block!r}: only the integrator 'blocked' has blocks, not "
            f"{integrator!r}; leave block out, or use 'blocked'"
        )
    return whole_number("block", block, lowest=1)


def check_jumps(circuit: Circuit, integrator: str, jumps: int | None) -> int | None:
    """The number of jumps, and whether the cells of a circuit have fixed points.

    Raises
    ------
    ConfigError
        Where jumps do not belong, or cells have noise or no derivative, or signals
        are delayed.
    """
    if check_integrator(integrator) != EQUILIBRIUM:
        if jumps is not None:
            raise ConfigError(
                f"jumps = {jumps!r}: only the integrator 'equilibrium' makes jumps, "
                f"not {integrator!r}"
            )
        return None
    for p in circuit.populations:
        if p.model.random:
            raise ConfigError(
                f"integrator 'equilibrium': population {p.name!r} has random inputs "
                f"({', '.join(p.model.random)}) and no fixed point. Use 'exact' or "
                "'blocked', or cells without noise"
            )
        if p.model.step is not None or p.model.spiking:
            raise ConfigError(
                f"integrator 'equilibrium': {p.model.name} cells of {p.name!r} spike "
                "or advance by a step of their own; a fixed point needs a derivative"
            )
    for p in circuit.projections:
        if p.delay is not None and p.delay > circuit.dt:
            raise ConfigError(
                f"integrator 'equilibrium': projection {p.name!r} has a delay of "
                f"{p.delay:g} ms, and what is on its way when time is left out would "
                "be lost. Use 'exact' or 'blocked'"
            )
    return None if jumps is None else whole_number("jumps", jumps, lowest=1)


def check_rules_act(circuit: Circuit) -> None:
    """Refuse rules that act at every step where no phase takes a step."""
    if not all(phase.settle for phase in circuit.schedule.phases):
        return
    for p in circuit.projections:
        if p.learns and p.rule.continuous and p.rule.learning_rate > 0:
            raise ConfigError(
                f"projection {p.name!r}: its rule acts at every step, and every phase "
                "of the schedule settles without one. Give the rule the moments of "
                "phases (microcircuit: form='two_sweep'), or a phase a duration"
            )


def check_task_fits(circuit: Circuit, task: Task) -> None:
    """Refuse a task whose examples do not fit the circuit's clamped populations."""
    expected = {"inputs": task.n_inputs, "targets": task.n_outputs}
    for p in circuit.populations:
        if isinstance(p.pattern, str):
            if p.pattern not in expected:
                raise ConfigError(
                    f"population {p.name!r}: pattern {p.pattern!r} is no column of a "
                    "task. " + choices(p.pattern, expected)
                )
            if expected[p.pattern] != p.size:
                raise ConfigError(
                    f"population {p.name!r} has {p.size} cells, but task {task.name!r} "
                    f"has {expected[p.pattern]} {p.pattern}"
                )


def check_task_values(circuit: Circuit, task: Task) -> None:
    """Refuse examples that would open negative conductances."""
    for p in circuit.populations:
        if isinstance(p.pattern, str):
            for name, split in task.splits.items():
                where = f"task {task.name!r}, split {name!r}, {p.pattern}"
                refuse_negative_conductances(
                    circuit, p.name, getattr(split, p.pattern), where
                )


def check_reachable(circuit: Circuit, rates: np.ndarray, where: str) -> None:
    """Refuse target rates that the output cells' transfer function never takes."""
    if circuit.phi is None:
        return
    for rate in (float(rates.min()), float(rates.max())):
        try:
            reachable = np.isfinite(circuit.phi[2](rate))
        except (ValueError, ZeroDivisionError, OverflowError):
            reachable = False
        if not reachable:
            raise DataError(
                f"{where}: no potential gives the target rate {rate:g} in circuit "
                f"{circuit.name!r}. Use targets inside the range of its transfer "
                "function, such as 0.1 and 0.8"
            )


def _probe(circuit, probe):
    if probe is None:
        return PROBE if circuit.layers else 0
    probe = whole_number("probe", probe, lowest=0)
    if probe and not circuit.layers:
        raise ConfigError(
            f"probe = {probe}: circuit {circuit.name!r} has no `layers`, so there is "
            "no exact gradient to compare with; leave probe out, or give it layers"
        )
    return probe


def _accuracy(integrator, jumps, accuracy):
    if accuracy is None:
        return ACCURACY
    if integrator != EQUILIBRIUM or jumps is not None:
        raise ConfigError(
            f"accuracy = {accuracy!r}: it chooses the number of jumps of the "
            "integrator 'equilibrium'; leave it out where "
            + ("jumps are given" if jumps is not None else "there are none")
        )
    return _factor("accuracy", accuracy)


def _checked_rates(circuit, rates):
    learning = [p.name for p in circuit.projections if p.learns]
    for name, value in rates.items():
        if name not in learning:
            raise ConfigError(
                f"learning_rates: {name!r} is no projection that learns. "
                + choices(name, learning)
            )
        number(f"learning_rates[{name!r}]", value, least=0.0, error=ConfigError)
    return rates


def _resume(session, checkpoint, config, resume):
    found = load_same_run(checkpoint, config, resume)
    if found is None:
        return None
    header, arrays = found
    session.restore(arrays)
    return header


def _save(session, checkpoint, header, problem):
    try:
        save_checkpoint(checkpoint, header, session.arrays())
    except StorageError as error:
        if problem is None:
            print(
                f"warning: {error}\nThe run goes on; the last checkpoint is kept.",
                file=sys.stderr,
            )
        return error
    return problem


def check_threads(threads: int | None) -> int:
    """The number of threads; by default one per processor."""
    threads = (os.cpu_count() or 1) if threads is None else threads
    return whole_number("threads", threads, lowest=1)


def _factor(name, value):
    return float(number(name, value, above=0.0, most=1.0, error=ConfigError))


def _checked_control(circuit, name, frozen):
    check_name("control", name)
    if name == MAIN:
        raise ConfigError(
            f"controls: {name!r} is the trained circuit itself; choose another name"
        )
    frozen = names(f"controls[{name!r}]", frozen, error=ConfigError)
    circuit.frozen(*frozen)
    return frozen
