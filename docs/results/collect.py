"""Put the headline figures and curves of several runs into one small file.

Usage: python docs/results/collect.py RUN.nc RUN.nc ... --out FILE.nc

Runs differ in their seed alone or, with `--by NAME`, in that argument of the run
as well; others are refused. `--keep` names the curves, group/variable; of one with
splits the test split is kept. A curve has the name of its variable, of a control's
variable that with the control's name added, and `_curve` added where a headline figure
has that name. Commit, versions and identity of every run are kept beside its figures.
"""

import argparse
import json

import numpy as np

from dendrites.dataset import group, open_run, run_tree, save_run, update_root

KEPT = ("training/error_rate", "diagnostics/angle_to_bp")
#: Entries of a configuration that are made from its arguments.
BUILT = ("circuit", "controls")
#: Entries that follow from the seed.
DRAWN = ("seed", "data_sha256", "initial_weights_sha256")
ALIKE = ("experiment", "title", "integrator", "dt_ms", "dtype")
MADE_WITH = ("git_commit", "git_dirty", "software_version", "python_version")
MADE_WITH += tuple(f"{x}_version" for x in ("numpy", "scipy", "numba", "llvmlite"))
MADE_WITH += ("xarray_version",)


def collect(paths, *, keep=KEPT, by=None):
    """A tree of kind "sweep": one entry per run for every figure and curve.

    Commit, dirty flag and versions are coordinates along the runs; the root's are
    those that all runs share, else "unknown" and, of versions, "several".
    """
    runs = {}
    for path in paths:
        run = open_run(path)
        config = json.loads(run.attrs["config_json"])
        if by and by not in config:
            raise SystemExit(f"{path}: its configuration has no {by!r}")
        place = (config[by] if by else None, int(run.attrs["seed"]))
        if place in runs:
            raise SystemExit(f"{path}: a second run of {by or 'seed'}, seed {place}")
        runs[place] = run
    values = sorted({value for value, _ in runs})
    seeds = sorted({seed for _, seed in runs})
    places = [(value, seed) for value in values for seed in seeds]
    if missing := [place for place in places if place not in runs]:
        raise SystemExit(f"no run of {by or 'seed'}, seed {missing[0]}")
    ordered = [runs[place] for place in places]
    first = ordered[0]
    for value in values:
        same = [runs[value, seed] for seed in seeds]
        _refuse_other_settings(same, DRAWN)
    _refuse_other_settings([runs[v, seeds[0]] for v in values], {by, *DRAWN, *BUILT})
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
    dirty = np.array([int(run.attrs["git_dirty"]) for run in ordered])
    coordinates["git_dirty"] = (outer, dirty.reshape(shape))
    texts = {
        name: np.array([run.attrs[name] for run in ordered], object).reshape(shape)
        for name in ("run_id", *MADE_WITH)
        if name != "git_dirty"
    }
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
    found = group(variables, coordinates)
    found = found.assign_coords({name: (outer, x) for name, x in texts.items()})
    config = json.loads(first.attrs["config_json"])
    tree = run_tree(
        "sweep",
        {**config, "seed": "all", **({by: "all"} if by else {})},
        {"/sweep": found},
        title=first.attrs["title"],
        integrator=first.attrs["integrator"],
        dt_ms=first.attrs["dt_ms"],
        dtype=first.attrs["dtype"],
        seed=0,
        created_utc=min(run.attrs["created_utc"] for run in ordered),
        citation=first.attrs["citation"],
        data_sources=json.loads(first.attrs["data_sources_json"]),
        extra={"finished_utc": max(run.attrs["finished_utc"] for run in ordered)},
    )
    return update_root(tree, **_made_with(ordered))


def _refuse_other_settings(runs, free):
    """Stop where a run has other settings than the first, apart from those free."""
    first, *others = (_settings(run, free) for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        for name in sorted({*first, *other}):
            if first.get(name) != other.get(name):
                raise SystemExit(
                    f"seed {run.attrs['seed']}: {name} is {_short(other.get(name))}, "
                    f"in other runs {_short(first.get(name))}; collect runs that "
                    "differ in their seed alone or, with --by, in one argument"
                )


def _settings(run, free):
    config = json.loads(run.attrs["config_json"])
    found = {name: run.attrs.get(name) for name in ALIKE} | config
    sources = json.loads(run.attrs["data_sources_json"])
    found["data_sources"] = [source["name"] for source in sources]  # draws differ
    return {name: _unseeded(x) for name, x in found.items() if name not in free}


def _unseeded(value):
    """A setting without seeds in it, such as that of a circuit."""
    if not isinstance(value, dict):
        return value
    return {name: _unseeded(x) for name, x in value.items() if name != "seed"}


def _short(value):
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."


def _made_with(runs):
    """Root attributes that say with what all runs were made."""
    found = {"git_dirty": max(int(run.attrs["git_dirty"]) for run in runs)}
    for name in {*MADE_WITH} - {*found}:
        each = {run.attrs[name] for run in runs}
        several = "unknown" if name == "git_commit" else "several"
        found[name] = each.pop() if len(each) == 1 else several
    return found


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
