"""Which numbers of a sweep the page has to explain."""

from cheapconv.docs.surprises import surprises
from cheapconv.reports.answers.content import build
from tests.reports.store import Store


def test_rows_below_their_control_wide_rows_and_scores_without_meaning(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951, 0.952])
    store.seeds("G(4)", "scratch", [0.900, 0.901, 0.902])
    store.seeds("G(4)", "at", [0.860, 0.861, 0.862])
    store.seeds("G(4)", "sp", [0.8995, 0.900, 0.902])
    store.seeds("G(4)", "kd", [0.91, 0.93, 0.95])
    store.add("G(N)", "scratch", 0, 0.1, warning="as guessing has")
    assert surprises([build(store.plan(), "quick")]).splitlines() == [
        "- quick",
        "  - a point or more below training alone: 1 of 3 (WRN-16-2 G(4) + at -4.00); by more than chance: "
        "WRN-16-2 G(4) + at",
        "  - seeds a point or more apart: 1 of 5 (WRN-16-2 G(4) + kd 91.00 to 95.00 %); by more than "
        "chance: WRN-16-2 G(4) + kd",
        "  - without meaning: WRN-16-2 G(N) + scratch",
    ]


def test_what_was_not_asked_is_not_said_to_be_none(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951])
    store.seeds("S", "kd", [0.90, 0.901])
    store.add("S", "kd", 2, state="planned")
    assert [line.rsplit(": ")[1] for line in surprises([build(store.plan(), "quick")]).splitlines()[1:]] == [
        "not asked, for there are no such complete rows",
        "none of 2",
        "none",
    ]
