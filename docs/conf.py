"""The site: ``python -m sphinx -W docs build/site`` makes it, without a network."""

import importlib.metadata
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

import site_pages  # noqa: E402  (lies beside this file)

project = "dendritic-circuits"
author = "the authors of dendritic-circuits"
release = version = importlib.metadata.version("dendritic-circuits")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_heading_anchors = 4
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
default_role = "py:obj"
highlight_language = "text"

html_theme = "pydata_sphinx_theme"
html_favicon = "icon.svg"
html_context = {"default_mode": "auto"}
html_title = "Dendritic circuits"
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}


def lead_inside(app, page, source):
    """Let links that leave ``docs`` lead to the pages that include what they name."""
    up = "../" * page.count("/")
    for outside, here in site_pages.OUTSIDE.items():
        inside = f"]({up}made/{here}.md"
        source[0] = source[0].replace(f"]({up}../{outside}.md", inside)


def setup(app):
    app.connect("builder-inited", lambda app: site_pages.write(DOCS / "made"))
    app.connect("source-read", lead_inside)
    app.connect("autodoc-process-docstring", site_pages.readable, priority=100)
