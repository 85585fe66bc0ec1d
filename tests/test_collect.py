"""Runs collected into one file keep what each was made with, and are of one kind."""

import numpy as np
import pytest

from dendrites.dataset import group, open_run, run_tree, save_run, update_root
from docs.results.collect import collect

CURVE = "training/error_rate"


def run(folder, seed=0, commit="a" * 40, dirty=0, numpy_version="2.0.0", **config):
    """The file of a run with one figure and one curve."""
    errors = np.array([[0.5, 0.1 + 0.01 * seed]])
    training = group(
        {"error_rate": (("split", "epoch"), errors, "1")},
        {"split": ["test"], "epoch": np.array([1, 2])},
    )
    tree = run_tree(
        "training",
        {
            "rate": 1.0,
            "circuit": {"size": 5, "seed": seed},
            **config,
            "seed": str(seed),
        },
        {"/training": training},
        title="A question",
        integrator="exact",
        dt_ms=0.1,
        dtype="float64",
        seed=seed,
        n_epochs=2,
        headline={"test_error": {"value": errors[0, -1], "unit": "1"}},
        created_utc="2020-01-01T00:00:00Z",
        extra={"finished_utc": f"2020-01-01T00:00:0{seed}Z"},
    )
    tree = update_root(
        tree, git_commit=commit, git_dirty=dirty, numpy_version=numpy_version
    )
    name = "-".join(map(str, (seed, *config.values())))
    return save_run(tree, folder / f"{name.replace(' ', '')}.nc")


def test_every_run_keeps_its_commit_flag_and_versions(tmp_path):
    files = [
        run(tmp_path, 1, commit="b" * 40, dirty=1, numpy_version="2.1.0"),
        run(tmp_path, 0),
    ]
    kept = open_run(save_run(collect(files, keep=[CURVE]), tmp_path / "all.nc"))
    found = kept["sweep"].to_dataset()
    assert found.git_commit.values.tolist() == ["a" * 40, "b" * 40]
    assert found.git_dirty.values.tolist() == [0, 1]
    assert found.numpy_version.values.tolist() == ["2.0.0", "2.1.0"]
    runs = [open_run(file).attrs["run_id"] for file in reversed(files)]
    assert found.run_id.values.tolist() == runs
    assert found.test_error.values.tolist() == [0.1, 0.11]
    root = kept.attrs
    assert (root["git_commit"], root["git_dirty"]) == ("unknown", 1)
    assert root["numpy_version"] == "several"
    assert root["finished_utc"] == "2020-01-01T00:00:01Z"


def test_a_commit_that_all_runs_share_is_that_of_the_file(tmp_path):
    found = collect([run(tmp_path, seed) for seed in (0, 1)], keep=[CURVE])
    assert (found.attrs["git_commit"], found.attrs["git_dirty"]) == ("a" * 40, 0)
    assert found.attrs["numpy_version"] == "2.0.0"


def test_runs_of_an_argument_differ_in_it_and_in_what_is_built_from_it(tmp_path):
    files = [
        run(tmp_path, seed, rate=rate, circuit={"size": 5, "step": rate})
        for rate in (2.0, 1.0)
        for seed in (0, 1)
    ]
    found = collect(files, keep=[CURVE], by="rate")["sweep"].to_dataset()
    assert found.git_commit.shape == (2, 2)
    assert found.rate.values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ({"seed": 1, "rate": 2.0}, "rate is 2.0, in other runs 1.0"),
        ({"seed": 1, "batch": 3}, "batch is 3, in other runs None"),
        ({"seed": 1, "circuit": {"size": 6}}, "circuit is {'size': 6}"),
        ({"seed": 0, "batch": 3}, "a second run of seed"),
    ],
)
def test_runs_of_other_settings_are_refused(tmp_path, second, says):
    with pytest.raises(SystemExit, match=says):
        collect([run(tmp_path), run(tmp_path, **second)], keep=[CURVE])


def test_other_settings_beside_the_argument_are_refused(tmp_path):
    files = [run(tmp_path), run(tmp_path, rate=2.0, batch=3)]
    with pytest.raises(SystemExit, match="batch is 3"):
        collect(files, keep=[CURVE], by="rate")


def test_a_missing_run_of_the_grid_is_named(tmp_path):
    files = [run(tmp_path, 0), run(tmp_path, 1), run(tmp_path, 0, rate=2.0)]
    with pytest.raises(SystemExit, match=r"no run of rate, seed \(2.0, 1\)"):
        collect(files, keep=[CURVE], by="rate")


def test_an_argument_that_no_run_has_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="has no 'gain'"):
        collect([run(tmp_path)], keep=[CURVE], by="gain")
