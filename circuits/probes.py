"""Probes: what is measured during training, before it and after every epoch.

All look at one presentation of the first training examples, with the weights of that
moment, from cells at rest and empty update filters.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from circuits.alignment import Alignment as Angles
from circuits.alignment import measure_alignment
from circuits.engine.facts import modulated
from circuits.gradient import negative_gradient
from circuits.integrators import EQUILIBRIUM, Equilibrium
from circuits.synapses import minus
from dendrites._checks import shown, text
from dendrites.errors import ConfigError, choices


class Probe(ABC):
    """What all probes have."""

    @abstractmethod
    def check(self, circuit, integrator) -> None:
        """Refuse a circuit or an integrator that has nothing to measure."""

    @abstractmethod
    def columns(self, circuit) -> tuple[str, ...]:
        """Names of the numbers that `measure` gives."""

    @abstractmethod
    def measure(self, look) -> dict[str, float]:
        """The numbers of this moment; `look` is a `circuits.run.probing.Look`."""

    @abstractmethod
    def labelled(self, circuit, rows) -> tuple[dict, dict, dict]:
        """Variables, coordinates and attributes of a dataset; `rows` of numbers."""


@dataclass(frozen=True)
class Alignment(Probe):
    """How well the update of each layer follows the exact gradient.

    The update is that of the learning rates that come next; decay of weights counts,
    and what momentum or an optimiser make of updates does not. In ``/diagnostics``:
    ``angle_to_bp`` (update, layer), ``cosine_to_bp``, ``update_norm``, ``bp_norm``,
    ``size_ratio`` and ``sign_agreement``.
    """

    def check(self, circuit, integrator) -> None:
        """Refuse a circuit without a network, or with traces of single examples."""
        if circuit.network is None:
            raise ConfigError(
                f"probe Alignment: circuit {circuit.name!r} has no `network`, so there "
                "is no exact gradient to compare with; leave it out, or give it one"
            )
        if names := modulated(circuit):
            raise ConfigError(
                f"probe Alignment: the rule of {names[0]!r} has a modulator and moves "
                "the weights for one example at a time; there is no update of several "
                "examples to compare with. Leave the probe out"
            )

    def columns(self, circuit) -> tuple[str, ...]:
        """One for each layer and fact."""
        return tuple(
            f"{layer.population}/{fact}"
            for layer in circuit.network.layers
            for fact in Angles._fields
        )

    def measure(self, look) -> dict[str, float]:
        """Compare the weight change of a presentation with the gradient."""
        before, after = look.update()
        reference = negative_gradient(look.circuit, before, look.inputs, look.targets)
        return {
            f"{layer.population}/{name}": value
            for layer in look.circuit.network.layers
            for name, value in measure_alignment(
                minus(after[layer.projection], before[layer.projection]),
                reference[layer.projection],
            )
            ._asdict()
            .items()
        }

    def labelled(self, circuit, rows) -> tuple[dict, dict, dict]:
        """By update and layer."""
        layers = [layer.population for layer in circuit.network.layers]
        names = {
            "angle_to_bp": ("angle", "degree"),
            "cosine_to_bp": ("cosine", "1"),
            "update_norm": ("norm", "1"),
            "bp_norm": ("reference_norm", "1"),
            "size_ratio": ("size_ratio", "1"),
            "sign_agreement": ("sign_agreement", "1"),
        }
        variables = {
            name: (
                ("update", "layer"),
                np.array([[row[f"{layer}/{key}"] for layer in layers] for row in rows]),
                unit,
            )
            for name, (key, unit) in names.items()
        }
        return variables, {"layer": layers}, {"reference": circuit.network.loss_formula}


@dataclass(frozen=True)
class Silence(Probe):
    """How silent a compartment is without a teacher: root mean square of potentials.

    In ``/diagnostics``: ``sps_residual`` (update, hidden_layer) of "apical"; of another
    compartment ``silence_<compartment>`` (update, with_<compartment>).

    Parameters
    ----------
    compartment : str
        A variable of the cells' state; populations without it are left out.
    """

    compartment: str = "apical"

    def __post_init__(self):
        text("probe Silence: compartment", self.compartment, error=ConfigError)

    def populations(self, circuit) -> list[str]:
        """Those whose cells have the compartment."""
        return [
            p.name
            for p in circuit.populations
            if self.compartment in p.model.state._fields
        ]

    def check(self, circuit, integrator) -> None:
        """Refuse a circuit none of whose cells have the compartment."""
        if not self.populations(circuit):
            known = {n for p in circuit.populations for n in p.model.state._fields}
            raise ConfigError(
                f"probe Silence: no cells of circuit {circuit.name!r} have a variable "
                f"{self.compartment!r}. {choices(self.compartment, sorted(known))}"
            )

    def columns(self, circuit) -> tuple[str, ...]:
        """One for each population."""
        return tuple(f"{p}/{self._key}" for p in self.populations(circuit))

    def measure(self, look) -> dict[str, float]:
        """Of one presentation without a teacher."""
        found = look.untaught(self.populations(look.circuit), self.compartment)
        return {
            f"{name}/{self._key}": float(np.sqrt(np.mean(values**2)))
            for name, values in found.items()
        }

    def labelled(self, circuit, rows) -> tuple[dict, dict, dict]:
        """By update and population."""
        names, apical = self.populations(circuit), self.compartment == "apical"
        dim = "hidden_layer" if apical else f"with_{self.compartment}"
        values = np.array([[row[f"{p}/{self._key}"] for p in names] for row in rows])
        meaning = f"root mean square of {self.compartment} potentials without a teacher"
        variables = {self._key: (("update", dim), values, "1", meaning)}
        return variables, {dim: names}, {}

    @property
    def _key(self):
        apical = self.compartment == "apical"
        return "sps_residual" if apical else f"silence_{self.compartment}"


@dataclass(frozen=True)
class Drift(Probe):
    """How far an update of `equilibrium` is from that with twice the jumps.

    In ``/diagnostics``: ``drift`` (update).
    """

    def check(self, circuit, integrator) -> None:
        """Refuse integrators without jumps, and presentations without time."""
        if not isinstance(integrator, Equilibrium):
            raise ConfigError(
                f"probe Drift: the integrator {integrator.name!r} makes no jumps; "
                f"leave it out, or use {EQUILIBRIUM!r}"
            )
        if all(phase.timeless for phase in circuit.schedule.phases):
            raise ConfigError(
                "probe Drift: presentations without time make no jumps; leave it out"
            )

    def columns(self, circuit) -> tuple[str, ...]:
        """One."""
        return ("drift",)

    def measure(self, look) -> dict[str, float]:
        """The largest relative distance over projections."""
        return {"drift": look.drift()}

    def labelled(self, circuit, rows) -> tuple[dict, dict, dict]:
        """By update."""
        meaning = "relative distance of an update from that with twice the jumps"
        values = np.array([row["drift"] for row in rows])
        return {"drift": (("update",), values, "1", meaning)}, {}, {}


def usual_probes(circuit, integrator) -> tuple[Probe, ...]:
    """What is measured where nothing else is asked for: all that there is."""
    found = []
    for probe in (Silence(), Drift(), Alignment()):
        try:
            probe.check(circuit, integrator)
        except ConfigError:
            continue
        found.append(probe)
    return tuple(found) if circuit.network else ()


def check_probes(given, circuit, integrator) -> tuple[Probe, ...]:
    """The probes, each of which can measure something, none twice.

    Raises
    ------
    ConfigError
    """
    kinds = "Alignment(), Silence(compartment) or Drift() of circuits.probes"
    if isinstance(given, Probe):
        given = (given,)
    if not isinstance(given, tuple | list):
        raise ConfigError(
            f"probes = {shown(given)} is a {type(given).__name__}, must be a tuple of "
            + kinds
        )
    for probe in given:
        if not isinstance(probe, Probe):
            raise ConfigError(
                f"probes hold {shown(probe)}, a {type(probe).__name__}: must be {kinds}"
            )
        if given.count(probe) > 1:
            raise ConfigError(f"probes: {probe} is given twice")
        probe.check(circuit, integrator)
    return tuple(given)
