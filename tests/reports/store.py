"""Builds small run stores by hand, so that every statistic of a report can be worked out on paper."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cheapconv.engine.store import compute, deployments, runs
from cheapconv.engine.store import mistakes as store_mistakes
from cheapconv.engine.store.compute import StepCount
from cheapconv.engine.store.deployments import DeployedStudent, Deployment

MACS = {"S": 100_000_000, "G(4)": 40_000_000, "G(N)": 20_000_000}
TEST_IMAGES = 10_000
LABELS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


@dataclasses.dataclass
class Store:
    """A run store under construction: `add` cells and measurements, then `plan` a sweep of them."""

    root: Path
    keys: list[str] = dataclasses.field(default_factory=list)

    def add(
        self,
        conv: str,
        method: str,
        seed: int,
        top1: float | None = None,
        *,
        state: str = "done",
        architecture: str = "WRN-16-2",
        teacher: str | None = None,
        recipe: dict[str, Any] | None = None,
        ensemble: float | None = None,
        top1_best: float | None = None,
        error: str | None = None,
        test_images: int = TEST_IMAGES,
        warning: str | None = None,
        **cell: Any,
    ) -> str:
        """Write one cell's folder and give its key; without `top1` it has no result."""
        key = f"{len(self.keys):04x}{architecture}{conv}{method}{seed}".replace("/", "")[:80]
        self.keys.append(key)
        self.write(f"{key}/cell.json", cell_file(key, conv, method, seed, architecture, teacher, recipe or {}) | cell)
        self.write(f"{key}/state.json", {"state": state, "epoch": 2, "epochs": 2, "heartbeat": None, "error": error})
        self.write(f"{key}/environment.json", ENVIRONMENT)
        if top1 is not None:
            structure = f"{architecture}-{conv}".replace("/", "")[:80]
            best = top1 if top1_best is None else top1_best
            result = result_file(
                key, conv, structure, top1, best, ensemble, test_images, has_teacher=teacher is not None
            )
            warnings = [] if warning is None else [{"kind": "chance", "text": warning}]
            self.write(f"{key}/result.json", result | {"warnings": warnings})
            lines = [EPOCH | {"epoch": e, "top1": {"student_0": top1 * share}} for e, share in ((0, 0.5), (1, 1.0))]
            (self.root / key / "curve.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
        return key

    def seeds(self, conv: str, method: str, top1: Sequence[float], **options: Any) -> list[str]:
        """One done cell a value of `top1`, seeds counted from 0."""
        return [self.add(conv, method, seed, value, **options) for seed, value in enumerate(top1)]

    def answer(self, key: str, mistakes: Sequence[int]) -> None:
        """Keep what its student takes each image for; its score has to be the share of zeros."""
        run = runs.Store(self.root).run(key)
        result = run.result()
        assert result is not None
        store_mistakes.write(run, {"student_0": np.array(mistakes)})
        run.finish(result)

    def count(self, key: str, macs: int, teacher: str | None = None) -> None:
        """Keep what a step of a cell computes on ten images."""
        root = runs.Store(self.root)
        cell, taught_by = root.run(key).cell(), root.run(teacher).cell() if teacher else None
        assert cell is not None
        compute.of(root).write(compute.name_of(cell, taught_by), StepCount(macs=macs, images=10))

    def deploy(
        self,
        key: str,
        top1: float,
        *,
        runtime: str = "onnxruntime",
        weights_bytes: int = 50_000,
        version: str = "1.23.2",
        **scores: float,
    ) -> None:
        """The student of a cell in int8 by a runtime."""
        run = runs.Store(self.root).run(key)
        [network] = run.result().counted  # type: ignore[union-attr]
        student = DeployedStudent(
            name=network.name,
            structure=network.structure,
            scores={"top1": top1} | scores,
            weights_bytes=weights_bytes,
        )
        deployment = Deployment(
            runtime=runtime,
            runtime_label=LABELS[runtime],
            runtime_version=version,
            precision="int8",
            quantised_on="256 images of CIFAR-10 for training (0a1b2c3d)",
            test_samples=TEST_IMAGES,
            students=(student,),
            device_name="Small CPU",
            date="2026-01-03T00:00:00+00:00",
        )
        deployments.write(run, deployment)

    def measure(
        self,
        conv: str,
        latency_ms: float,
        *,
        device: str = "Small CPU",
        date: str = "2026-01-02",
        threads: int = 1,
        gb_per_s: float | None = 11.1,
        doubt: str = "",
        runtime: str = "eager",
        operators: Sequence[dict[str, Any]] = (),
        precision: str = "fp32",
    ) -> None:
        """A measurement of the WRN-16-2 with that conv."""
        structure = f"WRN-16-2-{conv}"
        timing = {"threads": 1, "precision": precision, "runs": 30}
        latency = {"batch": 1, "median_ms": latency_ms, "q25_ms": latency_ms - 1, "q75_ms": latency_ms + 1}
        throughput = {"batch": 128, "images_per_s": 1000 / latency_ms, "q25": 1.0, "q75": 2.0}
        measurement = {
            "structure": structure,
            "architecture": "wrn(depth=16, width=2)",
            "conv": conv,
            "classes": 10,
            "input": [3, 32, 32],
            "device_name": device,
            "device": "cpu",
            "date": f"{date}T00:00:00+00:00",
            "latency": timing | latency,
            "throughput": timing | throughput | {"threads": threads},
            "doubt": doubt,
            "runtime": runtime,
            **({"operators": [*operators]} if operators else {}),
            "calibration": {"gflops": 55.5} | ({} if gb_per_s is None else {"gb_per_s": gb_per_s}),
        }
        self.write(
            f"measurements/{structure}-{device}-{runtime}-{precision}-t{threads}.json".replace(" ", "-"), measurement
        )

    def plan(
        self, sweep: str = "quick", *, unrecorded: Sequence[str] = (), dearer: Sequence[dict[str, Any]] = ()
    ) -> Path:
        """Write the plan of every cell so far, and of keys whose folders do not exist."""
        cells = [{"key": key, "entry": None, "needs": []} for key in [*self.keys, *unrecorded]]
        plan = {"sweep": sweep, "suite": "cifar10", "recipe": "short", "created": "2026-01-01T09:00:00+00:00"}
        self.write(f"sweeps/{sweep}.json", {**plan, "cells": cells, "dearer": [*dearer]})
        return self.root

    def write(self, name: str, content: dict[str, Any]) -> None:
        """A JSON file of the store."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


EPOCH = {"lr": 0.1, "loss": 1.0, "terms": {"ce": 1.0}, "images_per_s": 500.0, "seconds": 5.0}
ENVIRONMENT = {
    "git_sha": "0123456789abcdef",
    "git_dirty": True,
    "versions": {"python": "3.12.1", "torch": "2.11.0"},
    "device": "cpu",
    "device_name": "Small CPU",
    "driver": None,
    "threads": 2,
    "precision": "fp32",
    "compile": False,
    "start": "2026-01-01T10:00:00+00:00",
    "end": "2026-01-01T10:30:00+00:00",
}


def cell_file(
    key: str, conv: str, method: str, seed: int, architecture: str, teacher: str | None, recipe: dict[str, Any]
) -> dict[str, Any]:
    """cell.json as the engine writes it: `scratch` is the baseline, `S` the standard conv."""
    return {
        "key": key,
        "suite": "cifar10",
        "suite_label": "CIFAR-10",
        "protocol": 3,
        "data": "f1f2f3",
        "recipe": {"name": "short", "epochs": 2, "batch": 64, "lr": 0.1, "schedule": {"name": "cosine"}} | recipe,
        "architecture": architecture,
        "architecture_label": architecture,
        "architecture_version": 1,
        "conv": conv,
        "conv_label": conv,
        "conv_version": 1,
        "method": method,
        "method_label": method,
        "method_version": 1,
        "method_config": {},
        "method_settings": {},
        "seed": seed,
        "teacher": teacher,
        "classes": 10,
        "is_baseline": method == "scratch",
        "is_standard": conv == "S",
    }


def result_file(
    key: str,
    conv: str,
    structure: str,
    top1: float,
    top1_best: float,
    ensemble: float | None,
    test_images: int,
    has_teacher: bool,
) -> dict[str, Any]:
    """result.json of a cell with one student and perhaps an ensemble; 10 s of training, 40 s for its teacher."""
    macs = MACS.get(conv, 30_000_000)
    size = {"params": macs // 200, "params_with_bn_stats": macs // 190, "macs": macs, "flops": 2 * macs}
    network = {
        "name": "student_0",
        "role": "student",
        "headline": True,
        "top1": top1,
        "top5": None,
        "top1_best": top1_best,
        "best_epoch": 1,
        **size,
        "weights_bytes": 4 * size["params"],
        "activation_bytes": 1024,
        "structure": structure,
    }
    networks = [network]
    if ensemble is not None:
        networks.append(network | {"name": "ensemble", "role": "ensemble", "headline": False, "top1": ensemble})
    return {
        "key": key,
        "epochs": 2,
        "test_images": test_images,
        "top1": top1,
        "top5": None,
        "top1_best": top1_best,
        "best_epoch": 1,
        "networks": networks,
        "train_s": 10.0,
        "train_images_per_s": 500.0,
        "teacher_train_s": 40.0 if has_teacher else 0.0,
    }


def filled(store: Store) -> Store:
    """A standard network at 95 %, its grouped form at 90 % that distillation lifts to 93 %; two seeds each, measured.

    Gap recovered by `kd`: (93 - 90) / (95 - 90) = 60 %.
    """
    teachers = store.seeds("S", "scratch", [0.949, 0.951])
    store.seeds("G(4)", "scratch", [0.899, 0.901], top1_best=0.91)
    store.seeds("G(4)", "kd", [0.928, 0.932], teacher=teachers[0])
    store.seeds("G(4)", "online", [0.915, 0.917], ensemble=0.97)
    store.measure("S", 20.0)
    store.measure("G(4)", 10.0)
    store.plan()
    return store


def grid(store: Store, methods: int, convs: int, seeds: int = 2) -> Store:
    """A sweep of a standard network and `convs` cheap ones, each by `methods` methods, one of them alone; all timed.

    Every conv has 0.7 of the multiply-adds of the one before and costs a point more; the timing of one is in doubt.
    """
    teachers = store.seeds("S", "scratch", [0.95 + 0.002 * seed for seed in range(seeds)])
    store.measure("S", 20.0)
    for place in range(convs):
        conv = f"C{place}(g={2**place})"
        MACS[conv] = int(70_000_000 * 0.7**place)
        for number in range(methods):
            method, taught = (f"method_{number}", teachers[0]) if number else ("scratch", None)
            mean = 0.93 - 0.01 * place + 0.002 * (number * 7 % methods)
            store.seeds(conv, method, [mean + 0.002 * seed for seed in range(seeds)], teacher=taught)
        store.measure(conv, 20.0 * 0.9**place, doubt="busy" if place == 2 else "")
    store.plan()
    return store
