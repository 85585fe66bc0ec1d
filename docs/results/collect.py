"""Put the headline figures and curves of several runs into one small file.

Usage: python docs/results/collect.py RUN.nc RUN.nc ... --out FILE.nc

Runs differ in their seed alone or, with `--by NAME`, in that argument of the run
as well. `--keep` names the curves, group/variable; of one with splits the test split
is kept. A curve has the name of its variable, of a control's variable that with the
control's name added, and `_curve` added where a headline figure has that name.
"""

import argparse
import json

import numpy as np

from dendrites.dataset import group, open_run, run_tree, save_run

KEPT = ("training/error_rate", "diagnostics/angle_to_bp")


def collect(paths, *, keep=KEPT, by=None):
    """A tree of kind "sweep": one entry per run for every figure and curve."""
    runs = {}
    for path in paths:
        run = open_run(path)
        config = json.loads(run.attrs["config_json"])
        place = (config[by] if by else None, int(run.attrs["seed"]))
        if place in runs:
            raise SystemExit(f"{path}: a second run of {by or 'seed'}, seed {place}")
        runs[place] = run
    values = sorted({value for value, _ in runs})
    seeds = sorted({seed for _, seed in runs})
    ordered = [runs[value, seed] for value in values for seed in seeds]
    first = ordered[0]
    shape = (len(values), len(seeds)) if by else (len(seeds),)
    outer = (by, "seed") if by else ("seed",)

    figures = [json.loads(run.attrs["headline_json"]) for run in ordered]
    variables = {
        name: (
            outer,
            np.array([f[name]["value"] for f in figures]).reshape(shape),
            unit,
        )
        for name, unit in ((name, entry["unit"]) for name, entry in figures[0].items())
    }
    coordinates = {"seed": np.array(seeds)} | ({by: values} if by else {})
    for path in keep:
        curves = [_curve(run, path) for run in ordered]
        name = _curve_name(path, variables)
        stacked = np.stack([curve.values for curve in curves])
        variables[name] = (
            (*outer, *curves[0].dims),
            stacked.reshape(*shape, *stacked.shape[1:]),
            curves[0].attrs["units"],
            curves[0].attrs.get("long_name", name),
        )
        for key, coordinate in curves[0].coords.items():
            if coordinate.ndim:
                shared = [str(x) for x in coordinate.values]
                plain = shared if coordinate.dtype.kind in "OUT" else coordinate.values
                coordinates[key] = (coordinate.dims[0], plain)
    config = json.loads(first.attrs["config_json"])
    return run_tree(
        "sweep",
        {**config, "seed": "all", **({by: "all"} if by else {})},
        {"/sweep": group(variables, coordinates)},
        title=first.attrs["title"],
        integrator=first.attrs["integrator"],
        dt_ms=first.attrs["dt_ms"],
        dtype=first.attrs["dtype"],
        seed=0,
        created_utc=first.attrs["created_utc"],
        citation=first.attrs["citation"],
        data_sources=json.loads(first.attrs["data_sources_json"]),
        extra={"finished_utc": ordered[-1].attrs["finished_utc"]},
    )


def _curve(run, path):
    """One variable of a run; of several splits the test split."""
    where, name = path.rsplit("/", 1)
    curve = run[where][name]
    return curve.sel(split="test", drop=True) if "split" in curve.dims else curve


def _curve_name(path, taken):
    *where, name = path.split("/")
    if where[0] == "controls":
        name = f"{name}_{where[1]}"
    return f"{name}_curve" if name in taken else name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--keep", nargs="+", default=KEPT, metavar="GROUP/VARIABLE")
    parser.add_argument("--by", metavar="ARGUMENT")
    given = parser.parse_args()
    tree = collect(given.runs, keep=given.keep, by=given.by)
    print(save_run(tree, given.out, overwrite=True))
