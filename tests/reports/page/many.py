"""A report of many rows, for what the page makes of them."""

from pathlib import Path
from typing import Any

from cheapconv.reports.answers.content import Content, build
from tests.reports.store import Store

CONVS = {"S": 0.95, "G(2)": 0.94, "G(4)": 0.92, "G(8)": 0.91, "G(N)": 0.90, "shift": 0.89}
METHODS = {
    "scratch": 0.0,
    "kd": 0.01,
    "at": 0.012,
    "online": 0.004,
    "fitnet": 0.002,
    "rkd": 0.003,
    "dkd": 0.015,
    "crd": 0.011,
    "sp": 0.005,
}
HOSTILE = "<img src=x onerror=alert(1)>\"'&</script>" + "long " * 60


def many_rows(root: Path) -> Content:
    """54 rows of two seeds, one of a hostile name, one failed cell; of one that is taught steps were counted."""
    store = Store(root)
    teacher = store.seeds("S", "scratch", [0.949, 0.951])[0]
    for conv, base in CONVS.items():
        for method, gain in METHODS.items():
            if (conv, method) != ("S", "scratch"):
                options: dict[str, Any] = {} if method in ("scratch", "online") else {"teacher": teacher}
                top1 = base + gain
                keys = store.seeds(
                    conv, method, [top1 - 0.002, top1 + 0.002], ensemble=0.96 if method == "online" else None, **options
                )
                if (conv, method) == ("G(4)", "kd"):
                    store.count(keys[0], 20_000_000, teacher)
        store.measure(conv, 20.0 if conv == "S" else 5.0 + 2 * len(conv), runtime="onnxruntime")
    store.count(teacher, 30_000_000)
    store.seeds("=cmd()", HOSTILE, [0.5, 0.52])
    store.add("G(2)", "kd", 2, state="failed", error="<b>boom</b>", teacher=teacher)
    store.plan()
    return build(store.root, "quick")
