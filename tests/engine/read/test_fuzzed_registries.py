"""Whatever a registry holds, reading and planning it ends soon: in a plan, or in one sentence with the way out."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.read import registry
from cheapconv.engine.run import planning
from tests.engine.mutations import mutated

LIMIT_S = 20  # of computing, on a machine that may have other things to do
LONGEST = 2000  # letters of a sentence that lists all that is known
SWEEPS = {
    "distilled": """\
    description: A teacher and its students.
    suite: digits
    recipe: short
    seeds: [0, 1]
    entries:
      - {name: teacher, architecture: WRN-10-1, conv: S, method: scratch, seeds: [0]}
      - architecture: "wrn(depth=10, width=1)"
        conv: [G(4), "G(N/8)"]
        method: {kd: {teacher: teacher, temperature: [2, 4]}}
""",
    "budgeted": """\
    suite: digits
    recipe: short
    epochs: 2
    max_cells: 30
    entries:
      - {architecture: WRN-10-1, conv: G(?), method: scratch, budget: {params: 20k}}
      - architecture: ResNet-8
        conv: ["bottleneck(b=2)", separable, "mixed(S, G(2), S)"]
        method: [scratch, {dml: {peers: 2, partners: [{conv: G(2)}]}}]
        lr: [0.1, 5e-2]
        batch: [32, 64]
""",
    "pruned": """\
    suite: digits
    recipe: short
    precision: fp32
    validation: 100
    weight_decay_scale: compression
    entries:
      - {name: teacher, architecture: ResNet-8, conv: S, method: scratch}
      - {architecture: ResNet-8, conv: S, method: [{l1_group: {keep: 0.5}}, {slimming: {like: G(4)}}], epochs: [1, 2]}
      - {architecture: ResNet-8, conv: low_rank(share=0.5), method: {at: {teacher: teacher}}, weight_decay: 0}
""",
}
TEXTS = [f"sweeps:\n  {name}:\n{body}" for name, body in SWEEPS.items()]
TEXTS.append("sweeps:\n" + "".join(f"  {name}:\n{body}" for name, body in SWEEPS.items()))


class TooSlow(Exception):
    """Reading and planning took longer than anybody waits."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """TooSlow if the block is not left in time."""

    def ring(number: int, frame: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def sentences(path: Path) -> list[str]:
    """What `check` says is wrong with a registry."""
    said = []
    try:
        registries = list(registry.load_each(path))
    except UserError as mistake:
        return [str(mistake)]
    for found in registries:
        try:
            if isinstance(found, UserError):
                raise found
            for name, sweep in found.sweeps.items():
                planning.plan(sweep, name)
        except UserError as mistake:
            said.append(str(mistake))
    return said


def test_the_texts_are_right_before_they_are_made_wrong(tmp_path: Path) -> None:
    (tmp_path / "registry.yaml").write_text(TEXTS[-1])
    assert sentences(tmp_path / "registry.yaml") == []


@pytest.mark.parametrize(
    "seeds",
    [range(40), *(pytest.param(range(i, i + 500), marks=pytest.mark.slow) for i in range(1000, 6000, 500))],
    ids=str,
)
def test_a_registry_made_wrong_is_told_in_a_sentence(tmp_path: Path, seeds: range) -> None:
    path = tmp_path / "registry.yaml"
    for seed in seeds:
        random = Random(seed)
        path.write_bytes(mutated(random.choice(TEXTS), random))
        try:
            with within(LIMIT_S):
                said = sentences(path)
        except Exception as error:
            error.add_note(f"seed {seed}: {path.read_bytes()!r}")
            raise
        assert all(0 < len(line) < LONGEST and "\n" not in line for line in said), (seed, said)
