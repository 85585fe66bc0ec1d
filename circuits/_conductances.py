"""Conductances of a microcircuit by layer, and what follows from them."""

from dataclasses import dataclass

import numpy as np

from dendrites._checks import number
from dendrites.errors import ModelError


@dataclass(frozen=True)
class Conductances:
    """Conductances in 1/ms; lists have one entry per hidden layer.

    Source: names as in Sacramento et al. (2018); the ratios are our derivation (docs,
    model page).
    """

    leak: float
    basal: float
    apical: list[float]
    dendrite: list[float]
    interneuron_nudge: list[float]
    output_nudge: float

    @classmethod
    def of_layers(cls, hidden: int, *, dendrite, apical, interneuron_nudge, **shared):
        """From one number for all hidden layers, or one each; `dendrite` may match.

        Raises
        ------
        ModelError
            If a number is no conductance or a list has the wrong length.
        """
        for name, value in shared.items():
            number(f"g_{name}", value, unit="1/ms", least=0.0)
        apical = per_layer("g_apical", apical, hidden)
        if isinstance(dendrite, str):
            if dendrite != "matched":
                raise ModelError(
                    f"g_dendrite = {dendrite!r}: must be a number, one per hidden "
                    "layer, or 'matched'"
                )
            dendrite = [shared["basal"] + g for g in (*apical[1:], 0.0)]
        return cls(
            apical=apical,
            dendrite=per_layer("g_dendrite", dendrite, hidden),
            interneuron_nudge=per_layer(
                "g_interneuron_nudge", interneuron_nudge, hidden
            ),
            **shared,
        )

    @property
    def attenuation(self) -> list[float]:
        """Potential of the soma per basal potential, hidden layers then output."""
        return [self.basal / (self.leak + self.basal + g) for g in (*self.apical, 0.0)]

    def prediction_ratio(self, k: int) -> float:
        """W_IP over W of the layer above in the self-predicting state, layer k >= 1."""
        g = self.dendrite[k - 1]
        return self.attenuation[k] * (self.leak + g) / g

    @property
    def update_scales(self) -> list[float]:
        """First-order size of each layer's update over -dL/dW, see `Layer`."""
        nudge = self.output_nudge / (self.leak + self.basal + self.output_nudge)
        attenuation = self.attenuation
        scales = [nudge / attenuation[-1]]
        for k in reversed(range(len(self.apical))):
            apical = self.apical[k] / (self.leak + self.basal + self.apical[k])
            g = self.interneuron_nudge[k]
            inter = g / (self.leak + self.dendrite[k] + g)
            scales.append(scales[-1] * apical * (1.0 - inter) / attenuation[k])
        return scales[::-1]


def per_layer(name: str, value, count: int) -> list[float]:
    """One number for each of `count` layers; ModelError with the place if not."""
    many = isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value) == 1
    values = list(value) if many else [value] * count
    if len(values) != count:
        raise ModelError(
            f"{name} has {len(values)} values, must have one number or {count}"
        )
    return [float(number(f"{name}[{k}]", x, least=0.0)) for k, x in enumerate(values)]
