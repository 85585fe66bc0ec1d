"""What keeps a data set from being a task, one line of text for each problem."""

import numpy as np

SOURCE_KEYS = ("name", "licence", "sha256")


def source_problems(sources) -> list[str]:
    """Which sources do not name a data set, its licence and its checksum."""
    return [
        f"source {i}: expected a dict of texts with the keys {', '.join(SOURCE_KEYS)}, "
        f"got {source!r}"
        for i, source in enumerate(sources)
        if not isinstance(source, dict)
        or set(source) != set(SOURCE_KEYS)
        or not all(isinstance(text, str) for text in source.values())
    ]


def split_problems(split) -> list[str]:
    """Why the arrays of one split cannot be examples, or nothing."""
    problems = []
    for name, ndim in (("inputs", 2), ("targets", 2), ("labels", 1), ("index", 1)):
        array = getattr(split, name)
        if array is None:
            if name != "labels":
                problems.append(f"{name} are missing, only labels may be None")
        elif array.ndim != ndim:
            problems.append(f"{name} have shape {array.shape}, expected {ndim}-D")
    if problems:
        return problems
    n_examples = len(split.inputs)
    for name, array in split._asdict().items():
        if array is not None and len(array) != n_examples:
            problems.append(f"{name}: {len(array)} rows for {n_examples} examples")
    if problems:
        return problems
    if split.inputs.size == 0 or split.targets.size == 0:
        return [
            f"empty, inputs have shape {split.inputs.shape} "
            f"and targets {split.targets.shape}"
        ]
    for name in ("inputs", "targets"):
        problems += _non_finite(name, getattr(split, name))
    if split.index.dtype != np.int64:
        problems.append(f"index has dtype {split.index.dtype}, expected int64")
    if split.labels is not None:
        problems += _label_problems(split.labels, split.targets.shape[1])
        if not problems:
            problems += _contradictions(split.labels, split.targets)
    return problems


def _non_finite(name, values):
    if values.dtype not in (np.float32, np.float64):
        return [f"{name} have dtype {values.dtype}, expected float64"]
    bad = ~np.isfinite(values)
    if not bad.any():
        return []
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    return [
        f"{int(bad.sum())} of {values.size} {name} are not finite, "
        f"first {values[first]} at {first}"
    ]


def _label_problems(labels, n_outputs):
    if labels.dtype != np.int64:
        found = ", ".join(repr(value) for value in labels[:3].tolist())
        n_nan = int(np.isnan(labels).sum()) if labels.dtype.kind == "f" else 0
        nan = f", {n_nan} of them NaN" if n_nan else ""
        return [
            f"labels have dtype {labels.dtype} ({found}, ...{nan}), "
            f"expected whole numbers 0 to {n_outputs - 1}"
        ]
    bad = (labels < 0) | (labels >= n_outputs)
    if bad.any():
        values = np.unique(labels[bad])
        shown = ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")
        return [
            f"{int(bad.sum())} labels outside 0 to {n_outputs - 1}: {shown}, "
            f"first at example {int(bad.argmax())}"
        ]
    # One example alone cannot have two classes, and a one-example subset is useful.
    if len(labels) > 1 and (labels == labels[0]).all():
        return [f"all {len(labels)} labels are {labels[0]}, expected 2 classes or more"]
    return []


def _contradictions(labels, targets):
    """Labels whose output is not the one that should be most active."""
    if targets.shape[1] < 2:
        return []
    own = np.take_along_axis(targets, labels[:, None], axis=1)[:, 0]
    bad = own < targets.max(axis=1)
    if not bad.any():
        return []
    k = int(bad.argmax())
    return [
        f"{int(bad.sum())} labels contradict their targets: example {k} has the label "
        f"{labels[k]}, and its largest target is that of output "
        f"{int(targets[k].argmax())}"
    ]


def mismatches(splits) -> list[str]:
    """Where splits, each sound by itself, do not fit the training split."""
    train = splits["train"]
    problems = []
    for name, split in splits.items():
        for layer, got, expected in (
            ("input", split.inputs, train.inputs),
            ("output", split.targets, train.targets),
        ):
            if got.shape[1] != expected.shape[1]:
                problems.append(
                    f"split {name!r}: layer {layer!r} expected {expected.shape[1]} "
                    f"features as in 'train', got {got.shape[1]}"
                )
        if (split.labels is None) != (train.labels is None):
            which = "no labels" if split.labels is None else "labels"
            problems.append(f"split {name!r}: has {which}, unlike 'train'")
    return problems
