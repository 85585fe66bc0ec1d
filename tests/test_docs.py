"""What the documentation says runs, prints what it shows, and points somewhere."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if page.parent.name != "made"]  # by the site
ROOMS = ("dendrites", "circuits", "experiments")
LONGEST_LISTING = 40  # lines
# Ten times what a page takes alone, since tests may share a busy machine.
PATIENCE = 600  # seconds

BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\s*^```text\n(?P<shown>.*?)^```)?",
    re.DOTALL | re.MULTILINE,
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<path>[^)#:]*)(?:#(?P<place>[^)]*))?\)")
NAMED_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)(?:::(?P<test>\w+))?`")


class Listing(NamedTuple):
    line: int
    code: str
    shown: str | None


def listings(page):
    text = page.read_text(encoding="utf-8")
    return [
        Listing(text[: found.start()].count("\n") + 2, found["code"], found["shown"])
        for found in BLOCK.finditer(text)
    ]


def relative(page):
    return page.relative_to(ROOT).as_posix()


# Listings of a page share an interpreter, which takes most of their time to start, and
# nothing else; a form feed ends what each prints.
TOGETHER = """
import runpy, sys
for name in sys.argv[1:]:
    runpy.run_path(name, run_name="__main__")
    print("\\f", end="", flush=True)
"""


def run(code, found, folder):
    """Run listings as a newcomer would: each from a file of its own."""
    names = [f"line_{listing.line}.py" for listing in found]
    for name, listing in zip(names, found, strict=True):
        (folder / name).write_text(listing.code, encoding="utf-8")
    # Examples are for compiled code, whatever the suite itself runs as.
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"}
    return subprocess.run(
        [sys.executable, "-W", "error", *code, *names],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


WITH_LISTINGS = pytest.mark.parametrize(
    "page", [p for p in PAGES if listings(p)], ids=relative
)


def depth_of(page):
    return len(page.relative_to(ROOT).parts)


# Pages of models and questions compile circuits of their own: a minute together.
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(p, marks=pytest.mark.slow if depth_of(p) > 2 else ())
        for p in PAGES
        if listings(p)
    ],
    ids=relative,
)
def test_the_listings_of_a_page_run_in_order_and_print_what_is_shown(page, tmp_path):
    found = listings(page)
    done = run(["-c", TOGETHER], found, tmp_path)
    printed = done.stdout.split("\f")
    assert done.returncode == 0, f"{relative(page)}: {len(printed)}\n{done.stderr}"
    for listing, text in zip(found, printed[:-1], strict=True):
        if listing.shown is not None:
            assert text == listing.shown, f"{relative(page)}:{listing.line}"


@pytest.mark.slow
@WITH_LISTINGS
def test_every_listing_runs_in_an_interpreter_of_its_own(page, tmp_path):
    for listing in listings(page):
        done = run([], [listing], tmp_path)
        assert done.returncode == 0, f"{relative(page)}:{listing.line}\n{done.stderr}"


def test_a_listing_that_saves_can_be_run_again():
    for page in PAGES:
        for listing in listings(page):
            for call in ast.walk(ast.parse(listing.code)):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(
                    "save_run"
                ):
                    given = {
                        word.arg: ast.unparse(word.value) for word in call.keywords
                    }
                    assert given.get("overwrite") == "True", relative(page)


def test_extras_are_quoted_in_every_command():
    # Without quotes some shells take the brackets for a pattern of file names.
    sources = [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]
    for file in [*PAGES, *sources]:
        for command in re.findall(r"pip install.*", file.read_text(encoding="utf-8")):
            extra = re.search(r"\S*\[[\w{},]+\]\S*", command)
            assert extra is None or extra[0].startswith("'"), (
                f"{relative(file)}: {command}"
            )


def test_pages_with_listings_are_found():
    pages = {relative(page): listings(page) for page in PAGES}
    assert len(pages["README.md"]) == 2
    extending = pages["docs/extending.md"]
    assert len(extending) >= 13
    assert [one.shown is None for one in extending].count(True) == 1


def test_every_python_fence_is_a_listing():
    for page in PAGES:
        fences = page.read_text(encoding="utf-8").count("```python")
        assert fences == len(listings(page)), relative(page)


def test_listings_for_extension_are_short():
    for listing in listings(ROOT / "docs" / "extending.md"):
        lines = listing.code.splitlines()
        assert len(lines) < LONGEST_LISTING, f"line {listing.line}: {len(lines)} lines"
        assert max(map(len, lines)) <= 88


def anchors(page):
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}
    return slugs | {*re.findall(r'<a id="([^"]+)">', text)}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_to_pages_and_titles_that_exist(page):
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / link["path"]) if link["path"] else page
        assert target.exists(), link[0]
        if link["place"]:
            assert link["place"] in anchors(target), link[0]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_tests_named_in_a_page_exist(page):
    for named in NAMED_TEST.finditer(page.read_text(encoding="utf-8")):
        file = ROOT / named["file"]
        assert file.exists(), named[0]
        if named["test"]:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
            assert named["test"] in functions, named[0]


def test_every_page_is_on_the_map():
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / link["path"]).resolve()
        for link in LINK.finditer(index.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if page != index} <= linked
