"""Why weights cannot be copies of those of another projection, or tied to them."""

import numpy as np

from circuits.connectivity import Edges
from circuits.shared_weights import Shared, SharedWeights
from circuits.synapses import canonical
from dendrites.errors import choices


def copy_problems(where, p, projections, by_name):
    """Why weights cannot be those of another projection."""
    shape = p.connectivity.weights_shape(by_name[p.post].size, by_name[p.pre].size)
    yield from _times_problems(where, p, shape)
    for other in (p.tied_to, p.initial):
        target = getattr(other, "to", None) or getattr(other, "of", None)
        if target is None:
            continue
        if target not in projections:
            yield f"{where}: no projection {target!r}. " + choices(target, projections)
            continue
        q = projections[target]
        if q.pre not in by_name or q.post not in by_name:
            continue
        if other is p.tied_to and q.perturbation is not None:
            yield (
                f"{where}: {target!r} is perturbed, and what is added to its weights "
                "has no place in those that follow; leave out the tie or perturbation"
            )
            continue
        if other is p.tied_to and q.tied_to is not None:
            yield f"{where}: {target!r} is itself tied; tie to what it follows"
            continue
        if {isinstance(x.connectivity, SharedWeights) for x in (p, q)} != {False}:
            yield from _shared_copy_problems(where, p, q, other)
            continue
        if other is p.tied_to and _form(p) != _form(q):
            mine, theirs = (x.connectivity.name for x in (p, q))
            yield (
                f"{where}: it is {mine} and {target!r}, which it is tied to, {theirs}: "
                "only dense projections can be tied to dense ones, one-to-one ones to "
                "one-to-one ones and sparse ones to sparse ones"
            )
            continue
        theirs = q.connectivity.weights_shape(by_name[q.post].size, by_name[q.pre].size)
        if (theirs[::-1] if other.transpose else theirs) != shape:
            yield (
                f"{where}: weights {shape} cannot follow {target!r} "
                f"{theirs}{' transposed' if other.transpose else ''}"
            )
        elif other is p.tied_to and isinstance(p.connectivity, Edges):
            yield from _other_synapses(where, p, q, shape, theirs)


def _times_problems(where, p, shape):
    """Numbers of another shape than the weights that they multiply."""
    times = getattr(p.tied_to, "times", None)
    if hasattr(times, "shape") and times.shape != shape:
        yield (
            f"{where}: Tied: times has shape {times.shape}, must be {shape} "
            f"{p.connectivity.form}, as its weights"
        )


def _shared_copy_problems(where, p, q, copy):
    """Why shared weights cannot be those of another projection with such."""
    mine, theirs = p.connectivity, q.connectivity
    fits = type(getattr(mine, "of", mine)) is type(getattr(theirs, "of", theirs))
    fits = fits and mine.slot_shape == theirs.slot_shape
    if fits and copy.transpose:
        fits = _same_synapses(mine, theirs.transposed)
    if not fits:
        way = "connectivity.transposed" if copy.transpose else "connectivity"
        yield (
            f"{where}: its weights, {mine.name} {mine.form}, cannot follow those of "
            f"{q.name!r}, {theirs.name} {theirs.form}: its synapses are others. Give "
            f"it the {way} of {q.name!r}"
        )


def _same_synapses(mine, theirs):
    if not isinstance(mine, Shared) or not isinstance(theirs, Shared):
        return mine == theirs
    pairs = zip(mine.synapses(), theirs.synapses(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def _form(p):
    return Edges if isinstance(p.connectivity, Edges) else type(p.connectivity)


def _other_synapses(where, p, q, shape, theirs):
    """Sparse weights that follow others must be of the same pairs of cells."""
    pattern = q.connectivity.constant(1.0, *theirs)
    pattern = canonical(pattern.T) if p.tied_to.transpose else pattern
    if not p.connectivity.synapses(*shape).has_entries_of(pattern):
        turned = "the transpose of that" if p.tied_to.transpose else "that"
        yield (
            f"{where}: it joins other pairs of cells than {q.name!r}, which it is tied "
            f"to; give it {turned} mask as its connectivity"
        )
