"""Whether a task fits a circuit."""

from circuits.circuit import Circuit, refuse_negative_conductances
from circuits.run.shown import check_reachable
from circuits.task import Task
from dendrites._checks import shown
from dendrites.errors import ConfigError, choices


def check_task_kind(where: str, value) -> None:
    """Refuse what is no Task as the second argument of a door."""
    if not isinstance(value, Task):
        raise ConfigError(
            f"{where}: expected a Task, got a {type(value).__name__} "
            f"({shown(value, 40)}): call {where}(circuit, task), with a task such as "
            "experiments.tasks.digits()"
        )


def check_rules_act(circuit: Circuit) -> None:
    """Refuse rules that act at every step where no phase takes a step."""
    if not all(phase.timeless for phase in circuit.schedule.phases):
        return
    for p in circuit.projections:
        if p.learns and p.rule.continuous and p.rule.learning_rate > 0:
            raise ConfigError(
                f"projection {p.name!r}: its rule acts at every step, and every phase "
                "of the schedule does without one. Give the rule the moments of "
                "phases (microcircuit: form='two_sweep'), or a phase a duration"
            )


def check_task_fits(circuit: Circuit, task: Task) -> None:
    """Refuse a task whose examples do not fit the circuit's clamped populations."""
    if not any(p.model.clamped for p in circuit.populations):
        raise ConfigError(
            f"circuit {circuit.name!r} has no clamped population, so no example of "
            f"task {task.name!r} can be shown to it: add one, such as "
            f"Population('input', models.source(), {task.n_inputs}, pattern='inputs'), "
            "or run it with circuits.simulate"
        )
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


def check_answers(circuit: Circuit, task: Task) -> None:
    """Refuse an output population that is not one cell per target."""
    size = circuit.population(circuit.output).size
    if size != task.n_outputs:
        raise ConfigError(
            f"output population {circuit.output!r} has {size} cells, but task "
            f"{task.name!r} has {task.n_outputs} targets to compare their answers "
            "with: one cell for each is needed; name another `output`, or give it "
            f"{task.n_outputs} cells"
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


def check_task(circuit: Circuit, task: Task) -> None:
    """Refuse a task that does not fit a circuit, or asks for what it cannot give.

    Raises
    ------
    ConfigError, DataError
    """
    check_task_fits(circuit, task)
    check_answers(circuit, task)
    check_task_values(circuit, task)
    # Other losses than the integral one need no potential of a target.
    if circuit.network is not None and circuit.network.loss == "integral":
        for split in task.splits.values():
            check_reachable(circuit, split.targets, f"task {task.name!r}")
