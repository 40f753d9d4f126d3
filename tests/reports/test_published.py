"""Which published numbers stand beside ours."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cheapconv.reports import published

OURS = {
    "suite_label": "CIFAR-10",
    "architecture": "WRN-40-2",
    "conv": "G(4)",
    "is_baseline": False,
    "published_as": "kd",
    "published_source": None,
    "teacher": "WRN-40-2",
    "teacher_is_standard": True,
}
FILE = """source,table,dataset,architecture,conv,method,params,macs,metric,value,std,runs,selection,note
"Moonshine (Crowley)",Table 2,CIFAR-10,WRN-40-2,G(4),kd,,,top1_error,5.5,,1,last,role=student; teacher=WRN-40-2
"Other README (x/y)",main,CIFAR-10,WRN-40-2,G(4),kd,,,top1_accuracy,94.2,0.3,3,best_on_test,teacher=WRN-40-2 (of 3)
"Other README (x/y)",main,CIFAR-10,WRN-40-2,G(4),kd,,,top1_accuracy,93,,,unknown,teacher=ResNet-110
"Other README (x/y)",main,CIFAR-10,WRN-40-2,G(4),kd,,,top1_accuracy,96,,,last,ensemble of all branches kept
"Other README (x/y)",main,CIFAR-10,WRN-40-2,G(4),kd,,,top5_error,1,,,last,
"Other README (x/y)",main,CIFAR-10,WRN-40-2,G(4),kd,,,top1_accuracy,2,,,last,GAIN in percentage points
"Moonshine (Crowley)",Table 2,CIFAR-10,WRN-40-2,G(4),scratch,,,top1_error,6,,1,last,role=student; teacher=WRN-40-2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "published.csv"
    path.write_text(FILE)
    return path


def accuracies(file: Path, **changes: Any) -> list[float]:
    return [paper.top1 for paper in published.match(pd.Series({**OURS, **changes}), file)]


def test_errors_become_accuracies_and_other_metrics_gains_ensembles_are_left_out(file: Path) -> None:
    assert accuracies(file) == [0.945, 0.942]


def test_protocol_says_source_table_selection_runs_and_note(file: Path) -> None:
    moonshine, other = published.match(pd.Series(OURS), file)
    assert moonshine.protocol == "Moonshine, Table 2: last epoch; 1 run; role=student; teacher=WRN-40-2"
    assert other.std == 0.003
    assert other.protocol.startswith("Other README, main: best epoch on test (optimistic); 3 runs; ")


def test_only_the_source_that_used_the_same_form(file: Path) -> None:
    assert accuracies(file, published_source="Moonshine") == [0.945]
    assert accuracies(file, published_source="RepDistiller") == []


def test_a_configuration_never_published_matches_nothing(file: Path) -> None:
    assert accuracies(file, published_as=None) == []


@pytest.mark.parametrize(
    "difference",
    [
        *({"suite_label": "CIFAR-100"}, {"architecture": "WRN-16-2"}, {"conv": "G(8)"}, {"published_as": "at"}),
        *({"teacher": "WRN-16-2"}, {"teacher": ""}, {"teacher_is_standard": False}),
    ],
    ids=str,
)
def test_another_experiment_does_not_match(file: Path, difference: dict[str, Any]) -> None:
    assert accuracies(file, **difference) == []


def test_a_baseline_ignores_the_teacher_of_its_table(file: Path) -> None:
    alone = {"published_as": "scratch", "is_baseline": True, "teacher": "", "teacher_is_standard": False}
    assert accuracies(file, **alone) == [0.94]


def test_shipped_file_holds_moonshine_table_2() -> None:
    [paper] = published.match(pd.Series({**OURS, "published_source": "Moonshine (Crowley"}))
    assert paper.top1 == pytest.approx(0.9419)
    assert paper.protocol.startswith("Moonshine, Table 2: last epoch; 1 run")
