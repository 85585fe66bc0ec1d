"""Which model shows which switch of sign: read out of runs of the lab."""

from collections.abc import Sequence

import numpy as np

from experiments.statistics import ROUNDING, agreement

NOTHING = 1e-2  # mean changes below this share, whose sign is not sure, are none
SWITCHES = ("apical_current", "apical_timing", "pairing_frequency", "initial_weight")
DEPRESSION, NEITHER, POTENTIATION, UNSURE = "LTD", "none", "LTP", "unsure"


def signs(change: np.ndarray, largest: float) -> list[str]:
    """Sign of the change under every protocol, by the agreement of seeds.

    Parameters
    ----------
    change : ndarray (n_protocols, n_seeds)
    largest : float
        Of the model's changes, for what counts as none.

    Returns
    -------
    list of str
        "LTP" or "LTD" where the seeds agree (`experiments.statistics.agreement`); else
        "none" where the mean is below 1 % of the largest, and "unsure" where it is not.
    """
    small = np.abs(change.mean(axis=1)) < NOTHING * largest
    sign = agreement(change, nothing=ROUNDING * largest).sign
    names = {1: POTENTIATION, -1: DEPRESSION}
    return [
        names.get(each, NEITHER if nothing else UNSURE)
        for each, nothing in zip(sign.tolist(), small, strict=True)
    ]


def verdict(found: Sequence[str]) -> str:
    """Whether an axis switches the sign, only gates plasticity, or neither.

    "switch": some protocols depress and others potentiate. "gate": some do nothing and
    the others agree. "no": all agree, or nothing happens at all. Protocols under which
    the sign is not sure do not count.
    """
    kinds = set(found) - {UNSURE}
    if not kinds:
        return UNSURE
    if {DEPRESSION, POTENTIATION} <= kinds:
        return "switch"
    if len(kinds) == 2:
        return f"gate ({next(iter(kinds - {NEITHER}))})"
    return f"no ({next(iter(kinds))})"


def matrix_table(tree, link: str) -> str:
    """The verdicts as a table in Markdown, every one with a link to its dataset.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plasticity_matrix.plasticity_matrix` returns.
    link : str
        Address of the file that holds it; its groups have the names of the columns.
    """
    found = tree["matrix"].to_dataset()
    axes = [str(axis) for axis in found.axis.values]
    rows = [
        ["model", *(axis.replace("_", " ") for axis in axes), "changes without spikes"],
        ["---"] * (len(axes) + 2),
    ]
    for name in found.model.values:
        here = found.sel(model=name)
        silent = str(here.sign_without_spikes.item())
        rows.append(
            [
                str(name),
                *(f"[{here.verdict.sel(axis=axis).item()}]({link})" for axis in axes),
                f"[{'no' if silent == NEITHER else f'yes ({silent})'}]({link})",
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def sign_table(tree) -> str:
    """Where the sign of every model flips, as a table in Markdown.

    Flips are in the unit of the model's own apical drive, with the 95 % interval of
    their mean over seeds; the boundary of the mean change is on the axis of pA.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.signs.plasticity_sign.plasticity_sign` returns.
    """
    found = tree["plasticity"].to_dataset()
    rows = [
        "| model | flip | 95 % of it | seeds with a flip | mean change, by frequency "
        "| interaction |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in found.model.values:
        here = found.sel(model=name)
        scale, unit = here.apical_scale.item(), here.apical_unit.item()
        flip, low, high = (
            f"{here[f'flip_{part}'].item() * scale:.3g}"
            for part in ("mean", "low", "high")
        )
        text = [flip + (f" {unit}" if unit != "1" else ""), f"{low} to {high}"]
        if not np.isfinite(here.flip_mean):
            text = ["none", ""]
        seeds = found.sizes["seed"]
        boundary = here.sign_boundary.values[np.isfinite(here.sign_boundary.values)]
        n, over = len(boundary), ""
        if n:
            over = f"{boundary.min():.0f} to {boundary.max():.0f} "
            over += f"({n} of {here.sizes['pairing_frequency']})"
        count = f"{round(here.flip_share.item() * seeds)} of {seeds}"
        size = f"{here.interaction_mean.item():.2g}"
        rows.append(f"| {' | '.join([str(name), *text, count, over, size])} |")
    return "\n".join(rows) + "\n"
