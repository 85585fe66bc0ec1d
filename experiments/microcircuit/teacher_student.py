"""The teacher-student experiment: a circuit learns what another network computes."""

import time
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.parameters import Argument, Checkpoint, Progress, Resume, Seed, Threads
from experiments.record import question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
N_IN, N_OUT = 30, 10
FITTED = 10_000


@question()
def teacher_student(
    *,
    trials: Annotated[int, Argument("examples shown one by one"), Ge(1)] = 300_000,
    examples: Annotated[
        int, Argument("different examples; shown again once all were shown"), Ge(1)
    ] = 300_000,
    hidden: Annotated[int, Argument("hidden cells of the student"), Ge(1)] = 50,
    learning_rate: Annotated[
        float, Argument("of the output's bottom-up weights", "1/presentation"), Ge(0)
    ] = 2.0,
    hidden_rate: Annotated[
        float, Argument("of the hidden layer's", "1/presentation"), Ge(0)
    ] = 10.0,
    interneuron_rate: Annotated[
        float, Argument("of pyramidal-to-interneuron weights", "1/presentation"), Ge(0)
    ] = 4.0,
    apical_rate: Annotated[
        float, Argument("of interneuron-to-apical weights", "1/presentation"), Ge(0)
    ] = 1.0,
    self_predicting: Annotated[
        bool, Argument("start with silent apical dendrites, not with random weights")
    ] = False,
    test: Annotated[int, Argument("examples never shown, to test on"), Gt(1)] = 2000,
    seed: Annotated[Seed, Argument("of teacher, examples and initial weights")] = 0,
    threads: Threads = None,
    progress: Progress = False,
    checkpoint: Annotated[
        Checkpoint, Argument("file saved at every measurement")
    ] = None,
    resume: Resume = False,
):
    """Can a circuit with random weights throughout learn what a teacher computes?

    A circuit of 30-50-10 soft rectifiers in the steady-state form learns the rates of a
    random 30-20-10 network. Bottom-up, lateral and top-down weights start
    uniform(-1, 1); all but the top-down ones learn. A shallow control learns with its
    output weights alone. Errors are on examples never shown.

    Returns
    -------
    xarray.DataTree
        ``/training`` and ``/controls/shallow``: ``error_fraction`` (mean squared rate
        error over the variance of the teacher's rates about their means, on the test
        examples) and ``loss`` (summed over outputs), over trials. ``/diagnostics``:
        ``angle_w_b`` (output weights to transposed top-down ones), ``angle_to_bp``
        and ``sps_residual`` (root mean square of apical potentials without a teacher).
        ``/references``, ``/weights`` and ``/predictions/test``.

    Source: Sacramento et al. (2018), Fig. 2; sizes, transfer function and the range of
    weights are the paper's, rates are not (model page).
    """
    from tqdm import tqdm

    from circuits.checkpoint import save_checkpoint
    from circuits.describe import describe
    from experiments.microcircuit.stretches import Run, moments, new_header, resumed

    begun = time.perf_counter()
    task = teacher_task(min(trials, examples), test, seed)
    circuit = student_circuit(
        hidden=hidden,
        rates=(hidden_rate, learning_rate, interneuron_rate, apical_rate),
        self_predicting=self_predicting,
        seed=seed,
    )
    config = {
        "trials": trials,
        "examples": examples,
        "hidden": hidden,
        "learning_rate": learning_rate,
        "hidden_rate": hidden_rate,
        "interneuron_rate": interneuron_rate,
        "apical_rate": apical_rate,
        "self_predicting": self_predicting,
        "test": test,
        "seed": seed,
        "circuit": describe(circuit),
        "task": task.name,
    }
    run = Run(circuit, task, threads=threads)
    header = new_header(config)
    if resume:
        header |= resumed(run, checkpoint, config, resume)
    with tqdm(total=trials, unit="trial", disable=None if progress else True) as bar:
        bar.update(run.trials)
        for stop in moments(trials):
            if stop > run.trials:
                bar.update(stop - run.trials)
                run.advance(stop)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, header, run.arrays())
    return _tree(run, header, seconds=time.perf_counter() - begun)


def teacher_task(n_train: int, n_test: int, seed: int):
    """Examples of the published 30-20-10 teacher."""
    from experiments import tasks

    sizes = (N_IN, 20, N_OUT)
    return tasks.teacher_student(sizes=sizes, n_train=n_train, n_test=n_test, seed=seed)


def student_circuit(*, hidden, rates, self_predicting, seed):
    """The student; rates of W_1, W_2, W_IP and W_PI are per presentation."""
    from circuits.algorithms import sacramento
    from circuits.initialisers import Uniform
    from dendrites.transfer import soft_rectifier

    *basal, interneuron, apical = rates
    return sacramento(
        [N_IN, hidden, N_OUT],
        learning_rates=basal,
        interneuron_rate=interneuron,
        apical_rate=apical,
        phi=soft_rectifier(),
        form="two_sweep",
        self_predicting=self_predicting,
        basal_initial=Uniform(-1.0, 1.0),
        seed=seed,
    )


def shallow_optimum(circuit, test: int, seed: int) -> float:
    """Test loss of the best output weights on the initial hidden layer.

    Those with the least squared rate error on 10,000 training examples, by L-BFGS from
    linear least squares in the potentials.
    """
    from experiments.baselines.readout import frozen_readout, settled_score

    task = teacher_task(FITTED, test, seed)
    best = frozen_readout(circuit, task, loss="squared")
    return settled_score(circuit, task, best)["loss"]


def teacher_variance(targets: np.ndarray) -> float:
    """Variance of each output about its mean, summed over outputs.

    Parameters
    ----------
    targets : ndarray (n_examples, n_outputs)
    """
    return float(np.var(targets, axis=0).sum())


def _tree(run, header, *, seconds):
    """Everything measured, as a run tree."""
    from circuits.checkpoint import state_sha256
    from circuits.run.session import SETTLED
    from dendrites.dataset import group, run_tree
    from dendrites.provenance import now
    from experiments.microcircuit.stretches import MAIN, SHALLOW, weight_groups

    config, table, task = header["config"], run.table(), run.task
    variance = teacher_variance(task.splits["test"].targets)
    n_rows, circuit = len(run.rows), run.circuits[MAIN]
    seen = table["examples_seen"].astype(int)
    layers = [layer.population for layer in circuit.network.layers]

    def curves(name, **more):
        loss = table[f"loss/{name}"][1:, None]
        dims = ("epoch", "split")
        return group(
            {
                "loss": (dims, loss, "1", "squared rate error, summed over outputs"),
                "error_fraction": (
                    dims,
                    loss / variance,
                    "1",
                    "loss over the variance of the teacher's rates",
                ),
                **more,
            },
            {
                "epoch": np.arange(1, n_rows),
                "split": ["test"],
                "examples_seen": ("epoch", seen[1:]),
            },
        )

    spent = {"wall_time": (("epoch",), table["wall_time"][1:], "s", "training alone")}
    diagnostics = group(
        {
            "angle_w_b": (
                ("update",),
                table["angle_w_b"],
                "degree",
                "output weights to transposed top-down weights",
            ),
            "angle_to_bp": (("update", "layer"), table["angle_to_bp"], "degree"),
            "sps_residual": (
                ("update", "hidden_layer"),
                table["sps_residual"],
                "1",
                "root mean square of apical potentials without a teacher",
            ),
        },
        {
            "update": np.arange(n_rows),
            "layer": layers,
            "hidden_layer": layers[:-1],
            "epoch_at": ("update", np.arange(n_rows)),
            "examples_seen": ("update", seen),
        },
        reference=circuit.network.loss_formula,
    )
    best = shallow_optimum(circuit, config["test"], config["seed"]) / variance
    groups = {
        "/training": curves(MAIN, **spent),
        "/controls/shallow": curves(SHALLOW),
        "/diagnostics": diagnostics,
        "/references": group(
            {"error_fraction": (("reference",), np.array([best]), "1")},
            {"reference": ["shallow_optimum"]},
        ),
        "/predictions/test": _predictions(run, n_rows - 1),
        **weight_groups(run),
    }
    return run_tree(
        "training",
        config,
        groups,
        title="A microcircuit learns what another network computes",
        integrator=SETTLED,
        dt_ms=circuit.dt,
        dtype="float64",
        seed=config["seed"],
        n_epochs=n_rows - 1,
        created_utc=header["created_utc"],
        run_id=header["run_id"],
        parent_run_id=header["parent_run_id"],
        n_resumes=header["n_resumes"],
        citation=CITATION,
        data_sources=task.sources,
        headline=_headline(table, variance, best, seconds),
        extra={
            "finished_utc": now(),
            "state_sha256": state_sha256(run.weights[MAIN]),
            "teacher_variance": variance,
        },
    )


def _predictions(run, done):
    from dendrites.dataset import group

    test = run.task.splits["test"]
    dims = ("snapshot", "example", "class")
    return group(
        {
            "score": (dims, run.answers[None], "1", "output rate"),
            "target": (dims[1:], test.targets, "1", "rate of the teacher"),
        },
        {
            "snapshot": np.arange(1),
            "epoch_at": ("snapshot", np.array([done])),
            "example": test.index,
            "class": np.arange(N_OUT),
        },
    )


def _headline(table, variance, best, seconds):
    from experiments.microcircuit.stretches import MAIN, SHALLOW

    fractions = {name: table[f"loss/{name}"][-1] / variance for name in (MAIN, SHALLOW)}
    figures = (
        ("error_fraction", fractions[MAIN], "1", "", "unseen examples"),
        ("error_fraction_shallow", fractions[SHALLOW], "1", "", "unseen examples"),
        (
            "error_fraction_shallow_optimum",
            best,
            "1",
            "",
            "least squares",
        ),
        (
            "angle_w_b_deg",
            table["angle_w_b"][-1],
            "degree",
            "about 45",
            "Sacramento et al. (2018)",
        ),
        ("wall_s", seconds, "s", "", "this run"),
    )
    return {
        name: {"value": float(value), "unit": unit, "reference": ref, "source": source}
        for name, value, unit, ref, source in figures
    }
