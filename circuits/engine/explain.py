"""The lists of a circuit in words: what it does, in which order."""

from circuits.engine.ends import end_lists, resets
from circuits.engine.facts import perturbed_in, switched
from circuits.engine.layout import Layout
from circuits.engine.programs import Programs
from circuits.engine.steps import Randoms
from circuits.engine.sweeps import clamps


def explain_lists(circuit, schedule, *, learning, block, batch, optimise) -> str:
    """One operation a line, phase by phase; see `circuits.explain`."""
    phase = () if circuit.readout_phase is None else (circuit.readout_phase,)
    layout = Layout(
        circuit,
        dtype=float,
        capacity=batch,
        block=block,
        predicts=block > 1,
        looks=[(circuit.output, circuit.readout, *phase)],
    )
    randoms = Randoms(circuit, 0, "", ())
    programs = Programs(layout, seed=0, randoms=randoms, given={}, optimise=optimise)
    plastic = [p for p in circuit.projections if learning and p.learns]
    moving = frozenset(p.name for p in plastic if p.rule.learning_rate > 0)
    lines, settled = [], []

    def close():
        if settled:
            names = ", ".join(repr(phase.name) for phase in settled)
            lines.extend(_part(f"phase {names}", programs.timeless_lists(settled)))
            settled.clear()

    rest = [] if schedule.carry_state else [*resets(programs.writer())]
    drawn = programs.writer().draw_xi(perturbed_in(circuit, schedule.phases), 0)
    lines += _part("presentation begins", [*rest, *drawn])
    for phase in schedule.phases:
        if phase.timeless:
            settled.append(phase)
            continue
        close()
        where = f"phase {phase.name!r}"
        on, held, perturbed = switched(circuit, phase)
        shown = [*clamps(programs.writer(), on, programs.columns)]
        shown += programs.writer().kept(held)
        moves = moving if phase.learning else frozenset()
        w = programs.writer(moves, single=batch == 1).perturbing(perturbed)
        window = phase.name if phase.readable else None
        lists = programs.lists(w, on, window, held)
        blocks = (
            f"{where}, every {block} steps" if block > 1 else f"{where}, every step"
        )
        lines += _part(f"{where} begins", [*shown, *lists.enter])
        lines += _part(f"{blocks}, first", [*lists.predict, *lists.begin])
        lines += _part(f"{where}, every step", lists.step)
        lines += _part(f"{blocks}, at last", [*lists.collect, *lists.move])
        lines += _part(f"{where} ends", lists.leave)
    close()
    ends = end_lists(programs.writer(moving), 0)
    lines += _part("presentation ends", [*ends.sum, *ends.move, *ends.carry])
    return "\n".join(lines)


def _part(title, operations):
    texts = [text for o in operations for text in _texts(o)]
    return [title, *(f"    {text}" for text in texts)] if texts else []


def _texts(o):
    """What an operation does; of one that runs lists, what is in them."""
    if not o.inner:
        return [o.text]
    lists = {k: [f"  {t}" for o in part for t in _texts(o)] for k, part in o.inner}
    times, first, again = o.operands["times"], lists["first"], lists["again"]
    rest = " at most, until every sample is at rest" if o.operands["allowed"] else ""
    if first == again or times == 1:
        return [f"{times} times{rest}:", *first]
    return ["once:", *first, f"{times - 1} times more{rest}:", *again]
