"""Tables of the docs are made from the stored files; what those files show."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import stored_files
import xarray as xr

from dendrites.dataset import open_run
from docs.results import make
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS
from experiments.statistics import paired_p

DOCS = Path(__file__).resolve().parents[1] / "docs"


def stored(name):
    return stored_files.stored(name)["sweep"].to_dataset()


def test_every_table_is_what_the_stored_files_give(capsys):
    assert make.main(["--check"]) == 0, capsys.readouterr().out


def test_every_stored_file_is_declared_once_and_used():
    paths = [p.relative_to(make.RESULTS) for p in make.RESULTS.rglob("*.nc")]
    assert {p.with_suffix("").as_posix() for p in paths} == {*make.TABLES["files"]}
    used = {row["file"] for row in make.TABLES["results"]} | {*make.TABLES["lab"]}
    for table in (table for page in make.PAGES.values() for table in page.values()):
        used |= {*table.get("files", []), table.get("file", "digits")}
        cells = [cell for row in table.get("rows", []) for cell in row]
        used |= {cell["file"] for cell in cells if "file" in cell}
    assert used <= {*make.TABLES["files"]}


@pytest.mark.parametrize("name", make.TABLES["files"])
def test_the_command_of_a_stored_file_has_options_that_exist(name):
    program, verb, question, *words = make.TABLES["files"][name]["command"].split()
    assert program == "dendrites" and verb in ("run", "sweep")
    options = {*experiment_options(EXPERIMENTS[question].load()), "full"}
    if verb == "sweep":
        options |= {"grid", "out"}
    given = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
    assert {option.removeprefix("no_") for option in given} <= options


def row(start):
    (found,) = (row for row in make.TABLES["results"] if row["what"].startswith(start))
    return found


def cells(start):
    return next(cells for cells in make.result_rows() if cells[0].startswith(start))


def test_a_row_has_mean_range_interval_and_seeds_of_its_file():
    values = [2.4, 2.7, 2.9, 2.6, 1.8]  # per cent, as the page of yin-yang gives them
    found = cells("[yin-yang]")
    mean, error = np.mean(values), np.std(values, ddof=1) / np.sqrt(5)
    assert found[2:4] == [f"{mean:.2f} %", "1.80 to 2.90"]
    # Student's t for 4 degrees of freedom.
    low, high = mean - 2.776445 * error, mean + 2.776445 * error
    assert found[4:6] == [f"{low:.2f} to {high:.2f}", "0-4"]


def test_a_single_seed_says_so_and_has_no_spread():
    assert cells("segregated-dendrites, MNIST, 500 hidden")[2:6] == [
        "5.80 %",
        "",
        "",
        "one seed (0)",
    ]


def test_a_row_selects_divides_and_averages_as_it_says():
    power = open_run(make.RESULTS / "pictures" / "self-prediction.nc")
    power = power["self_prediction"].apical_power
    wanted = 100 * power.sel(presentation=10) / power.sel(presentation=0)
    found = make.values_of(row("[self-prediction]"))
    np.testing.assert_allclose(found, wanted, rtol=1e-14)
    curve = open_run(make.RESULTS / "pictures" / "new-association.nc")
    figures = json.loads(curve.attrs["headline_json"])
    onset = np.median(make.values_of(row("[new-association]")))
    assert onset == pytest.approx(figures["apical_rms_onset"]["value"], rel=1e-12)


def page_cells(page, name, start):
    rows = make.page_rows(make.PAGES[page][name])
    return next(cells for cells in rows if cells[0].startswith(start))


def test_a_cell_of_a_page_shows_the_runs_of_its_file():
    values = [2.4, 2.7, 2.9, 2.6, 1.8]
    shown = f"{np.mean(values):.2f} +- {np.std(values, ddof=1):.2f} "
    found = page_cells("yin-yang", "errors", "microcircuit, tied")
    assert found[1:] == [shown + "(2.4, 2.7, 2.9, 2.6, 1.8)"]


def test_a_cell_becomes_several_along_what_it_runs_across():
    errors = 100 * stored("depth").test_error.sel(setting="matched", epoch=5)
    found = page_cells("depth", "errors", "matched, 5 epochs")
    assert found[1:] == [f"{x:.2f}" for x in errors.sel(depth=[1, 2, 3, 4, 5]).values]
    angles = stored("teacher-student-full").angle_w_b[0]  # of measurements, by epoch
    found = page_cells("teacher-student", "full", "angle")
    assert found[-1] == f"{float(angles[-1]):.1f}"


def test_files_of_a_page_are_listed_with_seeds_times_and_commands():
    (first, *_) = make.page_rows(make.PAGES["yin-yang"]["files"])
    assert first[0] == "[yin-yang.nc](../results/yin-yang.nc)"
    assert first[1] == "0-4" and first[2].endswith(" s")
    assert first[3].startswith("`dendrites run yin-yang --seed S`")


def test_a_cell_pairs_its_runs_with_those_of_another_figure():
    digits = stored("digits")
    pair = {"figure": "test_error_linear", "against": "test_error"}
    (found,) = make._texts({"file": "digits", "show": "{p}"} | pair, {})
    assert float(found) == paired_p(digits.test_error_linear, digits.test_error)


def test_a_changed_value_makes_a_table_stale(monkeypatch, capsys):
    changed = [entry | {"factor": 3.0} for entry in make.TABLES["results"][:1]]
    rows = {"results": [*changed, *make.TABLES["results"][1:]]}
    monkeypatch.setattr(make, "TABLES", make.TABLES | rows)
    assert make.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/results.md: table results is not current\n"


def test_only_what_lies_between_markers_is_written():
    page = "a\n<!-- made: one -->\n| old |\n<!-- end: one -->\nz\n"
    found = make.with_table(page, "one", "| new \\1 |\n")
    assert found == page.replace("old", "new \\1")
    with pytest.raises(ValueError, match="made: two"):
        make.with_table(page, "two", "")


def test_files_without_a_commit_of_their_runs_are_listed_to_be_made_again():
    listed = {name for name in make.TABLES["files"] if make.faults(name)}
    for name in make.TABLES["files"]:
        tree = stored_files.stored(name)
        joined = json.loads(tree.attrs["config_json"]).get("seed") == "all"
        kept = "sweep" in tree and "git_commit" in tree["sweep"].coords
        if tree.attrs["git_dirty"] or (joined and not kept):
            assert name in listed
    assert "pictures/drift" not in listed


@pytest.mark.parametrize(
    ("commits", "dirty", "why"),
    [
        (["a", "a"], [0, 0], []),
        (["a", "b"], [0, 0], ["runs of several commits"]),
        (["unknown", "unknown"], [0, 0], ["no commit"]),
        (["a", "a"], ["0", "1"], ["files differed from the commit"]),
        (["a", "a"], ["0", ""], []),  # "": a job of a sweep that is not finished
    ],
)
def test_commits_kept_of_runs_say_whether_a_file_is_to_be_made_again(
    monkeypatch, commits, dirty, why
):
    runs = xr.Dataset(coords={"git_commit": ("seed", commits)})
    runs = runs.assign_coords(git_dirty=("seed", np.array(dirty, object)))
    root = xr.Dataset(attrs={"config_json": '{"seed": "all"}', "git_dirty": 1})
    tree = xr.DataTree.from_dict({"/": root, "/sweep": runs})
    monkeypatch.setattr(stored_files, "stored", lambda name: tree)
    assert make.faults("any") == why


# Stored figures: what the files hold, which no test makes again.


def test_stored_figures_of_digits_beat_a_linear_classifier_and_the_control():
    digits = stored("digits")
    assert list(digits.seed.values) == [*range(100, 110)]
    assert float(digits.test_error.mean()) <= 0.022
    for other in ("linear", "frozen_hidden"):
        errors = digits[f"test_error_{other}"]
        assert float(digits.test_error.mean()) < float(errors.mean())
        assert paired_p(digits.test_error, errors) < 0.01


def test_stored_figures_of_angles_are_close_to_the_gradient_on_every_seed():
    digits = stored("digits")
    for layer in ("hidden1", "hidden2"):
        assert float(digits[f"angle_deg_{layer}"].max()) < 60.0


def test_stored_figures_of_negatives_need_learned_hidden_layers():
    digits = stored("digits")
    assert float(digits.test_error_negatives_linear.min()) > 0.65
    assert float(digits.test_error_negatives_frozen_hidden.min()) > 0.4
    assert float(digits.test_error_negatives.max()) < 0.25


@pytest.mark.parametrize("name", ["mnist-tied", "mnist-plastic"])
def test_stored_figures_of_two_hidden_layers_on_mnist(name):
    run = stored(name)
    assert run.sizes["seed"] == 3
    assert float(run.test_error.mean()) <= 0.0185


def test_stored_figures_of_three_and_five_hidden_layers():
    three = stored("depth-three").test_error.isel(epoch=-1)
    assert float(three.sel(setting="matched", depth=3)) <= 0.023
    errors = stored("depth-matched").test_error.isel(epoch=-1)
    assert float(errors.sel(setting="matched", depth=5)) <= 0.06


def test_stored_figures_of_plateaus_need_feedback():
    errors = stored("segregated-8000").test_error.mean("seed")
    assert float(errors.sel(feedback="random")) == pytest.approx(0.204, abs=0.03)
    assert float(errors.sel(feedback="zero")) > 1.5 * float(
        errors.sel(feedback="random")
    )


def test_stored_figures_of_five_layers_need_matched_rates():
    errors = stored("depth").test_error.isel(epoch=-1).sel(depth=5)
    assert float(errors.sel(setting="equal_rates")) > 3 * float(
        errors.sel(setting="matched")
    )


@functools.cache
def headline(name):
    run = open_run(DOCS / "results" / f"{name}.nc")
    return json.loads(run.attrs["headline_json"])


def test_stored_figures_of_the_lab_reach_their_references():
    pairing = headline("burst-pairing")
    for key in ("dw_10hz", "dw_50hz", "dw_70hz", "dw_100hz"):
        reference = float(pairing[key]["reference"])
        assert pairing[key]["value"] == pytest.approx(reference, abs=1e-3)
    firing = headline("bac-firing")
    wanted = {"spikes_soma": 1, "spikes_apical": 0, "spikes_both": 3}
    assert {key: firing[key]["value"] for key in wanted} == wanted
    assert headline("btsp")["max_deviation_from_table"]["value"] < 2e-3
    assert headline("pairing-frequency")["sign_agreement"]["value"] == 1
    distance = headline("distance-switch")
    assert distance["dw_proximal"]["value"] > 0 > distance["dw_distal"]["value"]
    assert distance["dw_distal_depolarised"]["value"] > 0
    assert 200 < headline("plasticity-sign")["flip_current_pa_burst"]["value"] < 300
