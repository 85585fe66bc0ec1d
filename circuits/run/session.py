"""The moving parts of a training run: replicas, tests, probes, histories."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from circuits.checkpoint import check_arrays, state_sha256
from circuits.circuit import Circuit
from circuits.engine.replicas import Replicas
from circuits.engine.sweep_counts import mean_sweeps
from circuits.integrators import ACCURACY, EQUILIBRIUM
from circuits.run.course import Course
from circuits.run.history import MAIN, History
from circuits.run.jumps import most_jumps
from circuits.run.probing import Look, answering
from circuits.run.shown import patterns_of
from circuits.run.train_memory import STREAMED, TEST_BATCH, training_bytes
from circuits.run.train_options import TrainOptions
from circuits.synapses import numbers_of
from circuits.task import Split, Task, score
from dendrites._memory import check_memory
from dendrites.random import generator

# What a run is said to use if its presentations take no time.
SETTLED = "settled"
LARGEST_TRAIN_TEST = 500


class Session:
    """A circuit and its controls in training.

    Parameters
    ----------
    circuit : Circuit
    task : Task
    options : TrainOptions
    announce : callable, optional
        Receives the message that loops are being compiled.
    """

    def __init__(
        self,
        circuit: Circuit,
        task: Task,
        options: TrainOptions,
        announce: Callable | None = None,
    ):
        self.circuit, self.task, self.options = circuit, task, options
        self.names = [MAIN, *options.controls]
        n, run = len(self.names), options.run
        jumps = run.integrator.jumps
        if run.integrator.name == EQUILIBRIUM:
            jumps = jumps or 1
        # Of each runner what it is planned by.
        training = run.sizes | {"batch": options.batch, "jumps": jumps}
        testing = training | {"batch": TEST_BATCH, "block": 1}
        self._answer = circuit.output, circuit.readout, circuit.readout_phase
        probing = training | {"batch": options.probe, "dtype": np.float64}
        probing |= {"optimiser": None}  # probes compare the update of the rule itself
        probes = bool(options.probes and options.probe)
        per_epoch = -(-len(task.splits["train"].inputs) // options.batch)
        self.course = Course(circuit, options.stages, per_epoch)
        training |= {"schedules": self.course.others, "looks": ()}
        testing["looks"] = [self._answer if self._answer[-1] else self._answer[:2]]
        check_memory(
            training_bytes(circuit, n, training, testing, probing if probes else None),
            f"training {circuit.name!r}",
            advice="Use smaller populations or batches, fewer controls or float32.",
        )
        self.start = start = run.start(circuit)
        rates = [
            {**run.learning_rates, **dict.fromkeys(frozen, 0.0)}
            for frozen in ((), *options.controls.values())
        ]
        shared = run.engine | {"announce": announce}
        self.trainer = Replicas(circuit, [start] * n, rates=rates, **shared | training)
        self._rates = list(self.trainer.rates)
        self.tester = Replicas(circuit, [start] * n, stream="test", **shared | testing)
        self._look = None
        if probes:
            first = slice(0, options.probe)
            runner = Replicas(
                circuit, [start], rates=rates[:1], stream="probe", **shared | probing
            )
            split = task.splits["train"]
            self._look = Look(
                runner,
                self.patterns(split, first),
                split.inputs[first],
                split.targets[first],
            )
        if run.integrator.name == EQUILIBRIUM and run.integrator.jumps is None:
            some = self.patterns(task.splits["train"], slice(0, options.batch))
            accuracy = run.integrator.accuracy or ACCURACY
            jumps = most_jumps(self.trainer, some, self.course, accuracy)
            self.trainer.jumps = self.tester.jumps = jumps
            if self._look is not None:
                self._look.runner.jumps = jumps
        self.history = History()
        self.predictions = {}
        self._live = self.trainer.arrays()
        self._marked = {name: array.copy() for name, array in self._live.items()}
        self.keep()

    @property
    def integrator(self) -> str:
        """The integrator's name, or that presentations take no time."""
        if all(f.timeless for s in self.course.schedules for f in s.phases):
            return SETTLED
        return self.options.run.integrator.name

    def run_epoch(self, epoch: int, tick: Callable) -> None:
        """Train every replica for one epoch, then test and probe.

        Raises
        ------
        NumericalError
            Where and when a potential or weight left the finite numbers.
        """
        if not self.history.updates and self._look is not None:
            self.history.updates.append(self.probe(0))
        self._sweeps()  # what an interrupted epoch left
        begun = time.perf_counter()
        self.trainer.each_replica(lambda k: self._train(k, epoch, tick))
        row = {"wall_time": time.perf_counter() - begun, **self._sweeps(epoch)}
        for split, examples in self.tested_splits().items():
            for k, name in enumerate(self.names):
                result = self.test(k, examples)
                row[f"{name}/{split}/loss"] = result["loss"]
                if "error_rate" in result:
                    row[f"{name}/{split}/error_rate"] = result["error_rate"]
                if k == 0:
                    self.predictions[split] = result["rates"]
        self.history.epochs.append(row)
        if self._look is not None:
            self.history.updates.append(self.probe(epoch))

    def tested_splits(self) -> dict[str, Split]:
        """Splits that are tested after every epoch; long training splits in part."""
        return {
            name: Split(
                *(None if part is None else part[:LARGEST_TRAIN_TEST] for part in split)
            )
            if name == "train"
            else split
            for name, split in self.task.splits.items()
        }

    def test(self, k: int, split: Split) -> dict:
        """Answers of replica k: rates (n, n_outputs), loss and error rate."""
        self.tester.copy_weights(k, self.trainer)
        rates, circuit = [], self.circuit
        for start in range(0, len(split.inputs), TEST_BATCH):
            lanes = self.tester.present(
                k,
                self.patterns(split, slice(start, start + TEST_BATCH)),
                answering(circuit),
                presentation=start // TEST_BATCH,
                learning=False,
            )
            rates.append(self.tester.read(k, lanes, *self._answer))
        return score(np.concatenate(rates).astype(float), split)

    def probe(self, epoch: int) -> dict:
        """What probes find after this epoch, with the learning rates of the next."""
        look = self._look.at(self.trainer, epoch, self._decay(epoch))
        examples = epoch * len(self.task.splits["train"].inputs)
        row = {"epoch_at": epoch, "examples_seen": examples}
        for probe in self.options.probes:
            row |= probe.measure(look)
        return row

    def patterns(self, split: Split, rows) -> dict:
        """What every clamped population shows for these examples."""
        return patterns_of(self.circuit, split.inputs[rows], split.targets[rows])

    def arrays(self) -> dict:
        """Everything a resumed run needs."""
        return {**self.trainer.arrays(), **self.history.arrays()}

    def restore(self, arrays: Mapping) -> None:
        """Take up the arrays of a checkpoint.

        Raises
        ------
        CheckpointError
            If they are not those of a run with these options.
        """
        check_arrays(arrays, {**self.trainer.arrays(), **self._curves_of(arrays)})
        self.trainer.restore(arrays)
        self.history.restore(arrays)
        self.keep()

    def keep(self) -> None:
        """Remember this moment, the end of an epoch, for `roll_back`."""
        arrays = {name: array.copy() for name, array in self.trainer.arrays().items()}
        rows = [*self.history.epochs], [*self.history.updates]
        self._kept = arrays, rows, dict(self.predictions)

    def roll_back(self) -> None:
        """Return out of an epoch that was interrupted to the end of the last one.

        Out of the first one, to the last presentation that was finished.
        """
        arrays, (epochs, updates), self.predictions = self._kept
        if not epochs:
            # A probe of the start is still of the start.
            arrays, updates = self._marked, self.history.updates[:1]
        self.trainer.restore(arrays)
        self.history.epochs[:], self.history.updates[:] = epochs, updates

    def _mark(self, k):
        """Remember the first epoch's last finished presentation of a replica."""
        for name, array in self._live.items():
            if name.startswith(f"replica{k}/"):
                np.copyto(self._marked[name], array)

    def _decay(self, epochs):
        return self.options.rate_decay**epochs

    def _curves_of(self, saved):
        """Arrays of the shapes and types of a checkpoint's curves."""
        n = min(np.size(saved.get("history/epochs/wall_time", ())), self.options.epochs)
        curves = {f"history/epochs/{name}": np.empty(n) for name in self._columns()}
        if self._look is not None:
            for probe in self.options.probes:
                for name in probe.columns(self.circuit):
                    curves[f"history/updates/{name}"] = np.empty(n + 1)
            for name in ("epoch_at", "examples_seen"):
                curves[f"history/updates/{name}"] = np.empty(n + 1, np.int64)
        return curves

    def _sweeps(self, epoch=1):
        n = len(self.task.splits["train"].inputs)
        examples = self.course.examples(epoch, n, self.options.batch)
        return mean_sweeps(self.trainer.layout, self.trainer.lanes[0], examples)

    def _columns(self):
        yield from ("wall_time", *self._sweeps())
        for split, examples in self.tested_splits().items():
            for name in self.names:
                yield f"{name}/{split}/loss"
                if examples.labels is not None:
                    yield f"{name}/{split}/error_rate"

    def fingerprints(self) -> dict[str, str]:
        """Of what a configuration names but does not hold."""
        data = {
            f"{name}/{column}": array
            for name, split in self.task.splits.items()
            for column, array in split._asdict().items()
            if array is not None
        }
        return {
            "data_sha256": state_sha256(data),
            "initial_weights_sha256": state_sha256(
                {name: numbers_of(w) for name, w in self.start.items()}
            ),
        }

    def _train(self, k, epoch, tick):
        split = self.task.splits["train"]
        n, batch = len(split.inputs), self.options.batch
        # The same order for every replica: they differ in what they may learn only.
        order = generator(self.options.run.seed, f"order/{epoch}").permutation(n)
        course, rates = self.course, self._rates[k] * self._decay(epoch - 1)
        per_epoch, b = course.per_epoch, 0
        while b < per_epoch:
            if self.trainer.stopping.is_set():
                return
            stage, left = course.at((epoch - 1) * per_epoch + b)
            schedule = course.schedules[stage]
            self.trainer.rates[k] = course.rates(stage, rates)
            # Presentations without time are short: many are shown at once.
            whole = n // batch if self.trainer.streams(schedule) else 0
            count = max(min(STREAMED, whole - b, left), 1)
            show = self.trainer.present_many if b < whole else self.trainer.present
            show(
                k,
                self.patterns(split, order[b * batch : (b + count) * batch]),
                schedule,
                presentation=(epoch - 1) * per_epoch + b,
            )
            b += count
            if epoch == 1:
                self._mark(k)
            if k == 0:
                tick((epoch - 1) * per_epoch + b, per_epoch)
