"""What the tables of an atlas say: ratios to the standard conv, rank correlations, and ranks that flip.

A latency ratio is of two medians that were taken in turn. Spearman's rho is taken over the convs of one network by one
way (a runtime in a precision). A pair of convs flips where one has at least FEWER less multiply-adds than the other and
is slower all the same, the quartiles of the two apart.
"""

import itertools
from dataclasses import dataclass

import pandas as pd
from scipy.stats import spearmanr

from cheapconv.engine.store.atlas import Atlas

FEWER = 0.2
WAY = ["runtime", "precision"]


@dataclass(frozen=True)
class Flip:
    """A conv that has fewer multiply-adds than another one and takes longer."""

    few: str
    many: str
    fewer: float  # of its multiply-adds the other has so many times as many
    slower: float  # so many times as long it takes

    @property
    def size(self) -> float:
        """By how much the promise was missed."""
        return self.fewer * self.slower


@dataclass(frozen=True)
class Agreement:
    """How well multiply-adds foretell latency in one network by one way."""

    network: str
    way: str
    convs: int  # that were timed
    rho: float
    pairs: int  # in which one conv has FEWER less multiply-adds
    flips: tuple[Flip, ...]  # of them, the largest first
    dearer: tuple[str, ...]  # convs of fewer multiply-adds than the standard one that are not faster than it


def frame(atlas: Atlas) -> pd.DataFrame:
    """One row a timed conv, network and way, with `way`, `network`, and the ratios to the standard conv of both."""
    rows = pd.DataFrame([vars(row) for row in atlas.latencies])
    rows = rows[rows["median_ms"].notna()].astype({"median_ms": float, "q25_ms": float, "q75_ms": float})
    rows["way"] = rows["runtime_label"] + " " + rows["precision"]
    rows["network"] = rows["architecture"] + " at " + rows["side"].astype(str)
    standard = rows[rows["is_standard"]].drop_duplicates(["network", "way"]).set_index(["network", "way"])
    index = pd.MultiIndex.from_frame(rows[["network", "way"]])
    for name, column in (("latency_ratio", "median_ms"), ("macs_ratio", "macs"), ("params_ratio", "params")):
        rows[name] = rows[column].to_numpy() / standard[column].reindex(index).to_numpy()
    return rows.reset_index(drop=True)


def agreements(rows: pd.DataFrame) -> list[Agreement]:
    """One of each network by each way, in the order in which they were measured."""
    found = []
    for (network, way), group in rows.groupby(["network", "way"], sort=False):
        records = group.to_dict("records")
        pairs = [
            (few, many) for few, many in itertools.permutations(records, 2) if few["macs"] <= (1 - FEWER) * many["macs"]
        ]
        flips = [
            Flip(few["conv"], many["conv"], many["macs"] / few["macs"], few["median_ms"] / many["median_ms"])
            for few, many in pairs
            if few["q25_ms"] > many["q75_ms"]
        ]
        cheaper = group[~group["is_standard"] & (group["macs_ratio"] <= 1 - FEWER)]
        found.append(
            Agreement(
                network=str(network),
                way=str(way),
                convs=len(group),
                rho=float(spearmanr(group["macs"], group["median_ms"]).statistic),
                pairs=len(pairs),
                flips=tuple(sorted(flips, key=lambda flip: -flip.size)),
                dearer=tuple(cheaper[cheaper["latency_ratio"] >= 1]["conv"]),
            )
        )
    return found


def rank_correlations(rows: pd.DataFrame, network: str) -> pd.DataFrame:
    """Spearman's rho between the latencies of each two ways in a network, over the convs that both have."""
    table = rows[rows["network"] == network].pivot_table("median_ms", "conv", "way", sort=False)
    return table.corr(method="spearman")


def dearest(atlas: Atlas) -> pd.DataFrame:
    """Of each network, conv and way with a profile: the kind of operator that takes most of the time, its share, and
    its time and that of the same kind with the standard conv."""
    shares = pd.DataFrame([vars(row) for row in atlas.shares])
    if shares.empty:
        return pd.DataFrame(columns=["architecture", "side", "conv", *WAY, "kind", "share", "count"])
    spot = ["architecture", "side", "conv", *WAY]
    shares["share"] = shares["ms"] / shares.groupby(spot)["ms"].transform("sum")
    return shares.sort_values("share", ascending=False, kind="stable").drop_duplicates(spot).reset_index(drop=True)
