"""What is won beside what was lost, worked out by hand."""

from pathlib import Path

import pytest

from cheapconv.docs.gains import NONE, gains
from cheapconv.reports.answers.content import Content, build
from tests.reports.store import Store

LOST = {"G(2)": 0.01, "G(4)": 0.02, "G(8)": 0.03, "G(16)": 0.04, "G(N)": 0.05}  # of 0.95


def sweep(root: Path, won: dict[str, float], seeds: int = 2) -> Content:
    """Five networks, alone and by kd; a seed more is a tenth of a point more of everything."""
    store = Store(root)
    store.seeds("S", "scratch", [0.95 + 0.001 * seed for seed in range(seeds)])
    for conv, lost in LOST.items():
        alone = [0.95 - lost + 0.001 * seed for seed in range(seeds)]
        store.seeds(conv, "scratch", alone)
        store.seeds(conv, "kd", [score + won[conv] for score in alone])
    return build(store.plan(), "quick")


@pytest.mark.parametrize(
    ("won", "line"),
    [
        ({conv: lost / 2 for conv, lost in LOST.items()}, ["+0.50 to +2.50", "-1.00", "50"]),
        ({conv: 0.03 - lost / 2 for conv, lost in LOST.items()}, ["+0.50 to +2.50", "+1.00", "50"]),
    ],
)
def test_gains_follow_or_oppose_what_was_lost(won: dict[str, float], line: list[str], tmp_path: Path) -> None:
    told = gains([sweep(tmp_path, won)]).splitlines()[-1]
    assert [cell.strip() for cell in told.strip("|").split("|")] == ["quick", "kd", "5", *line]


def test_a_seed_is_set_beside_the_others_alone(tmp_path: Path) -> None:
    """Who was unlucky alone seems to win more, by the same luck: beside itself a seed would have -1 here."""
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.95])
    for place, conv in enumerate(LOST):
        luck = 0.001 * place
        store.seeds(conv, "scratch", [0.90 + luck, 0.90 - luck])
        store.seeds(conv, "kd", [0.91, 0.91])
    told = gains([build(store.plan(), "quick")]).splitlines()[-1]
    assert [cell.strip() for cell in told.strip("|").split("|")][4] == "+1.00"  # the other seed had the opposite luck


def test_single_runs_say_nothing(tmp_path: Path) -> None:
    assert gains([sweep(tmp_path, LOST, seeds=1)]) == NONE
