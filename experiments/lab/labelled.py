"""The labelled result of the lab: changes, counts and reasons by model and protocol."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from dendrites.dataset import group
from experiments.lab.measures import COUNTS
from experiments.lab.plan import Plan

CHANGES = {
    "weight_change": ("paired", "change of the weight per protocol"),
    "weight_change_control": ("no_apical", "the same without apical current"),
    "weight_change_unpaired": ("unpaired", "the same without somatic pulses"),
    "weight_change_nothing": ("nothing", "without either"),
}
COUNT_TEXTS = {
    "spikes": ("n_spikes", "spikes"),
    "events": ("n_events", "events: single spikes and bursts"),
    "bursts": ("n_bursts", "bursts"),
    "plateaus": ("n_plateaus", "apical plateaus"),
    "plateau_area": ("plateau_area", "apical potential above that of a plateau"),
    "apical_peak": ("apical_peak", "highest apical potential"),
}


def labelled(
    plan: Plan,
    found: Callable[[str, str], np.ndarray],
    *,
    controls: bool,
    settings: Mapping[str, tuple],
) -> xr.Dataset:
    """Model x protocol x seed, with units and long names.

    Parameters
    ----------
    plan : Plan
    found : callable
        (kind of protocol, quantity) -> ndarray (model, protocol, seed).
    controls : bool
        Whether controls were run.
    settings : mapping of name to (value, units, text)
        Options that were the same for all.
    """
    axes, full = plan.axes, ("model", *plan.axes.dims, "seed")
    table = {}
    for name, (kind, text) in CHANGES.items():
        if controls or kind == "paired":
            values = axes.spread(found(kind, "weight_change"))
            table[name] = (full, values, "1", f"{text}, unit of the model's weight")
    if controls:
        paired, control, unpaired, nothing = (table[name][1] for name in CHANGES)
        each = (paired - control) - (unpaired - nothing)
        text = "change by apical current with pairing less that without"
        table["interaction"] = (full, each, "1", text)
    potentials = _potential_units(plan.models)
    shared = set(potentials) - {""}
    shared = shared.pop() if len(shared) == 1 else "1"
    units = {"plateau_area": f"{shared} ms".removeprefix("1 "), "apical_peak": shared}
    kinds = {"": ("paired", ""), "_control": ("no_apical", ", without apical current")}
    for suffix, (kind, of) in kinds.items():
        for count in COUNTS if controls or not suffix else ():
            name, text = COUNT_TEXTS[count]
            values = axes.spread(found(kind, count))
            table[name + suffix] = (full, values, units.get(count, "1"), text + of)
    text = "why a model was not run"
    table["reason"] = (full[:-1], axes.spread(plan.reasons), "1", text)
    names = [model.name for model in plan.models]
    result = group(table, {"model": names, "seed": list(plan.seeds)}, nonfinite="found")
    return result.assign_coords(
        axes.coordinates | _of_models(plan.models, potentials) | _fixed(settings)
    )


def _potential_units(models):
    """Unit of the apical potential of every model; "" where it has none."""
    return [
        m.cell.unit("apical") if "apical" in m.cell.read_names else "" for m in models
    ]


def _of_models(models, potentials):
    scale = np.array([model.apical_scale for model in models])
    units = np.array([model.apical_unit for model in models], dtype=object)
    potentials = np.array(potentials, dtype=object)
    text = "what 1 pA of a protocol is in apical_unit"
    return {
        "apical_scale": ("model", scale, {"units": "1", "long_name": text}),
        "apical_unit": ("model", units, {"long_name": "of the model's apical drive"}),
        "potential_unit": ("model", potentials, {"long_name": "of apical potentials"}),
    }


def _fixed(settings):
    return {
        name: ((), value, {"units": unit, "long_name": text})
        for name, (value, unit, text) in settings.items()
    }
