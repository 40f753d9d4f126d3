"""The layout that keeps an addition to one file: who imports whom, what the core does not know, how long a file is."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cheapconv import catalog

ROOT = Path(__file__).parent.parent
ROOMS = ("catalog", "models", "suites", "methods", "baselines", "engine", "reports", "docs")
RECIPES = ("suites.augmentation", "suites.recipe", "suites.schedule")
CONTRACTS = (  # what the engine may know of those it runs
    *("methods.base", "models.build", "models.deployed", "models.meta", "models.size", "models.structured"),
    *("suites.base", "suites.place", "suites.task", *RECIPES),
)

STORE = ("catalog.errors", "engine.store")  # all that reports know of the rest of the house
TOLD = ("reports.answers", "reports.claims", "reports.rows", "reports.statistics")

# What the modules of a room may import of this repository: a room stands for everything in it.
ALLOWED = {
    "catalog": (),
    "models": ("catalog",),
    "suites": ("catalog",),
    "methods": ("catalog",),
    "baselines": ("catalog", "methods"),
    "engine/read": ("catalog", *RECIPES),
    "engine/store": ("catalog", *CONTRACTS),
    "engine/plan": ("catalog", *CONTRACTS, "engine.store", "engine.read"),
    "engine/measure": ("catalog", *CONTRACTS, "engine.store"),
    "engine/train": ("catalog", *CONTRACTS, "engine.store"),
    "engine/track": ("catalog", "engine.store"),
    "engine/run": ("catalog", *CONTRACTS, "engine"),
    "reports": ("catalog.errors", "engine.store", "reports"),
    "reports/statistics": (),
    "reports/rows": (*STORE, "reports.statistics"),
    "reports/claims": (*STORE, "reports.rows", "reports.statistics"),
    "reports/answers": (*STORE, "reports.claims", "reports.rows", "reports.statistics"),
    "reports/formats": (*STORE, *TOLD),
    "reports/page": (*STORE, *TOLD, "reports.formats"),
    "reports/papers": (*STORE, *TOLD),
    "reports/comparing": (*STORE, *TOLD, "reports.formats", "reports.page"),
    "reports/atlases": (*STORE, "reports.formats", "reports.rows"),
    "docs": ("catalog", *CONTRACTS, "engine", "reports"),  # pages that are made of results
    "runner": ("catalog.errors", "docs", "engine", "reports"),
}
FLOORS = 4  # of the engine: how many rooms may stand on one another
SLOW_TO_IMPORT = {"torch", "torchvision", "mlflow", "pandas", "plotly", "sklearn", "scipy", "timm"}

# Registered names that are English words too: they name the thing only as a whole text, or before its parameters.
WORDS = {
    *("at", "blueprint", "bottleneck", "factorised", "fire", "ghost", "group", "hashed", "mixed", "module"),
    *("octave", "one", "partial", "scratch", "separable", "shuffle", "standard", "thin"),
}
LIBRARIES = {"timm", "torchvision"}  # registered for the networks that they hold


def modules(*rooms: str) -> list[Path]:
    """Python files of the rooms; `runner` is the command line."""
    files = [p for room in rooms if room != "runner" for p in sorted((ROOT / room).rglob("*.py"))]
    return [*files, *([ROOT / "runner.py"] if "runner" in rooms else [])]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all imported modules, the parts of `from package import module` joined."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: import by the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def documentation(tree: ast.AST) -> set[int]:
    """Identities of the constants that are documentation: docstrings, and the help texts of the command line."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            found.add(id(node.value))
        elif isinstance(node, ast.keyword) and node.arg == "help":
            found.update(id(part) for part in ast.walk(node.value))
    return found


def names_in_text(text: str, names: set[str]) -> set[str]:
    """Registered names that a text names a thing by."""
    words = set(re.findall(r"[^\W_]\w*", text.lower()))
    called = {name for name in names & WORDS if re.search(rf"(?<!\w){name}\(\w+=", text)}
    return (names - WORDS) & words | called | ({text} & names)


def names_in_code(source: str, names: set[str]) -> list[str]:
    """`line: name` of every registered name in identifiers and in texts that are not documentation."""
    tree = ast.parse(source)
    skipped = documentation(tree)
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            found += [f"{node.lineno}: {name}" for name in sorted(names_in_text(node.value, names))]
        identifiers = {getattr(node, field, None) for field in ("id", "attr", "arg", "name")}
        found += [f"{getattr(node, 'lineno', '?')}: {name}" for name in sorted((names - WORDS) & identifiers)]
    return found


@pytest.fixture(scope="module")
def registered() -> set[str]:
    """Names of all methods, convs and architectures."""
    catalog.load()
    return {name for kind in ("method", "conv", "architecture") for name in catalog.names(kind)} - LIBRARIES


@pytest.mark.parametrize("path", modules("engine", "reports", "suites", "runner"), ids=shown)
def test_core_code_names_no_method_conv_or_architecture(path: Path, registered: set[str]) -> None:
    assert names_in_code(path.read_text(), registered) == []


@pytest.mark.parametrize("path", sorted((ROOT / "reports" / "page" / "web").iterdir()), ids=shown)
def test_the_page_names_no_method_conv_or_architecture(path: Path, registered: set[str]) -> None:
    assert names_in_text(path.read_text(), registered) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("if method == 'kd': pass", ["1: kd"]),
        ("if method == 'at': pass", ["1: at"]),
        ("x = 'group(groups=4)'", ["1: group"]),
        ("x = f'{n} of WRN-40-2'", ["1: wrn"]),
        ("from cheapconv.methods.kd import KD", []),  # the import's own test finds this one
        ("od = 1", ["1: od"]),
        ("x = 'nothing at all is standard, no group (of any size) is'", []),
        ("x = 'the odd kdtree'", []),
        ("def f():\n    '''Such as `wrn(depth=40, width=2)`.'''", []),
        ("option(help='Such as wrn(depth=40, width=2).')", []),
    ],
)
def test_the_search_for_names_finds_what_it_should(source: str, found: list[str], registered: set[str]) -> None:
    assert names_in_code(source, registered) == found


def room_of(path: Path) -> str:
    """`models`, `engine/plan`, `runner`."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[: 2 if parts[0] in ("engine", "reports") and len(parts) > 2 else 1]).removesuffix(".py")


def own_imports(path: Path) -> list[str]:
    """What a module imports of this repository, named from its root."""
    return [n.removeprefix("cheapconv.") for n in imports(ast.parse(path.read_text())) if n.startswith("cheapconv.")]


@pytest.mark.parametrize("path", [p for p in modules(*ROOMS, "runner") if p != ROOT / "engine/__init__.py"], ids=shown)
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    allowed = (room.replace("/", "."), *ALLOWED[room])
    assert [name for name in own_imports(path) if not any(f"{name}.".startswith(f"{ok}.") for ok in allowed)] == []


@pytest.mark.parametrize("path", modules(*ROOMS, "runner", "tests", "benchmarks"), ids=shown)
def test_everything_is_imported_by_its_full_name(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
    assert not roots & {*ROOMS, "runner"}


def test_the_engine_has_few_floors() -> None:
    rooms = [room for room in ALLOWED if room.startswith("engine/")]
    below = {room: {f"engine/{name.split('.')[1]}" for name in engine_imports(room)} - {room} for room in rooms}
    assert max(floor(room, below) for room in rooms) <= FLOORS


def engine_imports(room: str) -> list[str]:
    """What the modules of one of the engine's rooms import of the engine."""
    return [name for path in modules(room) for name in own_imports(path) if name.startswith("engine.")]


def floor(room: str, below: dict[str, set[str]], path: tuple[str, ...] = ()) -> int:
    """1 for a room that stands on the ground."""
    assert room not in path, f"a circle: {' -> '.join([*path, room])}"
    return 1 + max((floor(other, below, (*path, room)) for other in below[room]), default=0)


def test_the_packages_are_those_of_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for path in modules(*ROOMS)}
    assert listed == sorted(".".join(["cheapconv", *folder.parts]) for folder in {*folders, Path()})


def test_help_appears_before_anything_slow_is_imported() -> None:
    code = (
        "import sys\nfrom cheapconv import runner\n"
        "sys.argv = ['cheapconv', '--help']\n"
        "try:\n    runner.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('imported', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    text, _, imported = done.stdout.rpartition("imported ")
    assert "Start with `cheapconv run quick`" in text
    assert not SLOW_TO_IMPORT & set(imported.split())


@pytest.mark.parametrize("path", modules(*ROOMS, "tests", "benchmarks", "runner"), ids=shown)
def test_a_file_is_one_idea(path: Path) -> None:
    limit = 249 if path.name == "runner.py" else 299
    assert len(path.read_text().splitlines()) <= limit
