"""Noise at the soma of a cell model whose equations have none."""

import functools
from collections import namedtuple
from dataclasses import replace
from typing import Annotated

from dendrites._checks import choice
from dendrites.cell import NON_NEGATIVE
from dendrites.errors import ModelError

# What fills the input field `noise`, and the units of that field and of sigma.
_NOISE = {
    "white": ("white", "1/sqrt(ms)", "1/sqrt(ms)"),
    "per_step": ("normal", "1", "1/ms"),
}


def with_noise(model, noise, parameters):
    """The model with its parameters and, where asked for, noise at the soma."""
    if noise is None:
        if "sigma" in parameters:
            raise ModelError(
                f"{model.name}: sigma = {parameters['sigma']!r} needs a kind of noise. "
                "Add noise='white' (or 'per_step'), or leave out sigma."
            )
        return replace(model, parameters=parameters)
    choice(f"{model.name}: noise", noise, _NOISE)
    kind, unit, unit_of_sigma = _NOISE[noise]
    state, derivative = model.state, model.derivative

    def noisy_derivative(cell, inputs, p):
        # The dendrites are algebraic: their derivatives stay at the default, 0.
        return state(derivative(cell, inputs, p).soma + p.sigma * inputs.noise)

    sigma = Annotated[float, unit_of_sigma, NON_NEGATIVE]
    return replace(
        model,
        params=_with_field(model.params, "sigma", sigma, 0.1),
        inputs=_with_field(model.inputs, "noise", Annotated[float, unit], 0.0),
        derivative=noisy_derivative,
        parameters=parameters,
        random={"noise": kind},
    )


@functools.cache
def _with_field(base, field, hint, default):
    """The NamedTuple class `base` with one more field at its end."""
    extended = namedtuple(
        f"Noisy{base.__name__}",
        (*base._fields, field),
        defaults=(*base._field_defaults.values(), default),
        module=__name__,
    )
    extended.__annotations__ = {**base.__annotations__, field: hint}
    return extended
