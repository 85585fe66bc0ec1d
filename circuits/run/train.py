"""Train a circuit on a task."""

import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence

from circuits.checkpoint import load_same_run, run_header, save_checkpoint
from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import CHUNK
from circuits.integrators import BLOCKED, Integrator
from circuits.optimisers import Optimiser
from circuits.probes import Probe
from circuits.run.epoch import Epoch, ends_after
from circuits.run.interrupts import handing_back
from circuits.run.options import run_options
from circuits.run.session import Session
from circuits.run.task_fits import check_rules_act, check_task, check_task_kind
from circuits.run.train_options import check_checkpoint, train_options
from circuits.stage import Stage
from circuits.task import Task
from dendrites._blas import serial_blas
from dendrites._checks import flag, function, mapping, text
from dendrites.errors import ConfigError, StorageError


def train(
    circuit: Circuit,
    task: Task,
    *,
    epochs: int = 20,
    batch: int = 10,
    integrator: Integrator | str = BLOCKED,
    block: int | None = None,
    jumps: int | None = None,
    accuracy: float | None = None,
    seed: int | None = None,
    weights: Mapping | None = None,
    learning_rates: Mapping[str, float] | None = None,
    rate_decay: float = 1.0,
    optimiser: Optimiser | None = None,
    controls: Mapping[str, tuple[str, ...]] | None = None,
    stages: Sequence[Stage] | None = None,
    dtype: str = "float64",
    chunk: int = CHUNK,
    threads: int | None = None,
    probe: int | None = None,
    probes: tuple[Probe, ...] | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike | None = None,
    resume: bool | str = False,
    on_epoch: Callable[[Epoch], bool | None] | None = None,
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
    integrator : Integrator or {"blocked", "exact", "equilibrium"}
        `circuits.Exact()`, `Blocked(steps)`, `Equilibrium(jumps, accuracy, onset)`, or
        a name with the options below. `exact` moves the weights at every step;
        `blocked` every `block` steps, with second-order error in the block for filtered
        rules; `equilibrium` leaves out the time in which cells settle and moves the
        weights in a few jumps along fixed points. Presentations that take no
        time (`circuits.Phase`: cells settle, relax or advance) need none of them.
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
    optimiser : circuits.Sgd or circuits.Adam, optional
        How updates at the end of presentations move the weights, with the rules'
        learning rates as step sizes; every replica has its own state, which is in
        checkpoints. All rules that learn must act across phases. Probes look at the
        updates of the rules themselves, which an optimiser has not seen.
    controls : mapping of str to tuple of str, optional
        Further replicas trained alongside, each with these projections frozen.
    stages : sequence of Stage, optional
        Which schedule is shown and which projections learn for how many presentations,
        one after the other and then again; see `circuits.Stage`. Curves have a
        coordinate ``stage``: the stage, from 0, in which each epoch ended. Controls go
        through the same stages.
    dtype : {"float64", "float32"}
    chunk : int
        Samples per work unit. May change last digits; the number of threads does not.
    threads : int, optional
        Default: all processors.
    probe : int, optional
        Training examples that probes look at before the first and after every epoch; 0
        switches them off. Default: 50 where there are probes, else 0.
    probes : tuple of Probe, optional
        What is measured: `circuits.probes.Alignment()`, the update compared with the
        exact gradient; `Silence(compartment)`, potentials without a teacher; `Drift()`
        of jumps. Default: all that there are, "apical" for the second, where the
        circuit says which feedforward network it holds (`network`), else none.
    progress : bool
        Show a progress bar (lines where there is no terminal) on standard error.
    checkpoint : path, optional
        Saved after every epoch.
    resume : bool or "any-version"
        Go on from `checkpoint` if there is one, of the same circuit, task, weights and
        options; "any-version" also if another version of dendrites wrote it.
    on_epoch : callable, optional
        ``on_epoch(epoch)``, called after every epoch that this call trains, once it is
        tested and saved, with an `Epoch`: curves so far, weights, presentations of
        your own, the run tree; looking changes no bit. If it returns True training
        ends: the tree has the epochs so far, is marked ``complete=0`` and says
        ``ended_by="on_epoch"``; resumed, the run goes on. What it raises ends the run
        as an error.
    config : mapping, optional
        Settings stored with the result besides those of this function.
    title, citation : str, optional

    Returns
    -------
    xarray.DataTree
        A run tree, as `dendrites.validate` checks it.

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
        the run tree up to the last finished epoch, marked ``complete=0``; within the
        first one, of no epochs, with the weights after the last finished presentation;
        None before that. The last checkpoint is kept and a resumed run gives the same
        bits.
    """
    from circuits.run.progress import Progress
    from circuits.run.training_tree import training_tree
    from dendrites.provenance import now

    check_circuit("train", circuit)
    check_task_kind("train", task)
    options = train_options(
        circuit,
        task,
        run_options(
            circuit,
            integrator=integrator,
            block=block,
            jumps=jumps,
            accuracy=accuracy,
            finds_jumps=True,
            dtype=dtype,
            chunk=chunk,
            threads=threads,
            seed=seed,
            weights=weights,
            learning_rates=learning_rates,
            optimiser=optimiser,
        ),
        epochs=epochs,
        batch=batch,
        rate_decay=rate_decay,
        controls=controls,
        stages=stages,
        probe=probe,
        probes=probes,
    )
    config = mapping("config", config, "settings by name")
    flag("progress", progress, error=ConfigError)
    for name, value in (("title", title), ("citation", citation)):
        if value is not None:
            text(name, value, error=ConfigError)
    check_task(circuit, task)
    check_rules_act(circuit)
    check_checkpoint(checkpoint, resume)
    if on_epoch is not None:
        function("on_epoch", on_epoch, "(epoch)", error=ConfigError)
    full = options.config(circuit, task)
    if taken := [name for name in config if name in full]:
        raise ConfigError(
            f"config: {taken[0]!r} is one of the settings that train stores itself "
            f"({', '.join(full)}); choose another name"
        )
    root = {"parent_run_id": "", "n_resumes": 0, "run_id": str(uuid.uuid4())}
    root |= {"created": now(), "citation": citation}
    root |= {} if title is None else {"title": title}
    session = storage_problem = None

    def stopped():
        if session is None:
            return None
        session.roll_back()
        return so_far()

    def so_far():
        return training_tree(session, full, **root)

    with (
        handing_back(stopped),
        serial_blas(),
        Progress(options.epochs, progress) as bar,
    ):
        made = Session(circuit, task, options, bar.announce)
        full |= {**config, **made.fingerprints()}
        if checkpoint is not None and resume:
            root |= _resume(made, checkpoint, full, resume, bar)
        header = run_header(
            full,
            created_utc=root["created"],
            n_resumes=root["n_resumes"],
            run_id=root["run_id"],
        )
        session = made
        for epoch in range(len(session.history.epochs) + 1, options.epochs + 1):
            session.run_epoch(epoch, bar.tick)
            session.keep()
            bar.epoch(epoch, session.history.epochs[-1])
            if checkpoint is not None:
                storage_problem = _save(session, checkpoint, header, storage_problem)
            ends = ends_after(session, on_epoch, so_far)
            if ends and epoch < options.epochs:
                root |= {"ended_by": "on_epoch"}
                break
        if not session.predictions:
            # A run resumed after its last epoch has its curves, not its answers.
            for split, examples in session.tested_splits().items():
                session.predictions[split] = session.test(0, examples)["rates"]
        result = so_far()
    if storage_problem is not None:
        print(f"checkpoints could not be written: {storage_problem}", file=sys.stderr)
    return result


def _resume(session, checkpoint, config, resume, bar):
    """Take up a checkpoint; what the tree then says of the run."""
    found = load_same_run(checkpoint, config, resume)
    if found is None:
        return {}
    header, arrays = found
    session.restore(arrays)
    bar.resume(len(session.history.epochs))
    return {
        "parent_run_id": header["run_id"],
        "n_resumes": header["n_resumes"] + 1,
        "created": header["created_utc"],
    }


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
