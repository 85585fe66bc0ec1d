"""Headline figures of the digits experiment, from its tree."""

import numpy as np

from experiments.baselines.linear import has_learned


def headline(tree, backprop_steps, epochs: int, seconds: float) -> dict:
    """The finding in numbers: value, unit, reference and source of each.

    Angles are means over the second half of training: those of single epochs fluctuate,
    and at the start nothing has been learned that feedback could align with.
    """
    here = "same split, this run"
    errors = _by_name(tree["references"])
    backprop, frozen = errors["backprop"], errors["frozen_hidden_readout"]
    own = _last(tree["training"])
    quiet, taught = apical_rms(tree)
    output, hidden = backprop_steps
    figures = {
        "test_error": (
            own,
            "1",
            f"backprop {backprop:.4f}" if has_learned(backprop, 10) else "",
            here,
        ),
        "test_error_frozen_hidden": (
            frozen,
            "1",
            f"ours is {own / max(frozen, 1e-9):.2f} x this",
            "readout trained to convergence, same loss",
        ),
        "test_error_linear": (
            errors["linear"],
            "1",
            "",
            f"logistic regression, {here}",
        ),
        "test_error_backprop": (
            backprop,
            "1",
            "" if has_learned(backprop, 10) else "not trained: no reference",
            f"same network, steps {output:g} and {hidden:g}, {epochs} epochs, {here}",
        ),
        **{
            f"angle_deg_{layer}": (
                second_half_angle(tree["diagnostics"], layer),
                "degree",
                "90 for a random direction",
                "exact gradient of the same network, mean over second half of training",
            )
            for layer in map(str, tree["diagnostics"].layer.values)
            if layer != "output"
        },
        "apical_without_teacher": (
            quiet,
            "1",
            f"{taught:.2g} with the teacher",
            "rms over hidden layer 1 after training, one test image",
        ),
    }
    if "negatives" in tree.children:
        others = _by_name(tree["negatives/references"])
        figures |= {
            "test_error_negatives": (
                _last(tree["negatives/training"]),
                "1",
                f"backprop {others['backprop']:.4f}"
                if has_learned(others["backprop"], 10)
                else "",
                "half of the images in negative, this run",
            ),
            "test_error_negatives_frozen_hidden": (
                others["frozen_hidden_readout"],
                "1",
                "",
                "readout trained to convergence, same loss",
            ),
            "test_error_negatives_linear": (
                others["linear"],
                "1",
                "",
                "logistic regression, same images",
            ),
        }
    figures["wall_s"] = (seconds, "s", "", "whole run on this machine")
    return {
        name: {"value": float(value), "unit": unit, "reference": ref, "source": source}
        for name, (value, unit, ref, source) in figures.items()
    }


def second_half_angle(diagnostics, layer: str) -> float:
    """Mean angle to the exact gradient over the second half of the epochs, degree."""
    angles = diagnostics.angle_to_bp.sel(layer=layer)
    return float(angles[1:][(angles.sizes["update"] - 1) // 2 :].mean())


def apical_rms(tree) -> tuple[float, float]:
    """Settled apical potentials after training, without and with the teacher."""
    v = tree["populations/hidden1"].v.sel(compartment="apical").isel(time=-1)
    power = np.sqrt((v**2).mean("unit"))
    return tuple(
        float(power.sel(condition=f"{which} teacher, after training"))
        for which in ("without", "with")
    )


def _last(training):
    return float(training.error_rate.sel(split="test")[-1])


def _by_name(references):
    found = references.error_rate
    return dict(zip(map(str, found.reference.values), map(float, found), strict=True))
