"""What the commands that change the store do: run, measure, clean."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from rich import markup
from rich.status import Status

from cheapconv.catalog.errors import UserError, command_line, plural, sweep_words
from cheapconv.engine.measure import busy, clock
from cheapconv.engine.measure.machine import device_name, resolve_device
from cheapconv.engine.measure.passes import Step, Watch
from cheapconv.engine.measure.timings import Way
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import crew, output, quantised, record
from cheapconv.engine.run.attempt import GpuLostError
from cheapconv.engine.run.cautions import cautions
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.crew import Crew
from cheapconv.engine.run.interrupt import INTERRUPTED
from cheapconv.engine.run.launch import Launcher
from cheapconv.engine.run.measuring import count_missing, measure_again
from cheapconv.engine.run.mixed import Mixed, Runner
from cheapconv.engine.run.progress import Progress
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.show import console
from cheapconv.engine.run.stop import StopRequest
from cheapconv.engine.run.team import Team, team_places
from cheapconv.engine.store import machines
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import now
from cheapconv.engine.store.plans import PlannedKey, SweepPlan
from cheapconv.engine.store.records import Measurement, Word
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import server
from cheapconv.engine.track.child import following
from cheapconv.engine.track.mirror import experiment_of, link
from cheapconv.suites.place import Place

DONE, FAILED, LEFT = 0, 1, 3  # 2 is a mistake in what was given
OTHER_CODE = (
    "Trained by other code of the {} than there is now: {} of {} done cells. "
    "What computes something else needs another `version`, and is trained anew."
)
log = logging.getLogger(__name__)


def run(whole: Plan, chosen: Plan, folder: Path, settings: Settings, team: Team | None = None) -> int:
    """Run the chosen cells of a sweep, with a team of processes if there is one; returns the exit code."""
    if team is not None and ":" in settings.device:
        raise UserError(f"torchrun gives each process a device of its own: leave out --device {settings.device}.")
    device = resolve_device(settings.device) if team is None or settings.device == "cpu" else team.place.device
    gpus = torch.cuda.device_count() if device.type == "cuda" and settings.device in ("auto", "cuda") else 1
    places = crew.places(device, settings.workers, settings.threads, gpus)
    settle(settings.threads)
    if team is not None:
        team.place = replace(team.place, device=device, threads=torch.get_num_threads())
    uri = server.tracking_uri(settings.mlflow)
    store = Store(folder)
    store.prepare()
    with store.explaining_full_disk():
        write_plan(store, whole)
    cells = [planned.cell for planned in chosen.cells]
    for sentence in cautions(store, cells, here=device.type == "cpu" and settings.cluster is None):
        log.warning("%s", sentence)
    where = "on a cluster" if settings.cluster is not None else _where(places)
    console.print(_head(store, whole.sweep, cells, where), highlight=False, markup=False, soft_wrap=True)
    progress = Progress(cells, console, lambda cell: store.run(cell.key).state().error or "")
    with StopRequest(settings.budget_s) as stop, following(store, whole.sweep, uri), progress as shown:
        try:
            ends = chosen_runner(store, places, settings, shown, stop, team).run(cells)
        except GpuLostError as error:
            log.error("%s", error)
            return FAILED
        if whole.deployed:
            done = [cell for cell in cells if ends.get(cell.key) == "done"]
            for line in quantised.score_and_time(store, done, settings.data, stop):
                console.print(line, highlight=False, markup=False, soft_wrap=True)
    _summarise(store, cells, ends, whole.sweep, uri, settings.registry)
    output.forgive()
    if stop.signalled and any(ends.get(cell.key) in (None, "stopped") for cell in cells):  # and not after the last one
        return INTERRUPTED
    if {"failed", "unreadable"} & {*ends.values()}:
        return FAILED
    return DONE if all(ends.get(cell.key) == "done" for cell in cells) else LEFT


def chosen_runner(
    store: Store,
    places: Sequence[Place],
    settings: Settings,
    shown: Progress,
    stop: StopRequest,
    team: Team | None = None,
) -> Runner:
    """What trains: this process, several of this machine, or the nodes of a cluster."""
    on_any = places[0].device.type == "cuda" and settings.device in ("auto", "cuda")
    several = team_places if on_any else lambda gpus: ()  # of a device that was named there is one
    if team is not None and (settings.cluster is not None or len(places) > 1):
        raise UserError(
            "torchrun starts the processes itself, and all train one cell: leave out --workers and --cluster."
        )
    if settings.cluster is not None:
        from cheapconv.engine.run.cluster.fleet import Fleet  # whoever has no Ray needs none

        if len(places) > 1:
            log.warning("--workers has no effect with --cluster: each node takes as many cohorts as it has room for")
        return Fleet(
            store, places[0].device, settings=settings, watchers=[shown], should_stop=stop, placed=shown.placed
        )
    if len(places) > 1:
        together = Launcher(store, places[0], settings=settings, watchers=[shown], should_stop=stop, places=several)
        return Mixed(
            together, Crew(store, places, settings=settings, watchers=[shown], should_stop=stop), settings.fail_fast
        )
    return Launcher(store, places[0], settings=settings, watchers=[shown], should_stop=stop, team=team, places=several)


def measure(
    plan: Plan,
    folder: Path,
    device_name: str,
    threads: int | None,
    watch: Watch | None = None,
    runtimes: str | None = None,
    int8: bool = False,
    data: Path | None = None,
    latency_threads: int = 1,
) -> None:
    """Time every network of the plan again: by the usual runtime, or each of those that are named, with commas; by
    another watch than the device's where one is given. With `int8` also so, and what is finished is scored in it. What
    trainings compute is counted where it was not yet."""
    device = resolve_device(device_name)
    ways = [Way.chosen(runtime, device, latency_threads) for runtime in (runtimes.split(",") if runtimes else [None])]
    settle(threads)
    store = Store(folder)
    store.prepare()
    cells, samples = [planned.cell for planned in plan.cells], quantised.OpenedData(data)
    if int8:
        ways = quantised.both(ways, cells, samples)
    busy.warn()
    # Nothing is shown where there is no terminal; on one, seldom, for it is drawn by this process.
    with store.explaining_full_disk(), console.status("", refresh_per_second=1) as status:
        for cell in (each for each in cells if store.run(each.key).result() is not None):
            status.update(markup.escape(f"multiply-adds of training: {cell.title}"))
            count_missing(store, cell)
        told = partial(_tell_step, status)
        timed = [found for way in ways for found in measure_again(store, cells, way, told, watch)]
    for network, timing in timed:
        console.print(_in_words(network, timing), highlight=False, markup=False)
    for way in ways:
        if way.calibration is not None:
            for cell, found in quantised.score(store, cells, way, samples):
                line = quantised.told(cell, found, quantised.result_of(store, cell))
                console.print(line, highlight=False, markup=False)
    if any(timing.doubt for _, timing in timed):
        log.warning("doubtful timings are marked in the report: measure again when the machine is quiet")


def _tell_step(status: Status, step: Step) -> None:
    """On a terminal each timing; elsewhere, such as in a log, each pass."""
    status.update(markup.escape(str(step)))
    if step.place == 1 and not console.is_terminal:
        networks = f"{plural(step.networks, 'network')}{' in doubt, again' if step.again else ''}"
        console.print(f"{step.way}: pass {step.number} of {step.passes} over {networks}", highlight=False)


def _in_words(network: str, timing: Measurement) -> str:
    """`WRN-10-2 G(4), onnxruntime fp32: 0.161 ms an image, 9876 images/s`, and why that is doubtful."""
    speeds = f"{clock.shown_ms(timing.latency.median_ms)} ms an image, {timing.throughput.images_per_s:.0f} images/s"
    doubt = f" (doubtful: {timing.doubt})" if timing.doubt else ""
    return f"{network}, {timing.runtime} {timing.latency.precision}: {speeds}{doubt}"


def clean(folder: Path) -> None:
    """Remove the leftovers of killed processes from every cell that is not running."""
    if not folder.is_dir():
        raise UserError(f"there is no store at {folder}: name it with --store.")
    store = Store(folder)
    removed = store.tidy() + machines.tidy(store) + server.tidy(server.tracking_uri())
    console.print(f"removed {removed} files; every result is kept")


def write_plan(store: Store, plan: Plan) -> None:
    """What reports and MLflow know of a sweep: its plan, and what each of its cells is."""
    for planned in plan.cells:
        run = store.run(planned.cell.key)
        if run.state().state != "unreadable":
            with contextlib.suppress(PermissionError):  # of one folder: it is told when it is this cell's turn
                run.write_cell(record.described(planned.cell))
    cells = tuple(PlannedKey(key=p.cell.key, entry=p.entry, needs=p.needs) for p in plan.cells)
    before = store.plan(plan.sweep)
    if before and (lost := len({each.key for each in before.cells} - {each.key for each in cells})):
        what = plural(lost, "cell")
        log.warning("%s: the plan before had %s that this one has not; results are kept", plan.sweep, what)
    store.write_plan(
        SweepPlan(
            sweep=plan.sweep,
            suite=plan.suite,
            recipe=plan.recipe,
            created=now(),
            cells=cells,
            skipped=plan.skipped,
            dearer=plan.dearer,
            description=plan.description,
            about=record.about([planned.cell for planned in plan.cells]),
        )
    )


def _head(store: Store, sweep: str, cells: Sequence[Cell], where: str) -> str:
    """`quick: 26 cells, 3 of them done; on NVIDIA H100; results in runs`: the first line of a run, for its log."""
    done = sum(store.run(cell.key).state().state == "done" for cell in cells)
    return f"{sweep}: {plural(len(cells), 'cell')}, {done} of them done; {where}; results in {store.root}"


def _where(places: Sequence[Place]) -> str:
    """`on NVIDIA H100`, `by 2 workers of 1 thread on AMD EPYC`."""
    on = " and ".join(dict.fromkeys(device_name(place.device) for place in places))
    threads = plural(places[0].threads, "thread") if places[0].device.type == "cpu" else ""
    if len(places) == 1:
        return ", ".join(filter(None, (f"on {on}", threads)))
    return f"by {len(places)} workers{f' of {threads}' if threads else ''} on {on}"


def _summarise(
    store: Store,
    cells: Sequence[Cell],
    ends: Mapping[str, Word],
    sweep: str,
    uri: str | None,
    registry: Path | None,
) -> None:
    """What happened, and what to do next."""
    counts = {end: sum(e == end for e in ends.values()) for end in sorted(set(ends.values()))}
    said = ", ".join(f"{n} {'running elsewhere' if end == 'running' else end}" for end, n in counts.items())
    left = len(cells) - counts.get("done", 0) - counts.get("failed", 0)
    lines = [f"{sweep}: {said} of {len(cells)} cells."]
    if "failed" in counts:
        lines.append("Tracebacks are in error.txt of the run folders; run again with --retry failed.")
    results = [store.run(key).result() for key, end in ends.items() if end == "done"]
    if empty := sum(bool(result and result.warnings) for result in results):
        lines.append(
            f"Of the {len(results)} done cells, {empty} ended with a score that means nothing; `status` says why."
        )
    done = [cell for cell in cells if ends.get(cell.key) == "done"]
    lines += [OTHER_CODE.format(name, n, len(done)) for name, n in record.of_other_code(store, done).items()]
    if "unreadable" in counts:
        status = command_line("status", *sweep_words(sweep), store=store.root, registry=registry)
        lines.append(f"What cannot be read is left alone; `{status}` says why.")
    if left:
        lines.append(f"{left} cells are left: the same command goes on where it stopped.")
    else:
        lines.append(f"Next: {command_line('report', sweep, store=store.root, registry=registry)}")
    if uri and experiment_of(store, sweep, uri):  # else nothing arrived there, as the follower says
        lines.append(f"Tracking: {link(store, sweep, uri)}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
