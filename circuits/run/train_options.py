"""What a training run is asked for, checked before anything is compiled."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from circuits.checkpoint import ANY_VERSION
from circuits.circuit import Circuit
from circuits.describe import describe
from circuits.engine.facts import refuse_shared_traces
from circuits.integrators import ACCURACY, EQUILIBRIUM
from circuits.probes import Probe, check_probes, usual_probes
from circuits.run.course import check_stages
from circuits.run.history import MAIN
from circuits.run.options import RunOptions
from circuits.stage import Stage
from circuits.task import Task
from dendrites._atomic import check_name_fits
from dendrites._checks import (
    check_name,
    flag,
    mapping,
    names,
    number,
    shown,
    whole_number,
)
from dendrites._describe import plain
from dendrites.errors import ConfigError, StorageError

PROBE = 50


@dataclass(frozen=True)
class TrainOptions:
    """What a run was asked for; see `circuits.train`.

    Parameters
    ----------
    run : RunOptions
    epochs, batch : int
    rate_decay : float
    probes : tuple of Probe
    probe : int
        Examples that probes look at.
    controls : dict of str to tuple of str
    stages : tuple of Stage
    """

    run: RunOptions
    epochs: int = 1
    batch: int = 1
    rate_decay: float = 1.0
    probes: tuple[Probe, ...] = ()
    probe: int = 0
    controls: dict = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()

    def config(self, circuit: Circuit, task: Task) -> dict:
        """Everything that decides the numbers of a run, by name.

        Data and initial weights are added as fingerprints.
        """
        run, integrator = self.run, self.run.integrator
        jumped = {}
        if integrator.name == EQUILIBRIUM:
            jumped = {
                "jumps": integrator.jumps or 0,
                "accuracy": integrator.accuracy or ACCURACY,
            }
        if integrator.onset is not None:
            jumped["onset"] = integrator.onset
        usual = usual_probes(circuit, integrator) if self.probe else ()
        staged = {"stages": plain(self.stages)} if self.stages else {}
        chosen = [str(probe) for probe in self.probes]
        return {
            "circuit": describe(circuit),
            "task": task.name,
            "epochs": self.epochs,
            "batch": self.batch,
            "integrator": integrator.name,
            "block": integrator.block,
            **jumped,
            "seed": str(run.seed),
            "dtype": run.dtype,
            "chunk": run.chunk,
            "probe": self.probe,
            **({} if self.probes == usual else {"probes": chosen}),
            "rate_decay": self.rate_decay,
            "learning_rates": run.learning_rates,
            **({"optimiser": plain(run.optimiser)} if run.optimiser else {}),
            "controls": {name: list(frozen) for name, frozen in self.controls.items()},
            **staged,
        }


def train_options(
    circuit: Circuit,
    task: Task,
    run: RunOptions,
    *,
    epochs: int,
    batch: int,
    rate_decay: float,
    controls: Mapping | None,
    stages,
    probe: int | None,
    probes,
) -> TrainOptions:
    """The options of a training run, checked.

    Raises
    ------
    ConfigError, ModelError
    """
    decay = number("rate_decay", rate_decay, above=0.0, most=1.0, error=ConfigError)
    probes, probe = _probes(circuit, run.integrator, probes, probe)
    controls = mapping("controls", controls, "projections to freeze by name")
    epochs = whole_number("epochs", epochs, lowest=1)
    batch = whole_number("batch", batch, lowest=1)
    refuse_shared_traces(circuit, batch)
    examples = len(task.splits["train"].inputs)
    return TrainOptions(
        run,
        epochs=epochs,
        batch=batch,
        rate_decay=float(decay),
        probes=probes,
        probe=min(probe, examples),
        controls={
            name: _checked_control(circuit, name, frozen)
            for name, frozen in controls.items()
        },
        stages=check_stages(
            circuit,
            stages,
            run.integrator,
            run.learning_rates,
            epochs=epochs,
            per_epoch=-(-examples // batch),
        ),
    )


def _probes(circuit, integrator, probes, probe):
    """What is measured, and on how many examples."""
    if probe is not None:
        probe = whole_number("probe", probe, lowest=0)
    if probes is None:
        if probe and circuit.network is None:
            raise ConfigError(
                f"probe = {probe}: circuit {circuit.name!r} has no `network`, so there "
                "is no exact gradient to compare with; leave probe out, give it "
                "network, or say what to measure with `probes`"
            )
        probes = usual_probes(circuit, integrator)
    else:
        probes = check_probes(probes, circuit, integrator)
        if bool(probes) != bool(probe) and probe is not None:
            raise ConfigError(
                f"probe = {probe}: no examples are looked at by probes = "
                f"{shown(probes)}; leave one of the two out"
            )
    if probe is None:
        probe = PROBE if probes else 0
    return (probes, probe) if probe else ((), 0)


def _checked_control(circuit, name, frozen):
    check_name("control", name)
    if name == MAIN:
        raise ConfigError(
            f"controls: {name!r} is the trained circuit itself; choose another name"
        )
    frozen = names(f"controls[{name!r}]", frozen, error=ConfigError)
    circuit.frozen(*frozen)
    return frozen


def check_checkpoint(checkpoint, resume) -> None:
    """Refuse what cannot be the name of a checkpoint, before a run is made for it.

    Raises
    ------
    ConfigError, StorageError
    """
    if not isinstance(resume, str) or resume != ANY_VERSION:
        flag("resume", resume, error=ConfigError)
    if checkpoint is None:
        if resume:
            raise ConfigError("resume = True: needs the checkpoint to go on from")
        return
    if not isinstance(checkpoint, str | os.PathLike):
        raise ConfigError(
            f"checkpoint = {shown(checkpoint)} is a {type(checkpoint).__name__}, must "
            "be a path"
        )
    path = Path(checkpoint)
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
