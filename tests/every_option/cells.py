"""Kinds of every cell model, in which each of its parameters acts or is refused."""

from collections.abc import Callable
from typing import Any, NamedTuple

from dendrites import models
from dendrites.transfer import TANH, Transfer


class Kind(NamedTuple):
    """One kind of a cell.

    Parameters
    ----------
    factory : callable
    options : dict
        That make it this kind.
    given : dict of parameters
        With which the others can be seen: a time constant of a current that is there.
    to : dict of parameters
        Values to change to; default: a quarter more.
    """

    factory: Callable
    options: dict[str, Any] = {}
    given: dict[str, float] = {}
    to: dict[str, float] = {}

    @property
    def name(self) -> str:
        """For the identity of a test."""
        shown = (v for v in self.options.values() if not isinstance(v, Transfer))
        return "-".join([self.factory.__name__, *map(str, shown)])


CURRENT = {"synaptic_current": 100.0}
# Average event rates that lie between these two.
EVENTS = {"tau_average": 100.0, "event_rate_min": 200.0, "event_rate_max": 0.5}
PEAK = {"v_peak": -35.0}  # passed in another step than the usual one

KINDS = (
    *(
        Kind(
            models.adex_dendrite, {"dendrite": dendrite, "noise": noise}, CURRENT, PEAK
        )
        for dendrite, noise in (("passive", False), ("active", True))
    ),
    Kind(models.bernoulli_source),
    Kind(models.binary_cell),
    Kind(models.binary_cell, {"turns": 2}, {}, {"place": 1}),
    *(
        Kind(models.burst_detector, {"detector": detector}, EVENTS)
        for detector in ("strict", "trace")
    ),
    Kind(models.cable, {"n": 2}),
    Kind(models.code_hidden, {"phi": TANH}),
    Kind(models.code_source, {"phi": TANH}),
    Kind(models.error_cell, {"phi": TANH}),
    Kind(models.error_partner),
    Kind(models.gated_pyramidal),
    Kind(models.gated_pyramidal, {"noise": 0.5}),
    Kind(models.guerguiev_leading, {"memory": 10}, {}, {"lead": 2}),
    *(
        Kind(factory, {"memory": memory})
        for factory in (models.guerguiev_hidden, models.guerguiev_output)
        for memory in (0, 10)
    ),
    *(
        Kind(models.naud_sprekeler, {"noise": noise}, {**CURRENT, **EVENTS})
        for noise in (False, True)
    ),
    Kind(models.naud_sprekeler_simple, {}, {**CURRENT, **EVENTS}),
    Kind(
        models.naud_sprekeler_simple,
        {"spike": "escape"},
        {**CURRENT, **EVENTS, "escape_rate": 200.0, "e_burst": -69.0},
    ),
    Kind(models.helmholtz_cell),
    Kind(models.linear_interneuron),
    Kind(models.mirror_cell, {"phi": TANH}),
    Kind(models.noise_cell),
    Kind(models.plateau_cell, {}, CURRENT),
    Kind(models.presynaptic),
    *(
        Kind(factory, {"noise": noise})
        for factory in (
            models.sacramento_interneuron,
            models.sacramento_output,
            models.sacramento_pyramidal,
        )
        for noise in (None, "white", "per_step")
    ),
    Kind(models.sacramento_output, {"nudge": "conductance"}),
    Kind(models.sacramento_pyramidal, {"split_apical": True}),
    Kind(models.averaging_cell, {"phi": TANH}),
    Kind(models.comparing_critic),
    Kind(models.reward_critic),
    Kind(models.rewarded_cell, {"phi": TANH}),
    Kind(models.rewarded_output, {"phi": TANH}),
    Kind(models.source),
    Kind(models.source, {"tau": 5.0}),
    Kind(models.spike_source),
    Kind(models.spike_source, {"newest": "kernel", "memory": 10}),
    Kind(models.target_hidden, {"phi": TANH}),
    Kind(models.target_output, {"phi": TANH}),
    Kind(models.stochastic_error_cell),
    Kind(models.stochastic_taught_cell),
    *(
        Kind(models.three_compartment, {"dendrites": dendrites})
        for dendrites in ("dynamic", "instantaneous")
    ),
    Kind(models.threshold_unit),
    Kind(models.threshold_unit, {"noise": 0.5}),
    Kind(models.urbanczik_senn, {"units": "nest"}),
    Kind(models.urbanczik_senn_rewarded, {"units": "nest"}),
)


def parameters_of(factory: Callable) -> tuple[str, ...]:
    """Names of the parameters of a cell of any kind."""
    cells = [kind.factory(**kind.options) for kind in KINDS if kind.factory is factory]
    return tuple(dict.fromkeys(name for c in cells for name in c.params._fields))
