"""What the command `report` does: one sweep or several that can be compared, once or as long as they run, alone or
beside another report.

By default a report is a folder of `reports`, whose libraries and index all of its reports share; a folder that was
named has its own libraries and no index.
"""

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cheapconv.catalog.errors import UserError
from cheapconv.reports import live
from cheapconv.reports.answers import content
from cheapconv.reports.answers.content import Content
from cheapconv.reports.comparing import compare
from cheapconv.reports.page import index, page
from cheapconv.reports.page.page import Report
from cheapconv.reports.papers import figures


@dataclass(frozen=True)
class Asked:
    """What a report is of, and where it goes."""

    sweeps: tuple[str, ...]
    store: Path
    out: Path | None = None
    title: str | None = None
    single_file: bool = False
    figures: bool = False
    compare: str | None = None
    live: bool = False

    @property
    def name(self) -> str:
        """What the report is called: its title, or that of its sweeps."""
        return self.title or " + ".join(self.sweeps)

    @property
    def folder_name(self) -> str:
        """Of the folder that it has in `reports`: a sweep's own, else the title in letters that any disk takes."""
        if self.title is None and len(self.sweeps) == 1:
            return self.sweeps[0]
        return re.sub(r"[^\w.+-]+", "-", self.name).strip("-.") or "report"

    def read(self) -> Content:
        """Everything about its sweeps."""
        if len(self.sweeps) == 1 and self.title is None:
            return content.build(self.store, self.sweeps[0])
        return content.build_several(self.store, self.sweeps, self.name)


def command(asked: Asked, told: Callable[[str], None]) -> Report:
    """Write what was asked for; what there is to say besides the report itself goes to `told`."""
    if not asked.live:
        return written(asked, told)
    if len(asked.sweeps) > 1:
        raise UserError("--live follows one sweep.")
    last: list[Report] = []
    for line in live.follow(asked.store, asked.sweeps[0], lambda is_last: last.append(written(asked, told, is_last))):
        told(line)
    return last[-1]


def written(asked: Asked, told: Callable[[str], None], is_last: bool = True) -> Report:
    """The report's files; of a page that follows a sweep and is not the last, nothing else."""
    folder, libraries = page.folders(asked.folder_name, asked.out, asked.single_file)
    found = asked.read()
    report = page.write(found, folder, libraries, refreshed=not is_last)
    if not is_last:
        return report
    paths = [*report.paths, *(figures.write(found, folder) if asked.figures else [])]
    if asked.compare is not None:
        with other(asked.compare, asked) as before:
            beside = compare.compare(before, found, (asked.compare, str(asked.store)))
            paths += compare.write(beside, folder)
        for line in compare.sentences(beside):
            told(line)
    if asked.out is None:
        for warning in index.write(folder.parent).warnings:
            told(warning)
    return Report(paths, report.summary, report.remarks)


@contextmanager
def other(name: str, asked: Asked) -> Iterator[Content]:
    """What a report is compared with: another sweep of its store, another store's same sweep, or that store as it was
    at a commit (`COMMIT:FOLDER`)."""
    if Path(name).is_dir():
        yield with_names(Path(name), asked)
    elif ":" in name:
        commit, _, store = name.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            yield with_names(checked_out(commit, store, Path(folder)), asked)
    else:
        yield content.build(asked.store, name)


def with_names(store: Path, asked: Asked) -> Content:
    """The same sweeps in another store."""
    return Asked(asked.sweeps, store, title=asked.title).read()


def checked_out(commit: str, folder: str, into: Path) -> Path:
    """A folder of this repository as it was at a commit; a UserError where git does not have it."""
    command: Sequence[str] = ("git", "archive", "--format=tar", commit, "--", folder)
    try:
        done = subprocess.run(command, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(into, filter="data")
    except (OSError, subprocess.CalledProcessError, tarfile.TarError) as error:
        raise UserError(f"git has no folder {folder} at {commit}: give COMMIT:FOLDER, a store or a sweep.") from error
    return into / folder
