"""Files of schema 1, which had no version, as those of today."""

from collections.abc import Mapping
from typing import Any

SIZES = ("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes")


def environments(body: Any) -> Any:
    """environment.json held one machine, the one that began."""
    return [body] if isinstance(body, Mapping) else body


def curve(rows: list[Any]) -> list[Any]:
    """One line an epoch."""
    return [curve_row(row) for row in rows]


def curve_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Top-1, top-5 and validation stood beside one another, each by network."""
    if "scores" in row:
        return row
    top5, held_out = row.get("top5") or {}, row.get("validation") or {}
    scores = {name: {"top1": top1} | _top5(top5.get(name)) for name, top1 in row["top1"].items()}
    return {**row, "scores": scores, "validation": {name: {"top1": top1} for name, top1 in held_out.items()}}


def result(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The score was called top1; training time was that of the steps alone."""
    if "schema" in body:
        return body
    validated = body.get("by_validation")
    return {
        **body,
        "test_samples": body["test_images"],
        "headline": "top1",
        "scores": {"top1": body["top1"]} | _top5(body.get("top5")),
        "best": body["top1_best"],
        "by_validation": validated and {**validated, "score": validated["top1"]},
        "networks": [_network(network) for network in body["networks"]],
        "steps_s": body["train_s"],
        "method_s": None,
    }


def _network(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **body,
        "scores": {"top1": body["top1"]} | _top5(body.get("top5")),
        "best": body["top1_best"],
        "sizes": {name: body[name] for name in SIZES},
    }


def _top5(top5: float | None) -> dict[str, float]:
    return {} if top5 is None else {"top5": top5}
