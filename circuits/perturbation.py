"""Perturbation: random numbers added to weights while some phases last."""

from collections.abc import Mapping
from dataclasses import dataclass

from dendrites._checks import choice, names, number, text
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError

# What a rule calls the numbers, in the place of a presynaptic read.
XI = "xi"
KINDS = ("normal", "sign")


@dataclass(frozen=True, eq=False)
class Perturbation:
    """In some phases a projection carries W + xi instead of W.

    Weight perturbation: with and without xi a circuit makes errors E' and E, and
    (E - E') xi / sigma**2 has the descent direction of E as its mean. xi is drawn anew
    for every presentation, is the same in all of its phases and for all samples of a
    batch, and never enters the weights. A rule that acts at the end of a presentation
    reads it as the presynaptic signal ``"xi"``, one number per synapse:

        dw_ij = learning_rate * mean of gain_i * (teaching_i - baseline_i) * xi_ij

    xi is addressed by (seed, ``perturbation/<projection>``, replica, number of the
    presentation, synapse) of `dendrites.random`, synapses counted presynaptic cell by
    presynaptic cell: ``sigma * normal(...)``, or minus sigma where ``uniform(...)`` is
    below one half and sigma elsewhere. `Presenter.perturbation` gives the last ones.
    Bounds and signs hold the weights, not what is added to them.

    Parameters
    ----------
    sigma : float
        Standard deviation, > 0, in the unit of the weights.
    kind : {"normal", "sign"}
        Normal numbers, or sigma with a random sign (simultaneous perturbation, SPSA).
    phases : tuple of str, or mapping of str to float
        Phases of the circuit's schedule. A mapping gives what xi is multiplied by in
        each, such as ``{"plus": 1.0, "minus": -1.0}`` for a symmetric difference.

    Raises
    ------
    ModelError

    Source: Jabri and Flower (1992) for weight perturbation, Spall (1992) for signs.
    """

    sigma: float
    kind: str = "normal"
    phases: tuple[str, ...] | Mapping[str, float] = ("perturbed",)

    def __post_init__(self):
        sigma = number("Perturbation: sigma", self.sigma, above=0.0)
        object.__setattr__(self, "sigma", sigma)
        choice("Perturbation: kind", self.kind, KINDS)
        where, given = "Perturbation: phases", self.phases
        if not isinstance(given, Mapping):
            given = dict.fromkeys(names(where, given), 1.0)
        for name, factor in given.items():
            text(f"{where}: a name", name)
            if number(f"{where}[{name!r}]", factor) == 0:
                raise ModelError(
                    f"{where}[{name!r}] = 0: nothing is added in that phase; leave it "
                    "out, or give another number"
                )
        if not given:
            raise ModelError(f"{where} is empty: name the phases in which xi is added")
        object.__setattr__(self, "phases", dict(given))

    def acts_in(self, phases) -> bool:
        """Whether xi is added in one of these phases."""
        return any(phase.name in self.phases for phase in phases)


def reads_xi(projection) -> bool:
    """Whether the rule of a projection reads what is added to its weights."""
    return any(XI in _signals(part) for part in _parts(projection.rule))


def check_perturbation(where: str, p) -> None:
    """Refuse what cannot be perturbed, and rules that cannot read xi.

    Raises
    ------
    ModelError
    """
    if not isinstance(p.perturbation, Perturbation):
        raise ModelError(
            f"{where}: perturbation = {p.perturbation!r:.60}: must be "
            "Perturbation(sigma, phases=(...)), or None"
        )
    where = f"{where}: perturbation"
    if p.tied_to is not None:
        raise ModelError(
            f"{where} of tied weights, which are at every moment those of another "
            "projection; perturb weights that are not tied"
        )
    if p.clip == "readout":
        raise ModelError(
            f"{where}: clip = 'readout' speaks of the weights themselves, not of what "
            "is added to them; leave it out, or the perturbation"
        )
    for part in _parts(p.rule) if reads_xi(p) else ():
        averaged = getattr(part, "average", None) == "products"
        if XI in _signals(part) and (part.continuous or averaged):
            raise ModelError(
                f"{where}: {XI!r} stands for a whole presentation, and only a rule "
                "that acts at its end, on averaged cells, can read it: give moments, "
                "and leave out average='products'"
            )


def _parts(rule):
    if rule is None:
        return ()
    return rule.parts if isinstance(rule, ActivityDifference) else (rule,)


def _signals(part):
    found = part.presynaptic or ()
    return (found,) if isinstance(found, str) else found
