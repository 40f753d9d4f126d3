"""Plans that were made before are found by all that they follow from, and by nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cheapconv.docs import listing
from cheapconv.engine.run import plan_cache, planning
from cheapconv.models.build import build_network
from tests.engine import tiny

REGISTRY = """\
sweeps:
  small:
    suite: tiny
    recipe: short
    {}
    entries:
      - {{architecture: WRN-10-1, conv: [standard, "G(3)"], method: scratch}}
"""


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    path = tmp_path / "registry.yaml"
    path.write_text(REGISTRY.format("seeds: [0]"))
    return path


def test_a_plan_comes_back_whole(registry: Path) -> None:
    made = planning.planned("small", registry, None, None)
    kept = plan_cache.read(plan_cache.fingerprint(registry, "small", None))
    assert kept is not None
    assert [p.cell.key for p in kept.cells] == [p.cell.key for p in made.cells]
    assert kept.skipped == made.skipped != ()
    assert planning.planned("small", registry, None, None, to_look=True) == kept


def test_whoever_looks_gets_the_kept_plan_and_whoever_runs_a_new_one(registry, monkeypatch) -> None:
    made = []
    plan = planning.plan
    monkeypatch.setattr(planning, "plan", lambda *args, **kwargs: made.append(1) or plan(*args, **kwargs))
    for to_look, expected in ((True, 1), (True, 1), (False, 2)):
        planning.planned("small", registry, None, None, to_look=to_look)
        assert len(made) == expected


def test_another_sweep_override_or_registry_is_another_plan(registry: Path) -> None:
    first = plan_cache.fingerprint(registry, "small", None)
    assert first is not None
    assert plan_cache.fingerprint(registry, "small", 2) not in (first, None)
    assert plan_cache.fingerprint(registry, "other", None) is None
    registry.write_text(REGISTRY.format("seeds: [1]"))
    assert plan_cache.fingerprint(registry, "small", None) not in (first, None)


def test_code_of_a_plugin_counts_wherever_it_stands_in_its_package(registry, tmp_path, monkeypatch) -> None:
    package = tmp_path / "plug_of_a_user"
    package.mkdir()
    for name in ("__init__.py", "inner.py"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    registry.write_text(REGISTRY.format("plugins: [plug_of_a_user]"))
    first = plan_cache.fingerprint(registry, "small", None)
    assert first is not None
    (package / "inner.py").write_text("VERSION = 2\n")
    assert plan_cache.fingerprint(registry, "small", None) not in (first, None)


@pytest.mark.parametrize("files", [["net.py"], ["__init__.py", "net.py"], ["__init__.py", "inner/net.py"]])
def test_so_does_a_folder_of_code_beside_a_plugin(files, registry, tmp_path, monkeypatch) -> None:
    user = tmp_path / "user"
    for file in ("plug_of_one_file.py", *(f"helper_of_a_plug/{name}" for name in files)):
        (user / file).parent.mkdir(parents=True, exist_ok=True)
        (user / file).write_text("")
    monkeypatch.syspath_prepend(user)
    registry.write_text(REGISTRY.format("plugins: [plug_of_one_file]"))
    first = plan_cache.fingerprint(registry, "small", None)
    assert first is not None
    (user / "helper_of_a_plug" / files[-1]).write_text("VERSION = 2\n")
    assert plan_cache.fingerprint(registry, "small", None) not in (first, None)


def test_of_installed_code_that_beside_a_plugin_does_not_count(registry, tmp_path, monkeypatch) -> None:
    installed = tmp_path / "site-packages"
    (installed / "library").mkdir(parents=True)
    (installed / "plug_that_is_installed.py").write_text("")
    monkeypatch.syspath_prepend(installed)
    registry.write_text(REGISTRY.format("plugins: [plug_that_is_installed]"))
    first = plan_cache.fingerprint(registry, "small", None)
    assert first is not None
    (installed / "library" / "code.py").write_text("")
    assert plan_cache.fingerprint(registry, "small", None) == first


def test_a_recipe_of_this_project_counts(registry, tmp_path, monkeypatch) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "__init__.py").touch()
    recipes = tmp_path / "suites" / "tiny.toml"
    recipes.write_text("lr = 0.1\n")
    monkeypatch.setattr(plan_cache, "PACKAGE", tmp_path)
    first = plan_cache.fingerprint(registry, "small", None)
    assert first is not None
    recipes.write_text("lr = 0.25\n")
    assert plan_cache.fingerprint(registry, "small", None) not in (first, None)


def test_a_sweep_that_reads_weights_is_planned_each_time(registry: Path, tmp_path: Path) -> None:
    torch.save(build_network("WRN-10-1", "S", 10).state_dict(), tmp_path / "a.pt")
    text = f"\"wrn(depth=10, width=1, weights='{tmp_path / 'a.pt'}')\""
    registry.write_text(REGISTRY.format("seeds: [0]").replace("WRN-10-1", text))
    planning.planned("small", registry, None, None)
    assert plan_cache.read(plan_cache.fingerprint(registry, "small", None)) is None


def test_a_damaged_plan_is_none(registry: Path) -> None:
    planning.planned("small", registry, None, None)
    [path] = plan_cache.folder().iterdir()
    path.write_text("{")
    assert plan_cache.read(path.stem) is None


def without_torch(folder: Path, *arguments: str) -> str:
    """What a command of its own prints, which must not import what takes seconds."""
    code = (
        "import sys\nfrom cheapconv import runner\n"
        f"sys.argv = ['cheapconv', *{arguments!r}]\n"
        "try:\n    runner.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not {'torch', 'mlflow', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_looking_at_a_kept_plan_imports_no_torch(registry: Path, tmp_path: Path) -> None:
    planning.planned("small", registry, None, None)
    assert "1 planned of 1 cells" in without_torch(tmp_path, "status", "small", "--registry", str(registry))


def test_a_kept_listing_is_the_same_and_imports_no_torch(registry, tmp_path, capsys) -> None:
    listing.show(None, registry, time=False, as_json=True)
    made = capsys.readouterr().out
    assert without_torch(tmp_path, "list", "--registry", str(registry), "--json") == made
    registry.write_text(REGISTRY.format("seeds: [0, 1]"))
    assert plan_cache.read_listing(plan_cache.of_listing(registry)) is None
