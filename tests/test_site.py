"""The site lists every page and every public name, and is built without a warning."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import site_pages

DOCS = Path(__file__).resolve().parents[1] / "docs"
TREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)


def listed():
    """Pages in the trees of the start page, as it names them."""
    lines = "\n".join(TREE.findall((DOCS / "index.md").read_text())).splitlines()
    names = [one for one in lines if one and not one.startswith(":")]
    return [re.sub(r".*<(.*)>", r"\1", name) for name in names]


def test_the_start_page_lists_every_page_once():
    written = {"index", "gallery", *site_pages.OUTSIDE.values()}
    written = {f"made/{name}" for name in written}
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix()
        for path in DOCS.rglob("*.md")
        if path.parent.name != "made"
    }
    assert sorted(listed()) == sorted((pages - {"index"}) | written)


def public(package):
    """Names that a package exports, and the modules among them."""
    module = importlib.import_module(package)
    found = {name: getattr(module, name) for name in module.__all__}
    modules = {one.__name__ for one in found.values() if inspect.ismodule(one)}
    return [name for name, one in found.items() if not inspect.ismodule(one)], modules


@pytest.mark.parametrize("package", ["dendrites", "circuits", "experiments"])
def test_every_public_name_stands_in_the_reference(package):
    _, modules = public(package)
    # What neither exports nor defines a name needs no page.
    modules = {m for m in modules if [*site_pages.public_names(m)]}
    assert modules <= {*site_pages.PACKAGES}
    for one in [package, *modules]:
        if hasattr(importlib.import_module(one), "__all__"):
            page = site_pages.page(one)
            for name in public(one)[0]:
                assert f":: {one}.{name}\n" in page


def test_a_module_without_exports_shows_what_it_defines_and_not_what_it_imports():
    shown = site_pages.public_names("dendrites.transfer")
    assert {"TRANSFERS", "Transfer", "LOGISTIC", "soft_rectifier"} <= {*shown}
    assert not {"math", "np", "overload", "Callable", "NamedTuple"} & {*shown}


def test_the_gallery_shows_a_picture_of_every_question():
    from experiments.registry import EXPERIMENTS

    text = site_pages.gallery()
    shown = re.findall(r"\]\(\.\./experiments/(.*)\.png\)", text)
    ours = [n for n, e in EXPERIMENTS.items() if e.module.startswith("experiments.")]
    assert sorted(shown) == sorted(ours)
    for name in shown:
        picture = DOCS / "experiments" / f"{name}.png"
        assert picture.is_file() and picture.with_suffix(".md").is_file()


def test_equations_and_what_follows_the_sections_are_told_apart():
    lines = ["Sum.", "", "    y = |x| + tau_", "", "Of |x|.", "", "Returns", "-------"]
    lines += ["float", "    Of 1/ms.", "", "Source: a paper."]
    site_pages.readable(None, "function", "f", None, None, lines)
    assert lines[2:6] == ["::", "", "    y = |x| + tau_", ""]
    assert lines[6] == r"Of \|x\|."
    assert lines[-3:] == ["Notes", "-----", "Source: a paper."]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("pydata_sphinx_theme", reason="needs the extra docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", str(DOCS)]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").is_file()
