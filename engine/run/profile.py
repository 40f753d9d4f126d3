"""The size of any network the catalog can build, and on request its speed on this machine."""

import dataclasses

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure import busy
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.runtimes.base import Unsupported
from cheapconv.engine.measure.sizes import sizes
from cheapconv.engine.measure.timings import Structure, Way, time_network
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.plan.dearer import dearer
from cheapconv.engine.run import show
from cheapconv.engine.run.show import Row
from cheapconv.models.build import build_network, require_image
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
) -> Row:
    """Exact sizes for images (3, side, side); with a `device` also latency and throughput there, by a runtime."""
    from cheapconv.engine.run.session import settle

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
    if device is not None:
        settle(threads)
        busy.warn()
        structure = Structure("", body["architecture"], body["conv"], classes, shape)
        way = Way.chosen(runtime, resolve_device(device))
        try:
            timed = dataclasses.asdict(time_network(structure, built, way, Turn()))
        except Unsupported as error:
            raise UserError(f"{str(error).rstrip('.')}: name another --runtime.") from error
        body |= {k: v for k, v in timed.items() if k not in ("structure", "input") and v != ""}
    return body


def present(body: Row, as_json: bool) -> None:
    """A profile for people, or as a JSON document."""
    if as_json:
        show.print_json(body)
        return
    quantities = {name: value for name, value in body.items() if name not in ("substitutions", "dearer")}
    show.table("", [{"quantity": k, "value": v} for k, v in flat(quantities).items()], ["quantity", "value"])
    if body["dearer"]:
        show.console.print(f"\ndearer than with standard convolutions: {body['dearer']['more']}", highlight=False)
    if body.get("substitutions"):
        show.table("\nconvolutions", body["substitutions"], ["name", "was", "replaced_by", "left"])


def flat(body: Row, prefix: str = "") -> Row:
    """Nested quantities as one level with dotted names."""
    rows: dict[str, object] = {}
    for name, value in body.items():
        rows |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return rows
