"""The moving parts of a training run: replicas, tests, probes, histories."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from circuits.alignment import Alignment, measure_alignment
from circuits.checkpoint import check_arrays, state_sha256
from circuits.circuit import Circuit
from circuits.engine.jumps import drift, find_jumps
from circuits.engine.runner import CHUNK, Runner, run_bytes
from circuits.gradient import negative_gradient
from circuits.schedule import Schedule
from circuits.task import Split, Task
from circuits.weights import initial_weights
from dendrites._memory import check_memory
from dendrites.random import generator

MAIN = "main"
EXACT, BLOCKED, EQUILIBRIUM = "exact", "blocked", "equilibrium"
INTEGRATORS = (EXACT, BLOCKED, EQUILIBRIUM)
# What a run is said to use if its presentations take no time.
SETTLED = "settled"
LARGEST_TRAIN_TEST = 500
TEST_BATCH = 8 * CHUNK
_FACTS = Alignment._fields
STREAMED = 100  # presentations shown by one call, about 0.1 s of a large circuit


@dataclass(frozen=True)
class Options:
    """What a run was asked for; see `circuits.train`."""

    epochs: int
    batch: int
    block: int
    seed: int
    dtype: type
    chunk: int
    threads: int
    probe: int
    rate_decay: float = 1.0
    integrator: str = EXACT
    jumps: int | None = None
    accuracy: float = 0.01


@dataclass
class History:
    """Curves of a run, by name; every list grows by one entry per epoch."""

    epochs: list = field(default_factory=list)
    updates: list = field(default_factory=list)

    def arrays(self) -> dict:
        """As arrays for a checkpoint."""
        return {
            f"history/{kind}/{name}": np.array([row[name] for row in rows])
            for kind, rows in (("epochs", self.epochs), ("updates", self.updates))
            for name in (rows[0] if rows else ())
        }

    def restore(self, arrays: Mapping) -> None:
        """Take up the arrays of a checkpoint."""
        for kind, rows in (("epochs", self.epochs), ("updates", self.updates)):
            prefix = f"history/{kind}/"
            columns = {
                key.removeprefix(prefix): value
                for key, value in arrays.items()
                if key.startswith(prefix)
            }
            length = len(next(iter(columns.values()), ()))
            rows[:] = [{k: v[i] for k, v in columns.items()} for i in range(length)]


class Session:
    """A circuit and its controls in training.

    Parameters
    ----------
    circuit : Circuit
    task : Task
    options : Options
    weights : mapping, initial weights or initialisers by projection
    learning_rates : mapping, by projection, 1/ms or per presentation
    controls : mapping of str to tuple of str
        Further replicas of the same circuit: the projections that each freezes.
    announce : callable
        Receives the message that loops are being compiled.
    """

    def __init__(
        self, circuit, task, options, weights, learning_rates, controls, announce
    ):
        self.circuit: Circuit = circuit
        self.task: Task = task
        self.options: Options = options
        self.names = [MAIN, *controls]
        n = len(self.names)
        probes = bool(options.probe and circuit.layers)
        # Of each runner what it is planned by.
        training = {"batch": options.batch, "block": options.block}
        testing = {"batch": TEST_BATCH}
        probing = {"batch": options.probe, "block": options.block}
        runs = [(n, training), (n, {**testing, "learning": False})]
        runs += [(1, probing)] if probes else []
        check_memory(
            self._needed_bytes(runs),
            f"training {circuit.name!r}",
            advice="Use smaller populations or batches, fewer controls or float32.",
        )
        self.start = initial_weights(circuit, seed=options.seed, given=weights)
        start = self.start
        rates = [
            {**learning_rates, **dict.fromkeys(frozen, 0.0)}
            for frozen in ((), *controls.values())
        ]
        shared = {
            "dtype": options.dtype,
            "chunk": options.chunk,
            "threads": options.threads,
            "seed": options.seed,
            "announce": announce,
        }
        self.trainer = Runner(
            circuit,
            [start] * n,
            rates=rates,
            jumps=self._first_jumps(),
            **training,
            **shared,
        )
        self._rates = list(self.trainer.rates)
        self.tester = Runner(
            circuit,
            [start] * n,
            jumps=self._first_jumps(),
            **testing,
            **{**shared, "stream": "test"},
        )
        self.prober = None
        if probes:
            self.prober = Runner(
                circuit,
                [start],
                rates=rates[:1],
                jumps=self._first_jumps(),
                **probing,
                **{**shared, "dtype": np.float64, "stream": "probe"},
            )
        if options.integrator == EQUILIBRIUM and options.jumps is None:
            self._choose_jumps()
        self.history = History()
        self.predictions = {}
        self.keep()

    def _needed_bytes(self, runs):
        """Memory of all runners, of weights outside them, and of what is shown."""
        circuit, options = self.circuit, self.options
        shared = {"chunk": options.chunk, "jumps": self._first_jumps()}
        needed = sum(
            run_bytes(
                circuit,
                replicas=replicas,
                dtype=options.dtype if k < 2 else np.float64,
                **planned,
                **shared,
            )
            for k, (replicas, planned) in enumerate(runs)
        )
        weights = sum(math.prod(circuit.shape(p.name)) for p in circuit.projections)
        # The start; of a probe also weights before and after, and the gradient.
        needed += 8 * weights * (4 if len(runs) > 2 else 2)
        samples = max(TEST_BATCH, options.batch)
        if all(phase.settle for phase in circuit.schedule.phases):
            samples = max(samples, options.batch * STREAMED)
        width = sum(p.size for p in circuit.populations if p.model.clamped)
        return needed + 8 * samples * width

    @property
    def integrator(self) -> str:
        """The integrator's name, or that presentations take no time."""
        phases = self.circuit.schedule.phases
        if all(phase.settle for phase in phases):
            return SETTLED
        return self.options.integrator

    def _first_jumps(self):
        if self.options.integrator != EQUILIBRIUM:
            return None
        return self.options.jumps or 1

    def _choose_jumps(self):
        """Double the number of jumps until halving them again changes little.

        Judged on the weight change of the first presentation, where rates of change
        are usually largest.
        """
        split = self.task.splits["train"]
        patterns = self.patterns(split, slice(0, self.options.batch))
        runner = self.trainer
        runner.jumps = find_jumps(
            runner, patterns, self.circuit.schedule, self.options.accuracy
        )
        for other in (self.tester, self.prober):
            if other is not None:
                other.jumps = runner.jumps

    def run_epoch(self, epoch: int, tick) -> None:
        """Train every replica for one epoch, then test and probe.

        Raises
        ------
        NumericalError
            Where and when a potential or weight left the finite numbers.
        """
        if not self.history.updates and self.prober is not None:
            self.history.updates.append(self.probe(0))
        for k, rates in enumerate(self._rates):
            self.trainer.rates[k] = rates * self.options.rate_decay ** (epoch - 1)
        begun = time.perf_counter()
        self.trainer.each_replica(lambda k: self._train(k, epoch, tick))
        row = {"wall_time": time.perf_counter() - begun}
        for split, examples in self.tested_splits().items():
            for k, name in enumerate(self.names):
                result = self.test(k, examples)
                row[f"{name}/{split}/loss"] = result["loss"]
                if "error_rate" in result:
                    row[f"{name}/{split}/error_rate"] = result["error_rate"]
                if k == 0:
                    self.predictions[split] = result["rates"]
        self.history.epochs.append(row)
        if self.prober is not None:
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
        self._lend_weights(k)
        rates = []
        for start in range(0, len(split.inputs), TEST_BATCH):
            lanes = self.tester.present(
                k,
                self.patterns(split, slice(start, start + TEST_BATCH)),
                self._test_schedule(),
                presentation=start // TEST_BATCH,
                learning=False,
            )
            circuit = self.circuit
            rates.append(
                self.tester.read(
                    k, lanes, circuit.output, circuit.readout, circuit.readout_phase
                )
            )
        return score(np.concatenate(rates).astype(float), split)

    def probe(self, epoch: int) -> dict:
        """Alignment of one presentation's weight change with the exact gradient."""
        split, n = self.task.splits["train"], self.options.probe
        weights = self.trainer.weights(0)
        patterns = self.patterns(split, slice(0, n))
        runner = self.prober
        runner.replicas[0][:] = runner.plan.replica(weights)
        silence = self._silence(patterns)  # before the presentation moves the weights
        if self.integrator == EQUILIBRIUM:
            schedule = self.circuit.schedule
            silence["drift"] = drift(runner, patterns, schedule, presentation=epoch)
        # From rest: what the last probe ended in is not part of a checkpoint.
        schedule = replace(self.circuit.schedule, carry_state=False)
        runner.present(0, patterns, schedule, presentation=epoch)
        after = runner.weights(0)
        reference = negative_gradient(
            self.circuit, weights, split.inputs[:n], split.targets[:n]
        )
        row = {"epoch_at": epoch, "examples_seen": epoch * len(split.inputs)}
        for layer in self.circuit.layers:
            found = measure_alignment(
                after[layer.projection] - weights[layer.projection],
                reference[layer.projection],
            )
            for name, value in found._asdict().items():
                row[f"{layer.population}/{name}"] = value
        return {**row, **silence}

    def _silence(self, patterns):
        """Root mean square of apical potentials without a teacher."""
        lanes = self.prober.present(
            0, patterns, self._untaught_schedule(), learning=False
        )
        return {
            f"{name}/sps_residual": float(
                np.sqrt(np.mean(self.prober.read_out(lanes, name, "apical") ** 2))
            )
            for name in self._with_apical()
        }

    def patterns(self, split: Split, rows) -> dict:
        """What every clamped population shows for these examples."""
        n = len(split.inputs[rows])
        columns = {"inputs": split.inputs, "targets": split.targets}
        return {
            p.name: columns[p.pattern][rows]
            if isinstance(p.pattern, str)
            else np.full((n, p.size), float(p.pattern or 0.0))
            for p in self.circuit.populations
            if p.model.clamped
        }

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
        """Return to the end of the last epoch, out of one that was interrupted."""
        arrays, (epochs, updates), self.predictions = self._kept
        self.trainer.restore(arrays)
        self.history.epochs[:], self.history.updates[:] = epochs, updates

    def _curves_of(self, saved):
        """Arrays of the shapes and types of a checkpoint's curves."""
        n = min(np.size(saved.get("history/epochs/wall_time", ())), self.options.epochs)
        curves = {f"history/epochs/{name}": np.empty(n) for name in self._columns()}
        if self.prober is not None:
            names = [
                *(f"{a.population}/{b}" for a in self.circuit.layers for b in _FACTS),
                *(f"{p}/sps_residual" for p in self._with_apical()),
                *(("drift",) if self.integrator == EQUILIBRIUM else ()),
            ]
            curves |= {f"history/updates/{name}": np.empty(n + 1) for name in names}
            for name in ("epoch_at", "examples_seen"):
                curves[f"history/updates/{name}"] = np.empty(n + 1, np.int64)
        return curves

    def _columns(self):
        yield "wall_time"
        for split, examples in self.tested_splits().items():
            for name in self.names:
                yield f"{name}/{split}/loss"
                if examples.labels is not None:
                    yield f"{name}/{split}/error_rate"

    def _with_apical(self):
        return [
            p.name
            for p in self.circuit.populations
            if "apical" in p.model.state._fields
        ]

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
            "initial_weights_sha256": state_sha256(self.start),
        }

    def _train(self, k, epoch, tick):
        split = self.task.splits["train"]
        n, batch = len(split.inputs), self.options.batch
        # The same order for every replica: they differ in what they may learn only.
        order = generator(self.options.seed, f"order/{epoch}").permutation(n)
        per_epoch = -(-n // batch)
        # Presentations without time are short: many are shown at once.
        whole = n // batch if self.trainer.streams(self.circuit.schedule) else 0
        b = 0
        while b < per_epoch:
            if self.trainer.stopping.is_set():
                return
            count = max(min(STREAMED, whole - b), 1)
            show = self.trainer.present_many if b < whole else self.trainer.present
            show(
                k,
                self.patterns(split, order[b * batch : (b + count) * batch]),
                self.circuit.schedule,
                presentation=(epoch - 1) * per_epoch + b,
            )
            b += count
            if k == 0:
                tick((epoch - 1) * per_epoch + b, per_epoch)

    def _test_schedule(self):
        # Answers must not depend on what was shown before.
        schedule = self.circuit.test_schedule or self.circuit.schedule
        return replace(schedule, carry_state=False)

    def _untaught_schedule(self):
        """A presentation without teacher in which every cell takes part."""
        schedule = self.circuit.schedule
        if not any(phase.settle for phase in schedule.phases):
            return self._test_schedule()
        # Sweeps that only answer leave the apical dendrites out.
        teachers = {p.name for p in self.circuit.populations if p.pattern == "targets"}
        phases = tuple(
            replace(phase, on=tuple(name for name in phase.on if name not in teachers))
            for phase in schedule.phases
        )
        return Schedule(phases)

    def _lend_weights(self, k):
        n = self.trainer.plan.tables.filter
        self.tester.replicas[k][:n] = self.trainer.replicas[k][:n]


def score(rates: np.ndarray, split: Split) -> dict:
    """Loss (mean squared rate error, summed over outputs) and error rate of answers."""
    loss = float(np.mean(np.sum((split.targets - rates) ** 2, axis=1)))
    result = {"rates": rates, "loss": loss}
    if split.labels is not None:
        result["error_rate"] = float(np.mean(rates.argmax(axis=1) != split.labels))
    return result
