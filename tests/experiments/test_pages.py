"""The page of a question shows how to ask it, typed and from Python, alike."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from experiments.arguments import called_with
from experiments.options import experiment_options, from_text
from experiments.registry import EXPERIMENTS

PAGES = sorted((Path(__file__).parents[2] / "docs" / "experiments").glob("*.md"))
BLOCK = re.compile(
    r"(?P<typed>(?:^ +dendrites run .*\n(?:^ {8,}\S.*\n)*)+)"
    r"\n *or, in Python,\n\n"
    r"^ +tree = (?P<run>experiments\.run\(.*\))\n"
    r"^ +figure = experiments\.plot\(tree\)\n",
    re.MULTILINE,
)


def typed(line):
    """Arguments of a command by name, as its question gets them."""
    words = shlex.split(line.partition("#")[0])
    name, given = words[2], {}
    for word in words[3:]:
        if word.startswith("--"):
            given[word[2:].replace("-", "_")] = texts = []
        else:
            texts.append(word)
    options = experiment_options(EXPERIMENTS[name].load())
    return {
        argument: from_text(
            options[argument],
            texts if options[argument].many or options[argument].named else texts[0],
        )
        if texts
        else True
        for argument, texts in given.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_the_command_and_the_same_in_python(page):
    found = BLOCK.search(page.read_text(encoding="utf-8"))
    assert found, "a block of commands, 'or, in Python,' and two lines"
    call = ast.parse(found["run"], mode="eval").body
    (name,) = (ast.literal_eval(word) for word in call.args)
    given = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert name == page.stem
    complete = [line for line in found["typed"].splitlines() if "..." not in line]
    commands = [typed(line) for line in complete if line.strip().startswith("dend")]
    assert given in commands
    given.pop("full", None)
    called_with(EXPERIMENTS[name].load(), given, name)


def test_every_question_has_a_page():
    assert {page.stem for page in PAGES} == {*EXPERIMENTS}
