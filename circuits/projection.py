"""Projection: weighted signals from one population to an input field of another."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from circuits.population import check_name
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.synaptic_rule import SynapticRule


@dataclass(frozen=True)
class Uniform:
    """Initial weights uniform(low, high), divided by sqrt(n_pre) if asked.

    With `share` below 1 only that share of them, drawn at random, is not zero.
    """

    low: float = -1.0
    high: float = 1.0
    per_root_fan_in: bool = False
    share: float = 1.0

    def __post_init__(self):
        if not 0 <= self.share <= 1:
            raise ModelError(
                f"Uniform: share = {self.share!r} of weights that are not zero: must "
                "be between 0 and 1"
            )


@dataclass(frozen=True)
class Constant:
    """Initial weights of one value."""

    value: float = 0.0


@dataclass(frozen=True)
class ScaledCopy:
    """Initial weights that are `factor` times those of another projection.

    With `transpose`, those of a projection that runs the other way.
    """

    of: str
    factor: float = 1.0
    transpose: bool = False


@dataclass(frozen=True)
class Tied:
    """Weights that are at every moment `factor` times those of another projection.

    With `noise` independent normal numbers of that standard deviation are added, drawn
    anew whenever a presentation has moved the other weights.
    """

    to: str
    factor: float = 1.0
    transpose: bool = False
    noise: float = 0.0


@dataclass(frozen=True, eq=False)
class Projection:
    """Signals of `pre`, weighted, summed into one input field of `post`.

    Parameters
    ----------
    pre, post : str
        Names of populations.
    field : str
        Input field of the postsynaptic model (a compartment's synaptic drive).
    signal : str
        Scalar read of the presynaptic cell.
    connectivity : {"dense", "one_to_one"} or ndarray of bool, (n_post, n_pre)
        A mask makes the projection sparse.
    rule : ActivityDifference or SynapticRule, optional
        None: the weights never change.
    plastic : bool
        False freezes the projection and keeps its rule.
    initial : Uniform, Constant, ScaledCopy or ndarray (n_post, n_pre)
        Where weights start unless a run is given others.
    tied_to : Tied, optional
        Weights follow another projection; excludes a rule.
    bounds : (float, float), optional
        Weights are clipped to this range after every update.
    clip : {"weights", "readout"}
        Whether the bounds act on the weight itself, or on its value where it is used
        and shown while the weight moves on unbounded (event-driven projections only).
    weight_decay : float
        Relative decay of the weights while the rule acts, 1/ms.
    delay : float, optional
        ms, whole steps, until a signal arrives. Default: one step, so a projection
        carries what its cells showed when the step began. 0: the presynaptic cells are
        stepped first and what they show after it arrives in the same step.
    carries : mapping of str to str, optional
        Variables of the postsynaptic cell that hold weighted sums of variables of the
        presynaptic cells: traces kept behind the synapse. Where a rule acts at the end
        of a presentation, they follow the change of the weights.
    name : str, optional
        Default: ``<pre>_to_<post>_<field>``.

    Raises
    ------
    ModelError
        For an impossible combination; names are checked by the Circuit.
    """

    pre: str
    post: str
    field: str
    signal: str = "rate"
    connectivity: str | np.ndarray = "dense"
    rule: ActivityDifference | SynapticRule | None = None
    plastic: bool = True
    initial: Uniform | Constant | ScaledCopy | np.ndarray = Constant(0.0)
    tied_to: Tied | None = None
    bounds: tuple[float, float] | None = None
    clip: str = "weights"
    weight_decay: float = 0.0
    delay: float | None = None
    carries: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self):
        if not self.name:
            object.__setattr__(self, "name", f"{self.pre}_to_{self.post}_{self.field}")
        check_name("projection", self.name)
        where = f"projection {self.name!r}"
        if isinstance(self.connectivity, np.ndarray):
            known = self.connectivity.dtype == bool
        else:
            known = self.connectivity in ("dense", "one_to_one")
        if not known:
            raise ModelError(
                f"{where}: connectivity = {self.connectivity!r:.60}: allowed: dense, "
                "one_to_one, or a boolean array (n_post, n_pre)"
            )
        if self.rule is not None and not isinstance(
            self.rule, (ActivityDifference, SynapticRule)
        ):
            raise ModelError(
                f"{where}: rule is a {type(self.rule).__name__}, must be an "
                "ActivityDifference or a SynapticRule"
            )
        if self.tied_to is not None and self.rule is not None:
            raise ModelError(
                f"{where}: a tied projection cannot have a rule of its own"
            )
        separable = isinstance(self.rule, ActivityDifference) and self.rule.continuous
        if self.weight_decay and self.rule is not None and not separable:
            raise ModelError(
                f"{where}: weight_decay = {self.weight_decay!r} 1/ms: only an "
                "ActivityDifference that acts at every step decays weights; write the "
                "decay into the rule"
            )
        if self.rule is None and (self.bounds is not None or self.weight_decay):
            raise ModelError(
                f"{where}: bounds and weight_decay act with a rule, and it has none"
            )
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            raise ModelError(
                f"{where}: bounds = {self.bounds}: the lower must be below the upper"
            )
        if self.clip not in ("weights", "readout"):
            raise ModelError(
                f"{where}: clip = {self.clip!r}: allowed: weights, readout"
            )
        if self.delay is not None and not 0 <= self.delay < float("inf"):
            raise ModelError(
                f"{where}: delay = {self.delay!r} ms: must be >= 0 and finite, or None "
                "for one step"
            )
        if self.tied_to is not None and not 0 <= self.tied_to.noise < float("inf"):
            raise ModelError(
                f"{where}: noise = {self.tied_to.noise!r} of tied weights: must be >= 0"
            )
        if self.tied_to and self.tied_to.noise and not self.tied_to.transpose:
            raise ModelError(
                f"{where}: only weights tied with transpose=True can have noise; "
                "others lie in the place of those they are tied to"
            )
        if not 0 <= self.weight_decay < float("inf"):
            raise ModelError(
                f"{where}: weight_decay = {self.weight_decay!r} 1/ms: must be >= 0"
            )

    @property
    def is_dense(self) -> bool:
        """Whether every pair of cells has a weight."""
        return isinstance(self.connectivity, str) and self.connectivity == "dense"

    @property
    def learns(self) -> bool:
        """Whether the weights can change during a run."""
        return self.rule is not None and self.plastic
