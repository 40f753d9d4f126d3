"""The page on views and mixing: its sweep is planned as it says, and the methods that it names are those."""

import re
from pathlib import Path

from cheapconv import catalog
from cheapconv.engine.read import registry
from cheapconv.engine.run.planning import plan

PAGE = (Path(__file__).parents[2] / "docs" / "views-and-mixing.md").read_text()


def test_function_matching_is_planned(tmp_path: Path) -> None:
    [written] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "registry.yaml"
    path.write_text(written)
    teacher, *students = plan(registry.load(path).sweep("function-matching"), "function-matching").cells
    assert teacher.cell.recipe["mix"] is None
    assert len(students) == 8
    for student in students:
        recipe, settings = student.cell.recipe, student.cell.method_settings
        assert recipe["mix"] == {"kind": "mixup", "alpha": 1}
        assert recipe["augmentation"]["views"] == ["strong"]
        assert (settings["ce_weight"], settings["kd_weight"]) == (0, 1)


def test_methods_that_need_one_class_an_image_are_named() -> None:
    catalog.load()
    [named] = re.findall(r"the others \((.*?)\)", PAGE)
    classes = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
    hard = [name for name, cls in classes.items() if "image" in cls.answers and not cls.soft_labels]
    assert re.findall(r"`(\w+)`", named) == hard
