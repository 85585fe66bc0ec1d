"""Pages that the site makes: the reference, the gallery, and what lies beside docs."""

import ast
import importlib
import inspect
import re
import shutil
from itertools import groupby
from pathlib import Path

# What each package is for, in the order of the site.
PACKAGES = {
    "dendrites": "One cell: models, rules, drives, results",
    "dendrites.models": "Cells with their published parameters",
    "dendrites.rules": "Rules of plasticity",
    "dendrites.transfer": "Transfer functions",
    "circuits": "Populations, projections, phases, training",
    "circuits.algorithms": "Learning schemes as circuits",
    "circuits.microcircuit": "The dendritic error microcircuit, with all options",
    "circuits.probes": "What training measures",
    "experiments": "Questions, from Python",
    "experiments.tasks": "Tasks and data sets",
    "experiments.lab": "The plasticity lab",
    "experiments.sweep": "Questions and functions over grids of arguments",
}
# Pages beside `docs`, and what they are called here.
OUTSIDE = {
    "README": "quick-start",
    "CONTRIBUTING": "contributing",
    "CHANGELOG": "changelog",
}
INCLUDE = """\
```{{include}} ../../{}.md
:relative-docs: docs/
:relative-images:
```
"""
GALLERY = """\
# Gallery

Every question with the picture of its command, drawn from stored runs.
"""
QUESTION = """\
### {name}

{line}

[![{name}](../experiments/{name}.png)](../experiments/{name}.md)

```text
dendrites run {name}
```

```{{code-block}} python
tree = experiments.run("{name}")
figure = experiments.plot(tree)
```
"""


def public_names(package: str) -> dict[str, object]:
    """Public objects of a package by name, or what a module defines; no modules."""
    module = importlib.import_module(package)
    names = [*getattr(module, "__all__", _defined(module))]
    if package == "experiments":
        names.append("list")  # not in __all__, where it would hide the built-in
    found = {name: getattr(module, name) for name in sorted(names, key=str.lower)}
    return {name: one for name, one in found.items() if not inspect.ismodule(one)}


def _defined(module):
    """What a module's own lines define, without what it imports and what is private."""
    for one in ast.parse(inspect.getsource(module)).body:
        names = [t.id for t in getattr(one, "targets", ()) if isinstance(t, ast.Name)]
        if isinstance(one, ast.ClassDef | ast.FunctionDef):
            names = [one.name]
        yield from (name for name in names if not name.startswith("_"))


def page(package: str) -> str:
    """The page of one package, as reStructuredText."""
    lines = [package, "=" * len(package), "", PACKAGES[package] + ".", ""]
    for name, value in public_names(package).items():
        if inspect.isclass(value):
            lines += [f".. autoclass:: {package}.{name}", "   :members:"]
        elif inspect.isroutine(value):
            lines += [f".. autofunction:: {package}.{name}"]
        else:
            lines += [f".. py:data:: {package}.{name}"]
        lines += [""]
    return "\n".join(lines)


def index() -> str:
    """The first page of the reference."""
    rows = "\n".join(f"   {package}" for package in PACKAGES)
    return (
        "Reference\n=========\n\nEvery public name, with shapes, units, errors and "
        f"sources.\n\n.. toctree::\n   :maxdepth: 1\n\n{rows}\n"
    )


def gallery() -> str:
    """The page of all questions, by their families."""
    from experiments.registry import EXPERIMENTS

    text = GALLERY
    own = [e for e in EXPERIMENTS.values() if e.module.startswith("experiments.")]
    own.sort(key=lambda e: e.module.split(".")[1])
    for family, questions in groupby(own, lambda e: e.module.split(".")[1]):
        text += f"\n## {family.capitalize()}\n"
        for one in questions:
            text += "\n" + QUESTION.format(name=one.name, line=one.line)
    return text


def readable(app, what, name, obj, options, lines):
    """Make of a docstring what Sphinx reads as its source does.

    Indented blocks of its text are equations and stay as they stand. What follows the
    last section without indent is a section of its own: notes.
    """
    made, literal, sections = [], False, False
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        paragraph = not number or not lines[number - 1].strip()
        flush = bool(line.strip()) and not line.startswith(" ")
        if paragraph and flush:
            literal = False
            if re.fullmatch("-{3,}", after.strip()):
                sections = True
            elif sections:
                made += ["Notes", "-----"]
                sections = False
        elif paragraph and line.startswith("    ") and not sections and not literal:
            spoken = "".join(made[-2:]).rstrip().endswith("::")
            made += [] if spoken else ["::", ""]
            literal = True
        if not literal and "`" not in line:
            line = re.sub(r"\|(?=\S)|(?<=\S)\|", r"\\|", line)
            line = re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", line)
        made.append(line)
    lines[:] = made


def write(folder: Path):
    """Write all pages; one that is the same is left alone."""
    folder.mkdir(exist_ok=True)
    shutil.copy(folder.parents[1] / "LICENSE", folder)  # the README links to it
    pages = {f"{package}.rst": page(package) for package in PACKAGES}
    pages |= {"index.rst": index(), "gallery.md": gallery()}
    pages |= {f"{here}.md": INCLUDE.format(name) for name, here in OUTSIDE.items()}
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
