import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.plan.select import matches, select
from cheapconv.engine.run.planning import plan
from tests.engine import fakes


@pytest.fixture
def toy_plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A teacher and 2 convs x 2 methods, each with seeds 0 and 1."""
    fakes.install(monkeypatch)
    teacher = {"name": "big", "architecture": "net(width=8)"}
    students = {"conv": ["thin", "G(N/2)"], "method": ["alone", {"copy": {"teacher": "big", "heat": 2}}]}
    return plan(fakes.sweep(teacher, students, seeds=[0, 1]), "sweep")


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("", 10),
        ("*", 10),
        ("net*", 10),
        ("Net-4", 8),
        ("net(width=4)/*/*/0", 4),
        ("*/G(N)", 4),
        ("*/thin", 4),  # an alias, neither the canonical text nor the label
        ("*/group(width=1)", 4),
        ("net*)/G(N/2)/alone", 2),  # nor does a parenthesis that a star has opened join what follows
        ("* / G( N / 2 ) / alone", 2),  # the slash inside the parentheses does not split
        ("*/group*/copy/1", 2),
        ("*/G*/copy(heat=2)", 4),
        ("*/*/copy(*", 4),
        ("//alone", 6),
        ("*/plain", 2),
        ("*/*/*/[1-9]", 5),
        ("*/GROUP*", 0),
        ("group*", 0),
        ("*/grou", 0),
    ],
)
def test_patterns(toy_plan: Plan, pattern: str, count: int) -> None:
    assert sum(matches(pattern, p.cell) for p in toy_plan.cells) == count


def test_a_student_brings_its_teacher_in_the_plan_order(toy_plan: Plan) -> None:
    chosen = select(toy_plan, "*/G(N)/copy/1")
    assert [(p.entry, p.cell.seed) for p in chosen.cells] == [("big", 1), (None, 1)]
    assert chosen.cells[1].cell.teacher == chosen.cells[0].cell.key
    assert chosen.sweep == toy_plan.sweep


def test_a_teacher_brings_its_own_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)
    middle = {"name": "middle", "architecture": "net(width=6)", "method": {"copy": {"teacher": "big"}}}
    sweep = fakes.sweep({"name": "big"}, middle, {"conv": "thin", "method": {"blend": {"teacher": "middle"}}})
    assert len(select(plan(sweep, "sweep"), "*/*/blend").cells) == 3


def test_a_pattern_that_selects_nothing_lists_what_there_is(toy_plan: Plan) -> None:
    with pytest.raises(
        UserError,
        match=r"'x\*', read as architecture/conv/method/seed; there are .*method alone, copy; seed",
    ):
        select(toy_plan, "x*")


def test_too_many_parts_are_refused(toy_plan: Plan) -> None:
    with pytest.raises(UserError, match="5 parts; write at most architecture/conv/method/seed"):
        select(toy_plan, "a/b/c/0/e")
