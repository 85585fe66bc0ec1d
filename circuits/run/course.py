"""The course of a training: which stage each of its presentations belongs to."""

import math
from collections import Counter
from dataclasses import replace
from itertools import accumulate

import numpy as np

from circuits.circuit import Circuit
from circuits.run.task_fits import check_rules_act
from circuits.stage import Stage
from dendrites._checks import items, shown
from dendrites.errors import ConfigError, ModelError, choices


class Course:
    """Stages of a training, by the number of the presentation.

    Parameters
    ----------
    circuit : Circuit
    stages : tuple of Stage
        Without any, the circuit's own schedule throughout.
    per_epoch : int
        Presentations of an epoch.
    """

    def __init__(self, circuit: Circuit, stages: tuple[Stage, ...], per_epoch: int):
        self.stages, self.per_epoch = stages or (Stage(),), per_epoch
        self.schedules = [s.schedule or circuit.schedule for s in self.stages]
        lengths = [stage.length(per_epoch) or math.inf for stage in self.stages]
        self._ends = [*accumulate(lengths)]
        self._learns = [
            np.array(
                [
                    stage.learning is None or p.name in stage.learning
                    for p in circuit.projections
                ]
            )
            for stage in self.stages
        ]

    @property
    def others(self) -> tuple:
        """Schedules of stages that name their own."""
        own = {id(s.schedule): s.schedule for s in self.stages if s.schedule}
        return tuple(own.values())

    def begin(self, stage: int) -> float:
        """Number of the presentation with which a stage begins for the first time."""
        return self._ends[stage - 1] if stage else 0

    def at(self, number: int) -> tuple[int, float]:
        """Stage of a presentation, and presentations that it lasts from there on."""
        if self._ends[-1] < math.inf:
            number %= self._ends[-1]
        stage = next(k for k, end in enumerate(self._ends) if number < end)
        return stage, self._ends[stage] - number

    def examples(self, epoch: int, n: int, batch: int) -> Counter:
        """How many of `n` examples an epoch shows in the phases of each name."""
        found = Counter()
        for b in range(self.per_epoch):
            stage, _ = self.at((epoch - 1) * self.per_epoch + b)
            found[stage] += min(batch, n - b * batch)
        return sum(
            (
                Counter({phase.name: count for phase in self.schedules[stage].phases})
                for stage, count in found.items()
            ),
            Counter(),
        )

    def of_epochs(self, epochs: int) -> np.ndarray:
        """Stages (epochs,) in which epochs end."""
        ends = np.arange(1, epochs + 1) * self.per_epoch
        return np.array([self.at(int(end) - 1)[0] for end in ends], np.int64)

    def rates(self, stage: int, rates: np.ndarray) -> np.ndarray:
        """Learning rates by projection, 0 for those that a stage freezes."""
        return np.where(self._learns[stage], rates, 0.0)


def check_stages(
    circuit: Circuit, stages, integrator, rates, *, epochs: int, per_epoch: int
) -> tuple[Stage, ...]:
    """The stages of a training, checked; `rates` are learning rates that are given.

    Raises
    ------
    ConfigError, ModelError
        For stages that do not fit the circuit, without an end before the last one,
        that never begin, and in which nothing learns.
    """
    if stages is None:
        return ()
    if isinstance(stages, Stage):
        stages = (stages,)
    stages = items("stages", stages, "Stages", error=ConfigError)
    if not stages:
        raise ConfigError("stages is empty: give Stages, or leave it out")
    for k, stage in enumerate(stages):
        where = f"stages[{k}]"
        if not isinstance(stage, Stage):
            raise ConfigError(
                f"{where} = {shown(stage)} is a {type(stage).__name__}, must be a "
                "circuits.Stage"
            )
        if stage.length(per_epoch) is None and k < len(stages) - 1:
            raise ConfigError(
                f"{where} has no length, and stages follow it: give it presentations "
                "or epochs; only the last one may last until the training ends"
            )
        _check_learning(circuit, stage, integrator, rates, where)
    course = Course(circuit, stages, per_epoch)
    for k in range(len(stages)):
        if course.begin(k) >= epochs * per_epoch:
            raise ConfigError(
                f"stages[{k}] begins after {course.begin(k)} presentations, and "
                f"training ends after {epochs * per_epoch} ({epochs} epochs of "
                f"{per_epoch}): ask for more epochs, shorten the stages before it, or "
                "leave it out"
            )
    return stages


def _check_learning(circuit, stage, integrator, rates, where):
    learning = [p.name for p in circuit.projections if p.learns]
    for name in stage.learning or ():
        circuit.projection(name)
        if name not in learning:
            raise ConfigError(
                f"{where}: learning: {name!r} does not learn in this circuit. "
                + choices(name, learning)
            )
    named = learning if stage.learning is None else stage.learning
    try:
        staged = replace(
            circuit.frozen(*(name for name in learning if name not in named)),
            schedule=stage.schedule or circuit.schedule,
            readout_phase=None,
        )
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None
    try:
        check_rules_act(staged)
        integrator.check(staged)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    takes_steps = any(f.learning and not f.timeless for f in staged.schedule.phases)
    if not any(
        p.learns
        and rates.get(p.name, p.rule.learning_rate) > 0
        and (takes_steps or not p.rule.continuous)
        for p in staged.projections
    ):
        raise ConfigError(
            f"{where}: nothing learns in this stage: rules act at every step and no "
            "phase of its schedule lets them, or all learning rates are 0"
        )
