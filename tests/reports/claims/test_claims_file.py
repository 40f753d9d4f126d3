"""The shipped claims: they name what there is, and the published numbers that they stand for say so."""

import functools
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from cheapconv import catalog
from cheapconv.engine.run import planning
from cheapconv.reports.claims import claims, pairs, protocols, published
from cheapconv.reports.claims.claims import Claim
from cheapconv.reports.claims.pairs import Selector
from cheapconv.reports.rows.collect import Collected

SHIPPED = claims.load()
QUESTIONS = claims.CLAIMS.parents[2] / "docs" / "reproduction.yaml"  # of this suite
SOURCES = {*pd.read_csv(published.PUBLISHED)["source"], *(use.source for use in protocols.load().without_numbers)}
NO_NUMBERS = {  # whose absolute numbers are not published, or not for this kind
    *("attention-recovers-the-gap", "online-beats-alone", "ensemble-beats-members", "compact-beats-original"),
}


@pytest.fixture(autouse=True, scope="module")
def registered() -> None:
    catalog.load()


def test_the_claims_are_of_the_seed_papers_and_of_others() -> None:
    assert len({claim.id for claim in SHIPPED}) == len(SHIPPED) == 15
    assert {claim.kind for claim in (*SHIPPED, *claims.load(QUESTIONS))} == set(pairs.KINDS)
    assert {published.short_name(claim.source) for claim in SHIPPED} >= {
        "Moonshine",
        "Online distillation with cheap convolutions",
        "Multistructure-Based Collaborative Online Distillation",
        "Compact CNN Structure Learning by KD",
    }


@pytest.mark.parametrize("claim", SHIPPED, ids=lambda claim: claim.id)
def test_everything_that_a_claim_names_is_there(claim: Claim) -> None:
    assert claim.source in SOURCES
    labels = {"CIFAR-10", "CIFAR-100", "ImageNet", "Cityscapes"}
    assert set(claim.suites) <= labels
    assert claim.better.method
    for chosen in (claim.better, claim.than):
        assert [method_label(text) for text in chosen.method] == [text.removesuffix("(*)") for text in chosen.method]
        for kind, names in (("conv", chosen.conv), ("architecture", chosen.architecture)):
            assert [catalog.label(kind, catalog.parse(kind, name)) for name in names] == list(names)


def method_label(text: str) -> str:
    """How a report calls the method that a claim names: by the settings that differ from their defaults."""
    config, name = catalog.parse("method", text.removesuffix("(*)")), text.split("(")[0]
    defaults = catalog.entry("method", name).defaults
    own = ", ".join(f"{k}={getattr(config, k)}" for k, v in defaults.items() if getattr(config, k) != v)
    return f"{name}({own})" if own else name


def numbers(source: str) -> pd.DataFrame:
    """The published numbers of a source as rows of `stats.summarise`, as far as pairs look at them."""
    table = published.load()
    table = table[table["source"] == source].reset_index(drop=True)
    known = table["settings"].map(lambda given: ", ".join(f"{k}={v}" for k, v in (given or {}).items() if v != "*"))
    return table.assign(
        suite_label=table["dataset"],
        architecture=table["network"],
        method_name=table["method"],
        method=table["method"].where(known == "", table["method"] + "(" + known + ")"),
        variant="",
        top1_mean=table["top1"],
    )


@pytest.mark.parametrize("claim", [c for c in SHIPPED if c.id not in NO_NUMBERS], ids=lambda claim: claim.id)
def test_the_published_numbers_say_what_is_claimed(claim: Claim) -> None:
    found, nothing = [], Collected("", "", "", [], 0, (), {})
    for _, rows in numbers(claim.source).groupby("dataset"):
        if not claim.suites or rows["dataset"].iloc[0] in claim.suites:
            found += pairs.KINDS[claim.kind](claim.better, claim.than, rows, nothing)
    assert found
    assert [pair for pair in found if pair.better["top1_mean"] <= pair.than["top1_mean"]] == []


@functools.cache
def planned_rows(sweep: str) -> pd.DataFrame:
    """The labels of the rows that a shipped sweep will have."""
    cells = [planned.cell for planned in planning.planned(sweep, planning.OWN, None, None).cells]
    labels = {(c.architecture_label, c.conv_label, c.method_label, c.method) for c in cells}
    return pd.DataFrame(sorted(labels), columns=["architecture", "conv", "method", "method_name"])


@pytest.mark.slow  # a plan builds every network once
@pytest.mark.parametrize(
    ("sweep", "claim", "better", "than"),
    [
        ("moonshine-cifar10", "attention-beats-alone", 25, 26),  # the teacher is trained alone too
        ("moonshine-cifar10", "attention-beats-soft-labels", 25, 25),
        ("moonshine-cifar10", "cheapen-rather-than-shrink", 22, 3),
        ("od-cifar10", "online-beats-alone", 6, 4),  # three convs, two forms of the loss
    ],
)
def test_a_claim_finds_its_rows_in_the_sweep_of_its_paper(sweep: str, claim: str, better: int, than: int) -> None:
    rows = planned_rows(sweep)
    [asked] = [one for one in SHIPPED if one.id == claim]
    assert (len(asked.better.of(rows)), len(asked.than.of(rows))) == (better, than)


def test_a_key_that_means_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(claims.CLAIMS.read_text().replace("architecture: [MobileNetV2-half]", "arch: [MobileNetV2-half]"))
    with pytest.raises(ValidationError, match="arch"):
        claims.load(path)


def test_a_selector_that_says_nothing_means_everything() -> None:
    rows = pd.DataFrame(
        {"architecture": ["A", "B"], "conv": ["S", "G"], "method": ["m", "n"], "method_name": ["m", "n"]}
    )
    assert len(Selector().of(rows)) == 2
    assert Selector(architecture=("B",), conv=("G",)).of(rows).index.tolist() == [1]
