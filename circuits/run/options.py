"""How circuits are run: one checked set of options behind every door."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from circuits.circuit import Circuit
from circuits.engine.memory import CHUNK
from circuits.integrators import EXACT, Equilibrium, Integrator, as_integrator
from circuits.optimisers import Optimiser, check_optimiser
from circuits.weights import initial_weights
from dendrites._checks import choice, mapping, number, whole_number
from dendrites.errors import ConfigError, choices
from dendrites.random import check_seed

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class RunOptions:
    """What every run of a circuit is told; made by `run_options`.

    Parameters
    ----------
    integrator : Integrator
    dtype : {"float64", "float32"}
    chunk : int
        Samples per work unit.
    threads : int
    seed : int
    weights : dict
        Weights (n_post, n_pre) or initialisers, by projection.
    learning_rates : dict
        1/ms or per presentation, by projection.
    optimiser : Optimiser or None
    """

    integrator: Integrator
    dtype: str
    chunk: int
    threads: int
    seed: int
    weights: dict = field(repr=False)
    learning_rates: dict
    optimiser: Optimiser | None = None

    @property
    def number_type(self) -> type:
        """The type of all numbers inside."""
        return np.dtype(self.dtype).type

    @property
    def sizes(self) -> dict:
        """What decides the memory of a run."""
        return {
            "block": self.integrator.block,
            "jumps": self.integrator.jumps,
            "dtype": self.number_type,
            "chunk": self.chunk,
            "optimiser": self.optimiser,
        }

    @property
    def engine(self) -> dict:
        """Keywords of the engine."""
        return self.sizes | {
            "onset": self.integrator.onset,
            "threads": self.threads,
            "seed": self.seed,
        }

    @property
    def config(self) -> dict:
        """What decides the numbers of a run, by name, to be stored with them."""
        integrator = self.integrator
        onset = {} if integrator.onset is None else {"onset": integrator.onset}
        return {
            "integrator": integrator.name,
            "block": integrator.block,
            "jumps": integrator.jumps,
            **onset,
            "dtype": self.dtype,
            "seed": str(self.seed),
        }

    def start(self, circuit: Circuit) -> dict[str, np.ndarray]:
        """Weights (n_post, n_pre) at the start of the run, by projection."""
        return initial_weights(circuit, seed=self.seed, given=self.weights)


def run_options(
    circuit: Circuit,
    *,
    integrator: Integrator | str = EXACT,
    block: int | None = None,
    jumps: int | None = None,
    accuracy: float | None = None,
    finds_jumps: bool = False,
    dtype: str = "float64",
    chunk: int = CHUNK,
    threads: int | None = 1,
    seed: int | None = None,
    weights: Mapping | None = None,
    learning_rates: Mapping[str, float] | None = None,
    optimiser: Optimiser | None = None,
) -> RunOptions:
    """The options of a run, checked.

    `seed` is the circuit's and `threads` one per processor where they are None.
    `finds_jumps` says that the number of jumps may be left open.

    Raises
    ------
    ConfigError
        For what is out of range, does not belong together or does not fit the circuit.
    """
    found = as_integrator(integrator, block=block, jumps=jumps, accuracy=accuracy)
    found.check(circuit)
    if isinstance(found, Equilibrium) and not finds_jumps:
        found = found.with_jumps()
    return RunOptions(
        integrator=found,
        dtype=choice("dtype", dtype, DTYPES, error=ConfigError),
        chunk=whole_number("chunk", chunk, lowest=1),
        threads=check_threads(threads),
        seed=circuit.seed if seed is None else check_seed(seed),
        weights=mapping("weights", weights, "weights by projection"),
        learning_rates=check_learning_rates(circuit, learning_rates),
        optimiser=check_optimiser(circuit, optimiser),
    )


def check_threads(threads: int | None) -> int:
    """The number of threads; by default one per processor."""
    threads = (os.cpu_count() or 1) if threads is None else threads
    return whole_number("threads", threads, lowest=1)


def check_learning_rates(circuit: Circuit, rates: Mapping | None) -> dict:
    """Learning rates by projection; ConfigError for others than those that learn."""
    rates = mapping("learning_rates", rates, "rates by projection")
    learning = [p.name for p in circuit.projections if p.learns]
    for name, value in rates.items():
        if name not in learning:
            raise ConfigError(
                f"learning_rates: {name!r} is no projection that learns. "
                + choices(name, learning)
            )
        number(f"learning_rates[{name!r}]", value, least=0.0, error=ConfigError)
    return rates
