"""Dale's law: every cell excites or inhibits, and never changes which."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import issparse

from circuits.algorithms._dale import chosen
from circuits.circuit import Circuit
from circuits.weights import initial_weights
from dendrites._checks import choice, flag, number
from dendrites.activity_difference import ActivityDifference
from dendrites.cell import StateField
from dendrites.errors import ModelError
from dendrites.synaptic_rule import SynapticRule

UPDATES = ("projected", "multiplicative")


def dale(
    circuit: Circuit,
    *,
    inhibitory: float = 0.2,
    update: str = "projected",
    balanced: bool = True,
    projections: Sequence[str] | None = None,
) -> Circuit:
    """The same circuit, its cells split into excitatory and inhibitory ones.

    The last cells of each population are inhibitory: all their weights are and stay
    below 0, those of the others above. An update w' = w + dw becomes

        projected:       w' = w + dw, or 0 where that has the wrong sign
        multiplicative:  w' = w + |w| dw, and the same stop

    Parameters
    ----------
    circuit : Circuit
        Any.
    inhibitory : float
        Share of the cells of a population, rounded to whole cells.
    update : {"projected", "multiplicative"}
        Multiplicative weights of 0 never move.
    balanced : bool
        Inhibitory weights start larger by the ratio of excitatory to inhibitory cells,
        so that both sum up to the same. The weights are then drawn here, by the seed of
        the circuit; else each run draws its own.
    projections : sequence of str, optional
        That obey. Default: all that learn, but those of constant sources (biases).
        Weights that are tied to them follow as they did, feedback of errors too.

    Returns
    -------
    Circuit
        With the same names, phases and reference network.

    Raises
    ------
    ModelError
        For projections that do not exist, are tied or have signs, and, for
        multiplicative updates, rules that read more than one moment.

    What cells are told is what the circuit tells them; exact where no weight stops.

    Source: Dale's law as a constraint on learned weights; 80 to 20 as in cortex.
    """
    where = "dale"
    names = chosen(where, circuit, projections)
    share = number(f"{where}: inhibitory", inhibitory, least=0.0, most=1.0)
    choice(f"{where}: update", update, UPDATES)
    start = initial_weights(circuit) if flag(f"{where}: balanced", balanced) else {}
    changed = []
    for p in circuit.projections:
        if p.name in names:
            sign = _signs(circuit.population(p.pre).size, share)
            if update == "multiplicative":
                p = replace(p, rule=_multiplicative(circuit, p))
            initial = _balanced(start[p.name], sign) if start else p.initial
            p = replace(p, sign=sign, initial=initial)
        changed.append(p)
    return replace(circuit, projections=tuple(changed), name=f"{circuit.name}_dale")


def _signs(n, share):
    sign = np.ones(n, dtype=int)
    sign[n - round(share * n) :] = -1
    return sign


def _balanced(weights, sign):
    """Sizes of weights with their signs, those of the two kinds in balance."""
    n_inhibitory = int((sign < 0).sum())
    ratio = (len(sign) - n_inhibitory) / n_inhibitory if n_inhibitory else 1.0
    factors = np.where(sign < 0, -(ratio or 1.0), 1.0)
    if issparse(weights):
        return (abs(weights) * factors[None, :]).tocsr()
    return np.abs(weights) * factors


def _multiplicative(circuit, p):
    """The rule with its update multiplied by the size of the weight."""
    rule = p.rule
    if rule is None:
        return None
    one = isinstance(rule, ActivityDifference) and not (
        rule.others
        or rule.low_pass
        or rule.momentum
        or p.weight_decay
        or rule.average != "cells"
        or not isinstance(rule.presynaptic, str | None)
    )
    if one:
        moments = {*rule.moments, *(rule.presynaptic_moments or ())}
        one = len(moments | ({rule.gain_moment} - {None})) == 1
    if not one:
        raise ModelError(
            f"dale: {p.name!r}: update = 'multiplicative' is for a rule that is one "
            "product of two reads at one moment, without filter, momentum and decay; "
            "use update = 'projected'"
        )
    model = circuit.model(p.post)
    reads = zip(rule.functions(model), (_nothing, _nothing, _one), strict=True)
    teaching, baseline, gain = (_function(model, *read) for read in reads)

    def change(weight, cell, pre, p):
        difference = teaching(cell, p) - baseline(cell, p)
        return abs(weight) * gain(cell, p) * difference * pre

    return SynapticRule(
        change,
        rule.learning_rate,
        presynaptic=rule.presynaptic,
        moment=rule.moments[0],
        batch=rule.batch,
        needs=rule.needs,
    )


def _function(model, read, otherwise):
    """A read as a function that others can call."""
    if not isinstance(read, StateField):
        return otherwise if read is None else read
    index = model.state._fields.index(read.field)
    return lambda cell, p: cell[index]


def _nothing(cell, p):
    return 0.0


def _one(cell, p):
    return 1.0
