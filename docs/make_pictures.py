"""Draw the pictures of the documentation from stored files, or check that they are.

    python docs/make_pictures.py                     # all
    python docs/make_pictures.py yin-yang drift
    python docs/make_pictures.py --check             # names those that are not
    python docs/make_pictures.py --store drift RUN   # keeps what a picture needs

`pictures.json` holds a digest of the labels and arrays that each panel draws, and one
of the picture's file: a picture is current if both are what the stored file gives now.
RUN is a file of `dendrites run`, or a folder of `dendrites sweep`.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.colors import to_hex

from dendrites.dataset import group, open_run, save_run
from experiments.registry import EXPERIMENTS
from experiments.sweep import open_sweep

DOCS = Path(__file__).resolve().parent
RECORD = DOCS / "pictures.json"
STORED = DOCS / "results" / "pictures"
DIGITS = 6  # significant ones, so that the last bits of a mean do not matter

FIRST_SEED, FIRST_RUN = {"seed": [0]}, {"replica": [0]}
#: Groups that a picture needs of a run, with the part of them that is kept.
KEPT = {
    "dendritic-prediction": {
        "learning": {},
        "traces": FIRST_RUN,
        "weights/input_to_output_dendrite": {},
        "spikes/output": {},
    },
    "digits": {
        "sweep": {},
        "training": {},
        "diagnostics": {},
        "controls/frozen_hidden": {},
        "references": {},
        "negatives/training": {},
        "negatives/references": {},
        "populations/hidden1": FIRST_SEED,
    },
    "drift": {"drift": {}, "closed_form": {}, "fixed_point": {}},
    "early-late": {"settled": {}, "conditions": {}, "onset": {}, "map": {}},
    "new-association": {
        "new_association": {},
        "populations/hidden1": FIRST_RUN,
        "populations/output": {},
        "stimuli/teacher": {},
    },
    "plateau-angle": {"alignment": {"example": []}},
    "segregated-dendrites": {"sweep": {}, "training": {}, "plateaus": {}},
    "self-prediction": {"self_prediction": {}},
    "spike-pair-window": {"window": {}},
    "teacher-student": {
        "sweep": {},
        "training": {},
        "controls/shallow": {},
        "references": {},
        "diagnostics": {},
        "predictions/test": FIRST_SEED,
    },
    "transient-silence": {
        "populations/hidden1": {},
        "populations/hidden2": {},
        "stimuli/input": {},
    },
    "weak-nudge": {"alignment": {}},
    "yin-yang": {
        "sweep": {},
        "training": {},
        "controls/frozen_hidden": {},
        "references": {},
        "map": FIRST_SEED,
        "points/test": FIRST_SEED,
    },
}
#: Pictures drawn from whole runs, kept for their figures as well.
WHOLE = (
    "apical-timing",
    "bac-firing",
    "btsp",
    "burst-multiplexing",
    "burst-pairing",
    "climbing-fibre",
    "compare-rules",
    "depth",
    "disinhibition-gate",
    "distance-switch",
    "external-timing",
    "fear-conditioning",
    "feedback-improves-activity",
    "gain-control",
    "gradient-atlas",
    "limits",
    "linear-stages",
    "pairing-frequency",
    "plasticity-matrix",
    "plasticity-sign",
    "scalar-feedback",
    "signed-errors",
    "weight-symmetry",
)
PICTURES = (*sorted((*KEPT, *WHOLE, "mnist-microcircuit")),)


def stored(name: str) -> xr.DataTree:
    """The tree that the picture of a question is drawn from."""
    if name == "mnist-microcircuit":
        return _collected(open_run(DOCS / "results" / "mnist-tied.nc"))
    folder = STORED if name in KEPT else DOCS / "results"
    return open_run(folder / f"{name}.nc")


def store(name: str, source: Path) -> Path:
    """Write what the picture of a question needs of a run or a sweep."""
    swept = source.is_dir()
    tree = open_sweep(source) if swept else open_run(source)
    jobs = [open_run(path) for path in sorted((source / "jobs").glob("*.nc"))]
    first = tree["sweep"].run_id.values.flat[0] if swept else None
    attrs = dict(tree.attrs) | _provenance(jobs)
    groups = {"/": xr.Dataset(attrs=attrs)}
    for path, part in KEPT[name].items():
        found = tree
        if f"/{path}" not in tree.groups:  # unlike in the jobs: that of the first
            found = next(job for job in jobs if job.attrs["run_id"] == first)
        groups[path] = found[path].to_dataset(inherit=False).isel(part)
    STORED.mkdir(exist_ok=True)
    kept = xr.DataTree.from_dict(groups)
    return save_run(kept, STORED / f"{name}.nc", overwrite=True)


def _provenance(jobs):
    """Commit and versions of the jobs of a sweep, which must have them in common."""
    found = {}
    for key in jobs[0].attrs if jobs else ():
        if key.startswith("git_") or key.endswith("_version"):
            values = {job.attrs[key] for job in jobs}
            if len(values) > 1:
                raise SystemExit(f"jobs differ in {key}: {sorted(map(str, values))}")
            found[key] = values.pop()
    return found


def _collected(tree):
    """A tree like that of a sweep over seeds, of curves collected from runs."""
    found = tree["sweep"].to_dataset()
    test = {"split": np.array(["test"], dtype=object)}
    groups = {
        "training": {"error_rate": found.error_rate.expand_dims(test)},
        "references": {"error_rate": found.error_rate_curve.expand_dims(test)},
        "diagnostics": {k: found[k] for k in ("angle_to_bp", "sps_residual")},
    }
    parts = {f"/{path}": xr.Dataset(values) for path, values in groups.items()}
    seeds = {"/sweep": group({}, {"seed": found.seed.values})}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=tree.attrs), **seeds, **parts})


def figure_of(name: str, tree=None):
    """The figure of a question, from its stored tree unless another one is given."""
    return EXPERIMENTS[name].load_plots().plot(stored(name) if tree is None else tree)


def picture_of(name: str) -> Path:
    """Where the picture of a question lies."""
    return DOCS / "experiments" / f"{name}.png"


def drawn(figure) -> dict[str, str]:
    """A digest of all that each panel draws: labels, looks and arrays."""
    return {
        f"{k} {axes.get_title(loc='left')}".strip(): _digest(axes)
        for k, axes in enumerate(figure.axes)
    }


def artists_of(axes):
    """What draws data in a panel: name, looks, arrays."""
    for line in axes.lines:
        looks = [line.get_linestyle(), line.get_marker(), to_hex(line.get_color())]
        yield line.get_label(), looks, [line.get_xdata(), line.get_ydata()]
    for collection in axes.collections:
        values = collection.get_array()
        if hasattr(collection, "get_coordinates"):
            arrays = [collection.get_coordinates()]
        else:
            arrays = [path.vertices for path in collection.get_paths()]
        if values is None:
            looks = [to_hex(color) for color in collection.get_facecolor()[:1]]
        else:  # colours of values are not known before they are rendered
            looks = [to_hex(color) for color in collection.cmap([0.0, 0.5, 1.0])]
            arrays += [np.ma.filled(values, np.nan), collection.get_clim()]
        yield collection.get_label(), looks, arrays
    for image in axes.images:
        yield (
            "image",
            [image.get_cmap().name],
            [np.ma.filled(image.get_array(), np.nan)],
        )
    for patch in axes.patches:
        corners = patch.get_patch_transform().transform(patch.get_path().vertices)
        yield patch.get_label(), [to_hex(patch.get_facecolor())], [corners]


def _digest(axes):
    legend = axes.get_legend()
    texts = [axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale(), axes.get_yscale()]
    texts += [text.get_text() for text in axes.texts]
    texts += [text.get_text() for text in legend.get_texts()] if legend else []
    digest = hashlib.sha256(json.dumps(texts).encode())
    for label, looks, arrays in artists_of(axes):
        name = "" if str(label).startswith("_") else str(label)
        digest.update(json.dumps([name, [str(look) for look in looks]]).encode())
        for array in arrays:
            digest.update(_rounded(array).tobytes())
    return digest.hexdigest()[:16]


def _rounded(array):
    values = np.asarray(np.ma.filled(array, np.nan), dtype=float).ravel()
    known = np.isfinite(values) & (values != 0)
    power = np.zeros(values.shape)
    power[known] = np.floor(np.log10(np.abs(values[known]))) - DIGITS + 1
    leading = np.rint(np.where(known, values, 0.0) / 10.0**power)
    kind = np.where(np.isnan(values), 1.0, 0.0)
    return np.stack([leading, power, kind]) + 0.0  # no negative zeros


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def out_of_date(name: str, figure) -> list[str]:
    """Panels and files that are not what was recorded, in words."""
    recorded = json.loads(RECORD.read_text()).get(name)
    if recorded is None:
        return ["not recorded"]
    now = drawn(figure)
    names = [
        *recorded["panels"],
        *(key for key in now if key not in recorded["panels"]),
    ]
    changed = [
        f"panel {key}" for key in names if recorded["panels"].get(key) != now.get(key)
    ]
    path = picture_of(name)
    if not path.exists() or file_digest(path) != recorded["file"]:
        changed.append(path.name)
    return changed


def make(name: str) -> None:
    """Draw the picture of a question and record what it shows."""
    figure = figure_of(name)
    figure.savefig(picture_of(name), metadata={"Software": None})
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record[name] = {"file": file_digest(picture_of(name)), "panels": drawn(figure)}
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    RECORD.write_text(text + "\n")


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--check", action="store_true", help="draw nothing")
    parser.add_argument("--store", nargs=2, metavar=("NAME", "RUN"))
    given = parser.parse_args(argv)
    matplotlib.use("Agg")
    if given.store:
        if given.store[0] not in KEPT:
            parser.error(f"--store {given.store[0]}: known are {', '.join(KEPT)}")
        print(store(given.store[0], Path(given.store[1])))
        return 0
    if unknown := [name for name in given.names if name not in PICTURES]:
        parser.error(f"{unknown[0]}: known are {', '.join(PICTURES)}")
    stale = {}
    for name in given.names or PICTURES:
        if not given.check:
            make(name)
            print(picture_of(name), flush=True)
        elif changed := out_of_date(name, figure_of(name)):
            stale[name] = changed
            print(f"{name}: {'; '.join(changed)}", flush=True)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
