"""Which published numbers stand beside ours."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cheapconv import catalog
from cheapconv.engine.run import planning
from cheapconv.reports.claims import published

OURS = {
    "suite_label": "CIFAR-10",
    "architecture": "WRN-40-2",
    "conv": "G(4)",
    "is_baseline": False,
    "method_name": "kd",
    "method_config": {},
    "teacher": "WRN-40-2",
    "teacher_is_standard": True,
}
MOONSHINE = {"form": "half", "x": 2}
FILE = """\
source,table,dataset,architecture,network,conv,method,settings,params,macs,metric,value,std,runs,selection,note
"Moonshine (Crowley)",Table 3,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,-,,,top1_error,7,,1,last,teacher=WRN-40-2
"Moonshine (Crowley)",Table 2,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,form=half;x=2,,,top1_error,5.5,,1,last,teacher=WRN-40-2
"Other README (x)",main,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,,,,top1_accuracy,94.2,0.3,3,best_on_test,teacher=WRN-40-2 (1)
"Other README (x)",main,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,,,,top1_accuracy,93,,,unknown,teacher=ResNet-110
"Other README (x)",main,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,,,,top1_accuracy,96,,,last,ensemble of all branches kept
"Other README (x)",main,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,,,,top5_error,1,,,last,
"Other README (x)",main,CIFAR-10,WRN-40-2,WRN-40-2,G(4),kd,,,,top1_accuracy,2,,,last,GAIN in percentage points
"Moonshine (Crowley)",Table 2,CIFAR-10,WRN-40-2,WRN-40-2,G(4),scratch,,,,top1_error,6,,1,last,teacher=WRN-40-2
"OKDDip (Chen)",main,CIFAR-10,ResNet-110,ResNet-110-B12,S,okddip,,,,top1_accuracy,77,,,last,
"Other README (x)",main,CIFAR-10,ResNet-20,ResNet-20,S,at,scale_taps=*,,,top1_accuracy,90,,,last,teacher=ResNet-56
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "published.csv"
    path.write_text(FILE)
    return path


def accuracies(file: Path, **changes: Any) -> list[float]:
    return [paper.top1 for paper in published.match(pd.Series({**OURS, **changes}), file)]


def test_errors_become_accuracies_and_other_metrics_gains_ensembles_are_left_out(file: Path) -> None:
    assert accuracies(file) == [0.942]
    assert accuracies(file, method_config=MOONSHINE) == [0.945]


def test_protocol_says_source_table_selection_runs_and_note(file: Path) -> None:
    [moonshine] = published.match(pd.Series(OURS | {"method_config": MOONSHINE}), file)
    [other] = published.match(pd.Series(OURS), file)
    assert moonshine.protocol == "Moonshine, Table 2: last epoch; 1 run; teacher=WRN-40-2"
    assert other.std == 0.003
    assert other.protocol.startswith("Other README, main: best epoch on test (optimistic); 3 runs; ")


def test_a_configuration_never_published_matches_nothing(file: Path) -> None:
    assert accuracies(file, method_config={"form": "half"}) == []
    assert accuracies(file, method_config=MOONSHINE | {"x": 3}) == []


@pytest.mark.parametrize(
    "difference",
    [
        *({"suite_label": "CIFAR-100"}, {"architecture": "WRN-16-2"}, {"conv": "G(8)"}, {"method_name": "at"}),
        *({"teacher": "WRN-16-2"}, {"teacher": ""}, {"teacher_is_standard": False}),
    ],
    ids=str,
)
def test_another_experiment_does_not_match(file: Path, difference: dict[str, Any]) -> None:
    assert accuracies(file, **difference) == []


@pytest.mark.parametrize(("network", "found"), [("ResNet-110-B12", [0.77]), ("ResNet-110", []), ("ResNet-110-B18", [])])
def test_the_network_of_a_row_counts_and_not_its_name(file: Path, network: str, found: list[float]) -> None:
    ours = {"architecture": network, "conv": "S", "method_name": "okddip", "teacher": ""}
    assert accuracies(file, **ours) == found


@pytest.mark.parametrize("config", [{}, {"scale_taps": False}, {"scale_taps": True}])
def test_a_setting_that_changes_nothing_may_have_any_value(file: Path, config: dict[str, Any]) -> None:
    ours = {"architecture": "ResNet-20", "conv": "S", "method_name": "at", "teacher": "ResNet-56"}
    assert accuracies(file, **ours, method_config=config) == [0.9]
    assert accuracies(file, **ours, method_config=config | {"beta": 1}) == []


@pytest.mark.parametrize(
    ("dataset", "network", "method", "config", "sources"),
    [  # the three networks of a name, and who used them
        ("CIFAR-100", "ResNet-110", "scratch", {}, {"RepDistiller README", "ShiftResNet README"}),
        ("CIFAR-100", "ResNet-110-B18", "scratch", {}, {"bearpaw/pytorch-classification README"}),
        ("CIFAR-100", "ResNet-110-B12", "okddip", {}, {"MCL-OKD README"}),
        ("CIFAR-100", "ResNet-110", "okddip", {}, set()),
        ("CIFAR-100", "VGG-16-5P", "okddip", {}, {"MCL-OKD README"}),
        ("CIFAR-100", "VGG-16", "okddip", {}, set()),
        ("CIFAR-100", "DenseNet-40-12", "one", {"branches": 4, "ramp_share": 0}, {"MCL-OKD README"}),
        ("CIFAR-100", "DenseNet-40-12-plain", "scratch", {}, {"network-slimming README"}),
    ],
)
def test_shipped_numbers_stand_beside_their_networks(
    dataset: str, network: str, method: str, config: dict[str, Any], sources: set[str]
) -> None:
    ours = {"suite_label": dataset, "architecture": network, "conv": "S", "method_name": method, "teacher": ""}
    alone = {"is_baseline": method == "scratch", "teacher_is_standard": False, "method_config": config}
    papers = published.match(pd.Series(OURS | ours | alone))
    assert {paper.protocol.split(",")[0] for paper in papers} == sources


def test_every_shipped_row_names_its_network() -> None:
    table = pd.read_csv(published.PUBLISHED)
    assert table["network"].notna().all()
    assert (table["network"].str.strip() == table["network"]).all()
    noted = (
        table["note"].fillna("").str.extract(r"net_id=([A-Za-z0-9-]+)", expand=False).replace({"VGG-16": "VGG-16-5P"})
    )
    assert (noted.isna() | (noted == table["network"])).all()


@pytest.mark.parametrize(
    ("student", "teacher", "ours", "top1"),
    [
        ("WRN-16-2", "WRN-40-2", {}, 0.7408),
        ("WRN-16-2", "WRN-40-2", {"scale_taps": False}, 0.7408),
        ("VGG-8", "VGG-13", {"scale_taps": False}, 0.7143),
        ("VGG-8", "VGG-13", {}, None),  # four taps: our default is three quarters of theirs
    ],
)
def test_at_claims_repdistiller_s_rows_where_the_setting_is_theirs(
    student: str, teacher: str, ours: dict[str, Any], top1: float | None
) -> None:
    names = {"suite_label": "CIFAR-100", "architecture": student, "conv": "S", "method_name": "at", "teacher": teacher}
    papers = published.match(pd.Series(OURS | names | {"method_config": ours}))
    repdistiller = [paper.top1 for paper in papers if paper.protocol.startswith("RepDistiller")]
    assert repdistiller == ([] if top1 is None else [pytest.approx(top1)])


def test_a_baseline_ignores_the_teacher_of_its_table(file: Path) -> None:
    alone = {"method_name": "scratch", "is_baseline": True, "teacher": "", "teacher_is_standard": False}
    assert accuracies(file, **alone) == [0.94]


def test_shipped_file_holds_moonshine_table_2() -> None:
    [paper] = published.match(pd.Series({**OURS, "method_config": {"form": "moonshine_code"}}))
    assert paper.top1 == pytest.approx(0.9419)
    assert paper.protocol.startswith("Moonshine, Table 2: last epoch; 1 run")


def test_mlperf_tiny_s_network_stands_beside_the_accuracy_of_its_source() -> None:
    alone = {"method_name": "scratch", "is_baseline": True, "teacher": "", "teacher_is_standard": False}
    row = pd.Series({**OURS, **alone, "architecture": "ResNet-8 (MLPerf Tiny)", "conv": "S"})
    [paper] = published.match(row)
    assert paper.top1 == pytest.approx(0.862)
    assert "MLPerf Tiny (arXiv:2106.07597) asks for 85%" in paper.protocol
    assert published.match(row.replace("ResNet-8 (MLPerf Tiny)", "ResNet-8")) == []


TABLE_3 = {  # Moonshine, top-1 error on ImageNet
    ("ResNet-34", "S", "scratch"): 26.73,
    ("ResNet-18", "S", "scratch"): 30.36,
    ("ResNet-18", "S", "at"): 29.18,
    ("ResNet-34", "G(4)", "scratch"): 26.61,
    ("ResNet-34", "G(4)", "at"): 26.58,
    ("ResNet-34", "G(N)", "scratch"): 32.98,
    ("ResNet-34", "G(N)", "at"): 30.16,
    ("ResNet-18-0.5", "S", "scratch"): 36.96,
    ("ResNet-18-0.5", "S", "at"): 37.20,
}


def test_moonshine_table_3_stands_beside_the_cells_of_its_sweep() -> None:
    cells = [planned.cell for planned in planning.planned("moonshine-imagenet", planning.OWN, None, None).cells]
    labels = {cell.key: cell.architecture_label for cell in cells}
    found = {}
    for cell in cells:
        ours = {"architecture": cell.architecture_label, "conv": cell.conv_label, "method_name": cell.method}
        ours |= {
            "suite_label": "ImageNet",
            "method_config": dict(cell.method_config),
            "teacher": labels.get(cell.teacher, ""),
        }
        row = pd.Series(OURS | ours | {"is_baseline": cell.method == "scratch"})
        [paper] = [paper for paper in published.match(row) if paper.protocol.startswith("Moonshine, Table 3")]
        found[cell.architecture_label, cell.conv_label, cell.method] = round(100 - 100 * paper.top1, 2)
    assert found == TABLE_3


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", {}),
        ("-", None),
        ("branches=4;ramp_share=0", {"branches": 4, "ramp_share": 0.0}),
        ("student_pre_activation=true;warm_up=0.01", {"student_pre_activation": True, "warm_up": 1 / 100}),
        ("form=code", {"form": "code"}),
        ("scale_taps=*", {"scale_taps": "*"}),
    ],
)
def test_settings_are_written_in_short(text: str, meant: dict[str, Any] | None) -> None:
    assert published.settings(text) == meant


# How many rows of the file are of a method with these settings; of other settings, and other methods, there are none.
SHIPPED = {
    "scratch": {"": 219},
    "kd": {"": 13, "form=moonshine_code": 58},  # RepDistiller's, and Moonshine's
    "at": {"": 82, "scale_taps=*": 9, "scale_taps=false": 4},  # Moonshine's, RepDistiller's of three taps and of four
    **{name: {"": 13} for name in ("cc", "crd", "fitnet", "pkt", "rkd", "sp", "vid")},  # RepDistiller's
    "okddip": {"": 10, "structure=network": 3},  # MCL-OKD's, and the paper's
    "cl_ilr": {"structure=tree": 10},
    "one": {"branches=4;ramp_share=0": 10},
    "dml": {"update=sequential": 1},  # the paper's
    "dist": {"temperature=1": 7},  # all of ImageNet, as are the next
    "reviewkd": {"student_pre_activation=true;warm_up=0.01": 3},
}


def test_shipped_rows_by_settings() -> None:
    table = pd.read_csv(published.PUBLISHED).fillna({"settings": ""})
    counts = table[table["settings"] != "-"].groupby(["method", "settings"]).size()
    assert {method: counts[method].to_dict() for method in counts.index.levels[0]} == SHIPPED


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SHIPPED.items() for text in texts])
def test_shipped_settings_are_those_that_a_cell_of_ours_records(name: str, text: str) -> None:
    catalog.load()
    meant = published.settings(text)
    assert meant is not None
    given = {key: value for key, value in meant.items() if value != published.ANY}
    config, defaults = catalog.build("method", name, given), catalog.entry("method", name).defaults
    assert {key: getattr(config, key) for key, value in defaults.items() if getattr(config, key) != value} == given
