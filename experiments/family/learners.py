"""Replicas of one circuit that learn the same task, each from its own seed."""

import time
from collections.abc import Sequence

import numpy as np

import circuits
from circuits.circuit import Circuit
from circuits.engine.replicas import Replicas
from circuits.run.options import run_options
from circuits.run.probing import answering
from circuits.run.shown import patterns_of
from circuits.run.task_fits import check_task
from circuits.run.train_memory import TEST_BATCH
from circuits.task import Split, Task, score
from dendrites._blas import serial_blas
from dendrites.random import generator

AT_ONCE = 100  # batches, between looks at whether the run is being stopped


class Learners:
    """One compiled circuit, with weights and examples of its own for every seed.

    Parameters
    ----------
    circuit : Circuit
    tasks : sequence of Task
        One for each seed.
    seeds : sequence of int
        Of initial weights and of the order of examples.
    batch : int
        Examples side by side.
    factor : float
        On all learning rates.
    threads : int, optional

    Attributes
    ----------
    seconds : ndarray (n_seeds,)
        Processor time of learning so far.
    """

    def __init__(
        self,
        circuit: Circuit,
        tasks: Sequence[Task],
        seeds: Sequence[int],
        *,
        batch: int,
        factor: float = 1.0,
        threads: int | None = None,
    ):
        check_task(circuit, tasks[0])
        self.circuit, self.tasks, self.seeds = circuit, tasks, [*seeds]
        self.batch, self.examples = batch, 0
        options = run_options(circuit, seed=self.seeds[0], threads=threads)
        starts = [circuits.initial_weights(circuit, seed=seed) for seed in self.seeds]
        rates = {
            p.name: factor * p.rule.learning_rate
            for p in circuit.projections
            if p.learns
        }
        output = circuit.output, circuit.readout, circuit.readout_phase
        self._answer = output if output[-1] else output[:2]
        self._schedule = answering(circuit)
        with serial_blas():
            self.runner = Replicas(
                circuit,
                starts,
                rates=[rates] * len(starts),
                looks=(),
                **options.engine | {"batch": batch},
            )
            self.tester = Replicas(
                circuit,
                starts,
                stream="test",
                looks=[self._answer],
                **options.engine | {"batch": TEST_BATCH, "block": 1},
            )
        self.seconds = np.zeros(len(starts))

    def advance(self, examples: int) -> None:
        """Learn until so many examples have been shown, whole batches of them.

        Raises
        ------
        NumericalError
            If a circuit diverges.
        """
        first, last = self.examples // self.batch, -(-examples // self.batch)
        with serial_blas():
            self.runner.each_replica(lambda k: self._learn(k, first, last))
        self.examples = last * self.batch

    def test(self, split: str) -> np.ndarray:
        """Share of wrong answers of every seed, on the examples of a split."""
        with serial_blas():
            return np.array(
                self.tester.each_replica(lambda k: self._test(k, split)), float
            )

    def weights(self, k: int) -> dict[str, np.ndarray]:
        """Weights of a replica but for those that are tied to others."""
        found = self.runner.weights(k)
        tied = {p.name for p in self.circuit.projections if p.tied_to is not None}
        return {name: w for name, w in found.items() if name not in tied}

    def _learn(self, k, first, last):
        split = self.tasks[k].splits["train"]
        streams = self.runner.streams(self.circuit.schedule)
        many = AT_ONCE if streams else 1
        show = self.runner.present_many if streams else self.runner.present
        for number in range(first, last, many):
            if self.runner.stopping.is_set():
                return
            stop = min(number + many, last)
            rows = self._rows(k, number * self.batch, stop * self.batch)
            shown = patterns_of(self.circuit, split.inputs[rows], split.targets[rows])
            begun = time.thread_time()
            show(k, shown, self.circuit.schedule, presentation=number)
            self.seconds[k] += time.thread_time() - begun

    def _rows(self, k, start, stop):
        """Examples shown from one to another; every pass has an order of its own."""
        n = len(self.tasks[k].splits["train"].inputs)
        order = [
            generator(self.seeds[k], f"order/{epoch}").permutation(n)
            for epoch in range(start // n + 1, (stop - 1) // n + 2)
        ]
        skipped = start // n * n
        return np.concatenate(order)[start - skipped : stop - skipped]

    def _test(self, k, split):
        examples: Split = self.tasks[k].splits[split]
        self.tester.copy_weights(k, self.runner)
        rates = []
        for start in range(0, len(examples.inputs), TEST_BATCH):
            part = slice(start, start + TEST_BATCH)
            shown = patterns_of(
                self.circuit, examples.inputs[part], examples.targets[part]
            )
            lanes = self.tester.present(
                k,
                shown,
                self._schedule,
                presentation=start // TEST_BATCH,
                learning=False,
            )
            rates.append(self.tester.read(k, lanes, *self._answer))
        return score(np.concatenate(rates).astype(float), examples)["error_rate"]
