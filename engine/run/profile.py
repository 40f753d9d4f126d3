"""The size of any network the catalog can build, and on request its speed on this machine."""

import contextlib
import dataclasses
import math
from collections.abc import Mapping

from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure import busy
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.runtimes.base import Unsupported
from cheapconv.engine.measure.sizes import sizes
from cheapconv.engine.measure.timings import Structure, Way, time_in_turn
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.plan.dearer import counted, dearer
from cheapconv.engine.run import operator_table, show
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.show import Row
from cheapconv.models.build import build_network, require_image, standard_conv
from cheapconv.models.meta import on_meta


def profile(
    architecture: str,
    conv: str,
    classes: int,
    side: int,
    *,
    device: str | None,
    threads: int | None,
    runtime: str | None = None,
    latency_threads: int = 1,
) -> Row:
    """Exact sizes for images (3, side, side); with a `device` also latency and throughput there, by a runtime."""
    catalog.load()
    network, operator = catalog.parse("architecture", architecture), catalog.parse("conv", conv)
    shape = (3, side, side)
    try:
        with on_meta():
            require_image(build_network(architecture, conv, classes), shape)
        built = build_network(architecture, conv, classes)
    except ValueError as error:
        raise UserError(f"{conv} does not fit {architecture}: {error}.") from error
    except (RuntimeError, MemoryError) as error:
        raise UserError(f"{architecture} cannot be built on this machine ({reason(error)}).") from error
    body = {
        "architecture": catalog.canonical(network),
        "architecture_label": catalog.label("architecture", network),
        "conv": catalog.canonical(operator),
        "conv_label": catalog.label("conv", operator),
        "classes": classes,
        "input": list(shape),
        **{name: size for name, size in dataclasses.asdict(sizes(built, shape)).items() if size is not None},
    }
    found = dearer(body["architecture"], body["conv"], classes, shape, own=(body["params"], body["macs"]))
    body["dearer"] = found and dataclasses.asdict(found) | {"more": found.text}
    substitutions = getattr(built, "substitutions", None)  # of a library's network
    if substitutions is not None:
        body["substitutions"] = [dataclasses.asdict(row) for row in substitutions]
    standard = catalog.canonical(standard_conv()())
    if not operator.is_standard:
        with contextlib.suppress(ValueError, RuntimeError):  # it cannot be built so, or not be run
            params, macs = counted(body["architecture"], standard, classes, shape)
            body["beside_standard"] = {"params": params, "macs": macs}
    if device is not None:
        settle(threads)
        busy.warn()
        networks = {body["conv"]: built}
        if "beside_standard" in body:
            networks[standard] = build_network(architecture, standard, classes)
        way = Way.chosen(runtime, resolve_device(device), latency_threads)
        own, *others = _timed(body["architecture"], networks, classes, shape, way)
        body |= {k: v for k, v in own.items() if k not in ("structure", "input") and v != ""}
        for other in others:
            body["beside_standard"] |= {k: other[k] for k in ("latency", "throughput", "operators")}
    return body


def _timed(
    architecture: str, networks: Mapping[str, nn.Module], classes: int, shape: tuple[int, int, int], way: Way
) -> list[Row]:
    """Networks by their convs, timed in turn; a UserError where the runtime cannot take one."""
    structures = [Structure("", architecture, conv, classes, shape) for conv in networks]
    try:
        timed = time_in_turn([*zip(structures, networks.values(), strict=True)], way, Turn())
    except Unsupported as error:
        raise UserError(f"{str(error).rstrip('.')}: name another --runtime.") from error
    return [*map(dataclasses.asdict, timed)]


def present(body: Row, as_json: bool, operators: bool = False) -> None:
    """A profile for people, on request with its operators, or as a JSON document."""
    if as_json:
        show.print_json(body)
        return
    image = " x ".join(map(str, body["input"]))
    show.console.print(
        f"{body['architecture_label']} with {body['conv_label']}, {body['classes']} classes, images of {image}",
        highlight=False,
    )
    beside = ["x S"] if "beside_standard" in body else []
    show.table("", rows(body), ["quantity", "value", *beside])
    if operators:
        operator_table.present(body)
    if body["dearer"]:
        show.console.print(f"\ndearer than with standard convolutions: {body['dearer']['more']}", highlight=False)
    if body.get("substitutions"):
        show.table("\nconvolutions", body["substitutions"], ["name", "was", "replaced_by", "left"])


def rows(body: Row) -> list[Row]:
    """Sizes and speeds with their units, each beside its ratio to that of the network with standard convolutions."""
    usual = body.get("beside_standard") or {}
    found = [
        _row("params", f"{body['params']} ({body['params'] / 1e6:.3f} M)", body["params"], usual.get("params")),
        _row("params with BN statistics", f"{body['params_with_bn_stats']}"),
        _row("MACs", f"{body['macs']} ({body['macs'] / 1e6:.1f} M)", body["macs"], usual.get("macs")),
        _row("weights", f"{body['weights_bytes'] / 1e6:.2f} MB"),
    ]
    if "macs_by_torch" in body:
        found.append(_row("MACs by torch's own counter", f"{body['macs_by_torch']}"))
    if "activation_bytes" in body:
        found.append(_row("maps at most", f"{body['activation_bytes'] / 1e6:.2f} MB"))
    if "latency" not in body:
        return found
    one, many, speed = body["latency"], body["throughput"], body["calibration"]
    on = "1 thread" if one["threads"] == 1 else f"{one['threads']} threads"
    quartiles = f"quartiles {one['q25_ms']:.3g} to {one['q75_ms']:.3g}, best decile {one['q10_ms'] or math.nan:.3g}"
    theirs = usual.get("latency", {}).get("median_ms"), usual.get("throughput", {}).get("images_per_s")
    return [
        *found,
        _row(f"latency, 1 image, {on}", f"{one['median_ms']:.3g} ms ({quartiles})", one["median_ms"], theirs[0]),
        _row(
            f"images/s, {many['batch']} at once, threads: {many['threads']}",
            f"{many['images_per_s']:,.0f}",
            many["images_per_s"],
            theirs[1],
        ),
        _row("measured on", f"{body['device_name']} ({body['device']}), {body['runtime']}, {one['precision']}"),
        *([_row("calibration", f"{speed['gflops']:.0f} GFLOP/s, {speed['gb_per_s']:.0f} GB/s")] if speed else []),
        *([_row("doubtful", body["doubt"])] if "doubt" in body else []),
    ]


def _row(quantity: str, value: str, own: float | None = None, usual: float | None = None) -> Row:
    return {"quantity": quantity, "value": value, "x S": f"{own / usual:.2f}" if own and usual else ""}
