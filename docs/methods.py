"""docs/methods.md: every method, its equation and defaults, when to use it and what it costs."""

import datetime
import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import torch

from cheapconv import catalog
from cheapconv.docs import method_costs
from cheapconv.engine.measure.machine import device_name, resolve_device
from cheapconv.reports.formats.markdown import markdown

PATH = method_costs.SETTINGS.with_suffix(".md")
TEXT_LIMIT = 60  # characters of a default

INTRODUCTION = """\
# Methods

Written by `make docs` from the methods themselves; the words on their use are in `methods.yaml`.
Settings are written in the registry as `{{method: {{setting: value}}}}`.

## What a training step costs

Relative to `{reference}`: one step of {architecture} {conv} on a batch of {batch} images of {suite}, learning, where
there is a teacher, from {teacher} with standard convolutions. Multiply-adds are those executed in forward and backward
passes; memory is the peak of what a step allocates (activations and gradients). Both are counted exactly; time was
measured. What is deployed is in every case one network, whose cost does not depend on the method, except where the
method changes its structure. A method that chooses the convs itself is compared with the reference on standard ones.

{machine}
"""


def render(table: method_costs.StepPage, machine: str, times: Mapping[str, str]) -> str:
    """The whole page; `machine` says where `times` were measured."""
    catalog.load()
    introduction = INTRODUCTION.format(machine=machine, **vars(table))
    sections = "\n\n".join(_section(name, table) for name in names())
    return f"{introduction}\n{_costs(compared(), table, times)}\n\n{sections}\n"


def names() -> list[str]:
    """The suite's own methods; a user's plugins are not on this page."""
    return [n for n in catalog.names("method") if catalog.entry("method", n).cls.__module__.startswith(OWN)]


def compared() -> list[str]:
    """Those that train the network of the page; others train nothing, or are for segmentation alone."""
    classes = {name: catalog.entry("method", name).cls for name in names()}
    return [name for name, cls in classes.items() if cls.trains and "image" in cls.answers]


OWN = ("cheapconv.methods.", "cheapconv.baselines.")


def measured(page: str) -> tuple[str, dict[str, str]]:
    """The line about the machine and the times by method of a page that `render` made."""
    machine = re.search(r"^Times: .*$", page, re.MULTILINE)
    rows = re.findall(r"^\| \[`([^`]*)`\].*\| ([\d.]+) \|$", page, re.MULTILINE)
    return machine[0] if machine else "Times: none.", dict(rows)


def write(table: method_costs.StepPage, path: Path = PATH, keep_timings: bool = False) -> None:
    """Write the page, measuring on this machine unless the times that are there are kept."""
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    machine, times = measured(page) if keep_timings else measure(table)
    path.write_text(render(table, machine, times), encoding="utf-8")


def measure(table: method_costs.StepPage) -> tuple[str, dict[str, str]]:
    """The line about this machine and the times by method on it."""
    catalog.load()
    today = datetime.datetime.now(datetime.UTC).date()
    machine = device_name(resolve_device("cpu"))
    line = f"Times: {machine}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, {today}."
    ratios = {}
    for name in compared():
        own = table.of(name)
        reference = method_costs.seconds(table.reference, own)  # beside it, because a machine's speed drifts
        ratios[name] = f"{method_costs.seconds(name, own) / reference:.2f}"
    return line, ratios


def _costs(own: list[str], table: method_costs.StepPage, times: Mapping[str, str]) -> str:
    head = ["method", "what it is", "teacher", "students", "multiply-adds", "memory", "time"]
    rows = []
    for name in own:
        entry, step = catalog.entry("method", name), table.of(name)
        students = [t for t in method_costs.build(name, step).networks() if t.role == "student"]
        found, reference = method_costs.costs(name, step), method_costs.costs(step.reference, step)
        ratios = [f"{found[quantity] / reference[quantity]:.2f}" for quantity in ("macs", "bytes")]
        needs = "yes" if entry.cls.needs_teacher else ""
        rows.append(
            [f"[`{name}`](#{name})", entry.summary, needs, str(len(students)), *ratios, times.get(name, "")],
        )
    return markdown(head, rows, right=head[3:])


def _section(name: str, table: method_costs.StepPage) -> str:
    entry = catalog.entry("method", name)
    equation = inspect.cleandoc(entry.config.__doc__ or "")
    defaults = []
    for setting, value in entry.defaults.items():
        text = "required" if value is ... else f"{value:.4g}" if isinstance(value, float) else repr(value)
        defaults.append(f"`{setting}={text if len(text) <= TEXT_LIMIT else f'{text[:TEXT_LIMIT]}...'}`")
    parts = [f"## {name}", f"{entry.summary} {entry.paper}.", equation, table.use.get(name, "")]
    parts = [part for part in parts if part]
    return "\n\n".join([*parts, f"Defaults: {', '.join(defaults)}." if defaults else "No settings."])
