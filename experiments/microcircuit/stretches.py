"""A circuit and its shallow control, trained in stretches and measured in between."""

import uuid

import numpy as np

import circuits
from circuits.checkpoint import check_arrays, load_same_run, run_header
from circuits.circuit import Circuit
from circuits.run.stored_weights import weight_group
from circuits.task import Split, Task
from dendrites.provenance import now

READOUT = "hidden1_to_output_basal"
TOP_DOWN = "output_to_hidden1_apical"
MAIN, SHALLOW = "main", "shallow"
FIRST, PER_DECADE, LONGEST = 100, 8, 250_000
PROBE = 100  # examples whose mean update is compared with the exact gradient


def moments(trials: int) -> list[int]:
    """Numbers of trials after which to measure: in ratios of 1.33, from 100 on.

    Never more than 250,000 apart, so that no checkpoint is long in coming.
    """
    ratio, found = 10 ** (1 / PER_DECADE), [min(FIRST, trials)]
    while found[-1] < trials:
        step = min(round(found[-1] * (ratio - 1)), LONGEST)
        found.append(min(found[-1] + step, trials))
    return found


class Run:
    """The circuit and its shallow control, from one measurement to the next.

    Every stretch is a call of `circuits.train` that starts from the weights the last
    one ended with: presentations without time leave no other state.

    Parameters
    ----------
    circuit : Circuit of one hidden layer, in the steady-state form
    task : Task
        Its training examples are shown one after the other, those of a stretch in
        random order; after the last one come the first again.
    threads : int, optional
    """

    def __init__(self, circuit: Circuit, task: Task, *, threads: int | None = None):
        kept = [p.name for p in circuit.projections if p.learns and p.name != READOUT]
        self.circuits = {MAIN: circuit, SHALLOW: circuit.frozen(*kept)}
        self.task, self.threads = task, threads
        self.start = circuits.initial_weights(circuit)
        self.weights = {name: dict(self.start) for name in self.circuits}
        found = circuits.evaluate(circuit, task, self.start, threads=threads)
        self.answers = found.score.values
        losses = dict.fromkeys(self.circuits, found.loss.item())
        self.rows = [self._row(0, losses, 0.0)]

    @property
    def trials(self) -> int:
        """Number of trials so far."""
        return int(self.rows[-1]["examples_seen"])

    def advance(self, stop: int) -> None:
        """Train both up to this number of trials and measure."""
        trees = {name: self._train(name, stop) for name in self.circuits}
        losses = {
            name: float(tree["training"].loss.sel(split="test")[-1])
            for name, tree in trees.items()
        }
        tree = trees[MAIN]
        self.answers = tree["predictions/test"].score.values[0]
        row = self._row(stop, losses, float(tree["training"].wall_time[-1]))
        for name in ("angle_to_bp", "sps_residual"):
            before, after = tree["diagnostics"][name].values
            self.rows[0].setdefault(name, before)
            row[name] = after
        self.rows.append(row)

    def table(self) -> dict[str, np.ndarray]:
        """Every measurement since the start, by name."""
        return {name: np.array([r[name] for r in self.rows]) for name in self.rows[-1]}

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything a resumed run needs."""
        weights = {
            f"weights/{name}/{projection}": values
            for name, found in self.weights.items()
            for projection, values in found.items()
        }
        rows = {f"rows/{name}": values for name, values in self.table().items()}
        return {**weights, **rows, "answers": self.answers}

    def restore(self, arrays) -> None:
        """Take up the arrays of a checkpoint."""
        check_arrays(arrays, self._forms(arrays))
        for name, found in self.weights.items():
            found |= {key: arrays[f"weights/{name}/{key}"] for key in found}
        columns = {
            key.removeprefix("rows/"): values
            for key, values in arrays.items()
            if key.startswith("rows/")
        }
        count = len(columns["examples_seen"])
        self.rows = [{k: v[i] for k, v in columns.items()} for i in range(count)]
        self.answers = arrays["answers"]

    def _forms(self, saved):
        """Arrays of the shapes and types of those of a checkpoint."""
        n = np.size(saved.get("rows/examples_seen", ()))
        rows = {name: np.empty(n) for name in ("wall_time", "angle_w_b")}
        rows |= {f"loss/{name}": np.empty(n) for name in self.circuits}
        layers = len(self.circuits[MAIN].network.layers)
        rows["angle_to_bp"] = np.empty((n, layers))
        rows["sps_residual"] = np.empty((n, layers - 1))  # of the hidden ones
        rows["examples_seen"] = np.empty(n, np.int64)
        now = {k: v for k, v in self.arrays().items() if not k.startswith("rows/")}
        return now | {f"rows/{name}": column for name, column in rows.items()}

    def _train(self, name, stop):
        tree = circuits.train(
            self.circuits[name],
            self._shown(stop),
            epochs=1,
            batch=1,
            weights=self.weights[name],
            threads=self.threads,
            probe=PROBE if name == MAIN else 0,
        )
        for projection, node in tree["weights"].children.items():
            self.weights[name][projection] = node.w.values[-1]
        return tree

    def _shown(self, stop):
        """The next examples up to this trial; after the last one the first again."""
        train = self.task.splits["train"]
        trials = np.arange(self.trials, stop)
        rows = trials % len(train.inputs)
        some = Split(train.inputs[rows], train.targets[rows], None, trials)
        return Task(self.task.name, {**self.task.splits, "train": some})

    def _row(self, trials, losses, seconds):
        weights = self.weights[MAIN]
        angle = circuits.measure_alignment(weights[READOUT], weights[TOP_DOWN].T).angle
        return {
            "examples_seen": trials,
            **{f"loss/{name}": loss for name, loss in losses.items()},
            "wall_time": seconds,
            "angle_w_b": angle,
        }


def new_header(config):
    """What a checkpoint says of its run."""
    return run_header(
        config,
        created_utc=now(),
        run_id=str(uuid.uuid4()),
        parent_run_id="",
        n_resumes=0,
    )


def resumed(run, checkpoint, config, resume):
    """Take up the checkpoint if there is one; what it changes in the header."""
    found = None if checkpoint is None else load_same_run(checkpoint, config, resume)
    if found is None:
        return {}
    saved, arrays = found
    run.restore(arrays)
    return {
        "created_utc": saved["created_utc"],
        "parent_run_id": saved["run_id"],
        "n_resumes": saved["n_resumes"] + 1,
    }


def weight_groups(run: Run) -> dict:
    """Weights of the circuit, start and end, as groups of a run tree."""
    done = len(run.rows) - 1
    return {
        f"/weights/{p.name}": weight_group(
            p,
            "snapshot",
            [run.start[p.name], run.weights[MAIN][p.name]],
            {"snapshot": np.arange(2), "epoch_at": ("snapshot", np.array([0, done]))},
            plastic=int(p.learns),
        )
        for p in run.circuits[MAIN].projections
        if p.learns or p.name == TOP_DOWN
    }
