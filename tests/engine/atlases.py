"""Rows of an atlas that are made up."""

from typing import Any

from cheapconv.engine.store.atlas import Latency


def latency(conv: str, median_ms: float | None, **others: Any) -> Latency:
    """A conv in WRN-40-2, by ONNX Runtime in float32 unless said otherwise; its quartiles are its median."""
    same = {} if median_ms is None else {f"q{q}_ms": median_ms for q in (10, 25, 75)}
    given = {
        "architecture": "WRN-40-2",
        "side": 32,
        "runtime": "onnxruntime",
        "precision": "fp32",
        "classes": 10,
        "params": 100,
        "macs": 1000,
        "is_standard": False,
        "runtime_label": "ONNX Runtime",
        "runtime_version": "1.0",
        "runs": 10,
        "gflops": 60.0,
        "gb_per_s": 10.0,
        "device_name": "a CPU",
        "date": "2026-01-01T00:00:00+00:00",
    }
    return Latency(**{"conv": conv, "median_ms": median_ms, **given, **same, **others})
