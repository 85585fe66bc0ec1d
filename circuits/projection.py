"""Projection: weighted signals from one population to an input field of another."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from circuits.connectivity import Connectivity, Dense, Edges, as_connectivity
from circuits.initialisers import (
    INITIALISERS,
    Constant,
    Distribution,
    ScaledCopy,
    plain_number,
)
from circuits.perturbation import Perturbation, check_perturbation, reads_xi
from circuits.shared_weights import SharedWeights
from circuits.signs import as_sign, check_sign
from circuits.ties import Tied
from dendrites._brief import brief
from dendrites._checks import (
    check_name,
    choice,
    flag,
    is_number,
    shown,
    text,
)
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.synaptic_rule import SynapticRule


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
    connectivity : Dense, OneToOne, Sparse, Random, a word, a number or a mask
        Kept as an object. The words are "dense" and "one_to_one"; a number is the
        probability with which each pair of cells has a synapse (`Random`). A mask
        (n_post, n_pre) makes the projection sparse: an array of bool, or a sparse array
        of scipy in any format, whose entries that are not zero are the synapses.
        Synapses share weights with `Convolution`, `LocallyConnected`, `Pooling`, what
        is `Transposed` of these, and `Shared`.
    rule : ActivityDifference or SynapticRule, optional
        None: the weights never change.
    plastic : bool
        False freezes the projection and keeps its rule.
    initial : Uniform, Normal, LogNormal, Constant, ScaledCopy or ndarray
        Where weights start unless a run is given others. An array is (n_post, n_pre),
        for a one-to-one projection (n,); for a sparse one it may be sparse (scipy).
    tied_to : Tied, optional
        Weights follow another projection; excludes a rule.
    bounds : (float, float), optional
        Weights are clipped to this range after every update; one end may be infinite.
        A conductance that learns needs a lower bound >= 0, or the sign 1.
    sign : 1, -1 or ndarray (n_pre,) of these, optional
        Dale's law: the sign of all weights, or of those of each presynaptic cell.
        Initialisers give sizes, abs(w) * sign; given weights of the other sign are
        refused; a weight that an update would bring across 0 stops there (so do
        weights predicted for the middle of a block). With `bounds` both hold.
    perturbation : Perturbation, optional
        In some phases the projection carries its weights and random numbers, which
        its rule may read as ``presynaptic="xi"``.
    clip : {"weights", "readout"}
        Whether the bounds act on the weight itself, or on its value where it is used
        and shown while the weight moves on unbounded (event-driven projections only).
    weight_decay : float
        Relative decay of the weights where their ActivityDifference acts: 1/ms at every
        step; of a rule across phases the share lambda that a presentation takes, W' =
        (1 - lambda) W + dW, whatever the learning rate; only one of 0 freezes the
        projection, and then nothing decays. So two projections that get the same dW
        become equal: their difference is (1 - lambda)^n of the first after n
        presentations (Kolen and Pollack, 1994).
    delay : float, optional
        ms, whole steps, until a signal arrives. Default: one step, so a projection
        carries what its cells showed when the step began. 0: the presynaptic cells are
        stepped first and what they show after it arrives in the same step. A rule reads
        the presynaptic cells themselves, without the delay; rules of spike times are
        refused with one.
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
    connectivity: Connectivity | str | float | np.ndarray = Dense()
    rule: ActivityDifference | SynapticRule | None = None
    plastic: bool = True
    initial: Distribution | Constant | ScaledCopy | np.ndarray = Constant(0.0)
    tied_to: Tied | None = None
    bounds: tuple[float, float] | None = None
    sign: int | np.ndarray | None = None
    perturbation: Perturbation | None = None
    clip: str = "weights"
    weight_decay: float = 0.0
    delay: float | None = None
    name: str = ""

    def __repr__(self):
        how = "fixed" if self.tied_to is None else f"tied to {self.tied_to.to}"
        if self.rule is not None:
            how = brief(self.rule) + ("" if self.plastic else ", not plastic")
        ends = f"{self.pre}.{self.signal} -> {self.post}.{self.field}"
        kind = self.connectivity.name.replace("_", "-")
        return f"Projection({self.name!r}: {ends}, {kind}, {how})"

    def __post_init__(self):
        for option in ("pre", "post", "field", "signal"):
            text(f"Projection: {option}", getattr(self, option))
        if self.name == "":
            object.__setattr__(self, "name", f"{self.pre}_to_{self.post}_{self.field}")
        check_name("projection", self.name)
        where = f"projection {self.name!r}"
        connectivity = as_connectivity(where, self.connectivity)
        object.__setattr__(self, "connectivity", connectivity)
        flag(f"{where}: plastic", self.plastic)
        _check_initial(where, self.initial, connectivity)
        if self.tied_to is not None and not isinstance(self.tied_to, Tied):
            raise ModelError(
                f"{where}: tied_to = {shown(self.tied_to)}: must be Tied(name of a "
                "projection, factor)"
            )
        if self.rule is not None and not isinstance(
            self.rule, (ActivityDifference, SynapticRule)
        ):
            raise ModelError(
                f"{where}: rule is a {type(self.rule).__name__}, must be an "
                "ActivityDifference or a SynapticRule"
            )
        at_once = self.rule is not None and not self.rule.continuous
        unit, most = ("a presentation", 1.0) if at_once else ("1/ms", None)
        plain_number(self, "weight_decay", where, unit=unit, least=0.0, most=most)
        if self.delay is not None:
            plain_number(self, "delay", where, unit="ms", least=0.0)
        object.__setattr__(self, "bounds", _bounds(where, self.bounds))
        if self.sign is not None:
            object.__setattr__(self, "sign", as_sign(where, self.sign))
            check_sign(where, self)
        choice(f"{where}: clip", self.clip, ("weights", "readout"))
        if isinstance(connectivity, SharedWeights):
            _check_shared(where, self)
        if self.tied_to is not None and self.rule is not None:
            raise ModelError(
                f"{where}: a tied projection cannot have a rule of its own"
            )
        if self.perturbation is not None:
            check_perturbation(where, self)
        if self.weight_decay and isinstance(self.rule, SynapticRule):
            raise ModelError(
                f"{where}: weight_decay = {self.weight_decay!r}: only an "
                "ActivityDifference decays weights; a SynapticRule sees the weight, so "
                "write the decay into it"
            )
        if self.rule is None and (self.bounds is not None or self.weight_decay):
            raise ModelError(
                f"{where}: bounds and weight_decay act with a rule, and it has none"
            )
        if self.tied_to and self.tied_to.noise and self.tied_to.is_alias:
            raise ModelError(
                f"{where}: only weights tied with transpose=True, a function or times "
                "can have noise; others lie in the place of those they are tied to"
            )

    @property
    def is_dense(self) -> bool:
        """Whether every pair of cells has a weight."""
        return isinstance(self.connectivity, Dense)

    @property
    def learns(self) -> bool:
        """Whether the weights can change during a run."""
        return self.rule is not None and self.plastic


def _check_shared(where, p):
    """Refuse rules that read something of single synapses where these share weights."""
    reads = "the weight of one synapse" if isinstance(p.rule, SynapticRule) else None
    if p.rule is not None and reads_xi(p):
        reads = "what is added to the weight of one synapse"
    if getattr(p.rule, "modulator", None) is not None:
        reads = "the trace of one synapse, as its modulator does,"
    if reads is not None:
        raise ModelError(
            f"{where}: its rule reads {reads}, and in a {p.connectivity.name} "
            "projection synapses share theirs: use an ActivityDifference of other "
            "signals, or a mask as connectivity"
        )


def _check_initial(where, initial, connectivity):
    if isinstance(initial, INITIALISERS):
        return
    try:
        is_array = isinstance(initial, np.ndarray | list | tuple) or (
            isinstance(connectivity, Edges) and issparse(initial)
        )
        shape = np.shape(initial) if is_array else ()
    except ValueError:  # rows of several lengths
        shape = ()
    if len(shape) != len(connectivity.axes):
        hint = connectivity.hint(shape, shape[:1])
        raise ModelError(
            f"{where}: initial = {shown(initial)}: must be an array "
            f"{connectivity.form} or an initialiser such as Uniform(-1, 1) or "
            f"Constant(0.5){hint and '. ' + hint}"
        )


def _bounds(where, given):
    """A pair of numbers, each of which may be infinite."""
    if given is None:
        return None
    allowed = "must be a pair (lower, upper), the lower below the upper, or None"
    several = isinstance(given, tuple | list) or np.ndim(given) == 1
    pair = several and len(given) == 2
    if not pair or not all(is_number(bound) for bound in given):
        raise ModelError(f"{where}: bounds = {shown(given)}: {allowed}")
    lower, upper = (float(bound) for bound in given)
    if not lower < upper:
        raise ModelError(f"{where}: bounds = {shown(given)}: {allowed}")
    return lower, upper
