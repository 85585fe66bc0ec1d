"""What is written into a module for the same text is followed once."""

from types import SimpleNamespace

from dendrites import models
from dendrites.compile.apart import apart
from dendrites.compile.first_look import first_look
from dendrites.compile.functions import written_once
from dendrites.compile.source import ModuleText


def test_the_same_text_gets_the_same_lines_and_another_its_own():
    asked = []

    @written_once
    def write(text, name):
        asked.append(name)
        text.lines += [f"{name} of {len(text.lines)} lines", "end"]
        return name.upper()

    def written(lines, name):
        text = SimpleNamespace(lines=list(lines))
        return write(text, name), text.lines

    first = written(["a", "b"], "x")
    assert first == ("X", ["a", "b", "x of 2 lines", "end"])
    assert written(["a", "b"], "x") == first
    first[1].append("changed later")
    assert written(["a", "b"], "x")[1][-1] == "end"
    assert asked == ["x"]
    assert written(["a", "b"], "y")[0] == "Y"
    assert written(["a", "c"], "x")[1][1] == "c"
    assert written(["a"], "x")[1] == ["a", "x of 1 lines", "end"]
    assert asked == ["x", "y", "x", "x"]


def test_a_cell_that_is_cut_again_is_cut_alike():
    model = models.naud_sprekeler()

    def cut():
        text = ModuleText(single_precision=False)
        step, spike = text.function(model.step), text.function(model.spike)
        names = apart(text, step), first_look(text, spike), apart(text, step)
        return names, text.lines

    found = cut()
    assert found == cut()
    names = found[0][0]
    assert names == found[0][2]
    assert all(sum(f"def {name}(" in x for x in found[1]) == 1 for name in names)
