"""Timings that are made up."""

from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.store.records import Latency, Measurement, Throughput


def a_timing(structure: Structure, *, median_ms: float = 1.0, images_per_s: float = 1000.0) -> Measurement:
    """What `time_network` would say of a structure."""
    common = {"threads": 1, "precision": "fp32", "runs": 10}
    return Measurement(
        structure=structure.key,
        architecture=structure.architecture,
        conv=structure.conv,
        classes=structure.classes,
        input=structure.shape,
        device="cpu",
        device_name="A CPU",
        date="2026-01-01T00:00:00+00:00",
        latency=Latency(batch=1, median_ms=median_ms, q25_ms=median_ms, q75_ms=median_ms, **common),
        throughput=Throughput(batch=128, images_per_s=images_per_s, q25=1.0, q75=2.0, **common),
    )
