"""Put the headline figures and test curves of several runs into one small file.

Usage: python docs/results/collect.py digits-0.nc digits-1.nc ... --out digits.nc
"""

import argparse
import json

import numpy as np

from dendrites.dataset import group, open_run, run_tree, save_run


def collect(paths):
    """A tree of kind "sweep": one entry per seed for every headline figure."""
    runs = sorted(
        (open_run(path) for path in paths), key=lambda t: int(t.attrs["seed"])
    )
    first = runs[0]
    figures = [json.loads(run.attrs["headline_json"]) for run in runs]
    variables = {
        name: (("seed",), np.array([f[name]["value"] for f in figures]), entry["unit"])
        for name, entry in figures[0].items()
    }
    curves = [run["training"].error_rate.sel(split="test").values for run in runs]
    angles = [run["diagnostics"].angle_to_bp.values for run in runs]
    variables["error_rate"] = (
        ("seed", "epoch"),
        np.stack(curves),
        "1",
        "on the test split",
    )
    variables["angle_to_bp"] = (("seed", "update", "layer"), np.stack(angles), "degree")
    dataset = group(
        variables,
        {
            "seed": np.array([int(run.attrs["seed"]) for run in runs]),
            "epoch": first["training"].epoch.values,
            "update": first["diagnostics"]["update"].values,
            "layer": [str(name) for name in first["diagnostics"].layer.values],
        },
    )
    config = json.loads(first.attrs["config_json"])
    return run_tree(
        "sweep",
        {**config, "seed": "all"},
        {"/sweep": dataset},
        title=first.attrs["title"],
        integrator=first.attrs["integrator"],
        dt_ms=first.attrs["dt_ms"],
        dtype=first.attrs["dtype"],
        seed=0,
        created_utc=first.attrs["created_utc"],
        citation=first.attrs["citation"],
        data_sources=json.loads(first.attrs["data_sources_json"]),
        extra={"finished_utc": runs[-1].attrs["finished_utc"]},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    print(save_run(collect(arguments.runs), arguments.out, overwrite=True))
