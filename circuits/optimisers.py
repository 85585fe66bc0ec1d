"""Optimisers: how the updates of presentations become changes of weights.

The update of a rule across phases, averaged over the samples, takes the place of the
negative gradient g, and its learning rate that of the step size. What an optimiser
remembers is kept with the weights of each replica, begins from 0, and is part of
checkpoints. The `weight_decay` of a projection shrinks the weight itself beside the
step and enters nothing that is remembered (as in AdamW).
"""

from dataclasses import dataclass
from typing import ClassVar

from dendrites._checks import flag, number, shown
from dendrites.errors import ConfigError


class Optimiser:
    """What all optimisers have.

    Attributes
    ----------
    kept : tuple of str
        What is remembered of each projection.
    """

    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sgd(Optimiser):
    """Steps along the update, with momentum: v' = mu v + g, dw = learning_rate * v'.

    Parameters
    ----------
    momentum : float
        mu, in [0, 1). 0 is what a run without an optimiser does.
    nesterov : bool
        dw = learning_rate * (g + mu v') instead; needs a momentum.

    Source: the convention of torch.optim.SGD, without dampening.
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self):
        object.__setattr__(self, "momentum", _share("Sgd: momentum", self.momentum))
        flag("Sgd: nesterov", self.nesterov, error=ConfigError)
        if self.nesterov and not self.momentum:
            raise ConfigError(
                "Sgd: nesterov = True: it looks ahead along the momentum, and momentum "
                "is 0; give one, such as momentum=0.9"
            )

    @property
    def kept(self) -> tuple[str, ...]:
        """The velocity."""
        return ("velocity",) if self.momentum else ()


@dataclass(frozen=True)
class Adam(Optimiser):
    """Steps of a size that the update's own history scales, weight by weight.

    m' = beta1 m + (1 - beta1) g, s' = beta2 s + (1 - beta2) g^2, and dw = learning_rate
    * (m' / c1) / (sqrt(s' / c2) + epsilon), where c = 1 - beta^t after t updates.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        > 0, in units of the update.

    Source: Kingma and Ba (2015), as in torch.optim.Adam.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    kept: ClassVar[tuple[str, ...]] = ("moment1", "moment2", "corrections")

    def __post_init__(self):
        for name in ("beta1", "beta2"):
            value = _share(f"Adam: {name}", getattr(self, name))
            object.__setattr__(self, name, value)
        epsilon = number("Adam: epsilon", self.epsilon, above=0.0, error=ConfigError)
        object.__setattr__(self, "epsilon", float(epsilon))


def _share(where, value):
    return float(number(where, value, least=0.0, below=1.0, error=ConfigError))


def optimiser_of(projection, optimiser: Optimiser | None) -> Optimiser | None:
    """What moves the weights of a projection at the end of a presentation, if any.

    The momentum of its own rule, or the optimiser of the run.
    """
    if not projection.learns or projection.rule.continuous:
        return None
    momentum = getattr(projection.rule, "momentum", 0.0)
    return Sgd(momentum) if momentum else optimiser


def check_optimiser(circuit, optimiser) -> Optimiser | None:
    """Refuse what is no optimiser, or one that rules of the circuit cannot use.

    Raises
    ------
    ConfigError
    """
    if optimiser is None:
        return None
    if not isinstance(optimiser, Optimiser):
        raise ConfigError(
            f"optimiser = {shown(optimiser)}: must be circuits.Sgd(momentum), "
            "circuits.Adam(beta1, beta2, epsilon) or None"
        )
    learning = [p for p in circuit.projections if p.learns]
    if not learning:
        raise ConfigError(
            f"optimiser = {optimiser}: no projection of circuit {circuit.name!r} learns"
        )
    for p in learning:
        if p.rule.continuous:
            raise ConfigError(
                f"optimiser = {optimiser}: the rule of projection {p.name!r} acts at "
                "every step, and an optimiser takes the updates of presentations. Give "
                "the rule the moments of phases, freeze the projection "
                "(plastic=False), or leave the optimiser out"
            )
        if getattr(p.rule, "momentum", 0.0):
            raise ConfigError(
                f"optimiser = {optimiser}: the rule of projection {p.name!r} has a "
                f"momentum of its own ({p.rule.momentum:g}); leave one of the two out"
            )
    return optimiser
