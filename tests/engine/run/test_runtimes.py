"""`list runtimes`: what there is, asked anew whenever it is shown."""

import subprocess
import sys

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import runtimes


@pytest.fixture(autouse=True)
def _loaded():
    catalog.load()


def test_a_row_says_whether_the_runtime_is_here():
    rows = {row["name"]: runtimes.asked(row) for row in runtimes.registered()}
    assert list(rows) == catalog.names("runtime")
    here, not_here = rows["onnxruntime"], rows["tensorrt"]
    assert here["version"]
    assert here["missing"] is None
    assert here["precisions"] == ["fp32", "int8"]
    assert "GPUs" in not_here["missing"]
    assert {*runtimes.shown(here)} >= {*runtimes.COLUMNS}
    assert runtimes.shown(here)["precisions"] == "fp32, int8"


def test_a_row_that_was_kept_is_asked_without_any_library():
    rows = runtimes.registered()
    code = (
        f"import sys\nfrom cheapconv.engine.run import runtimes\nfor row in {rows!r}: runtimes.asked(row)\n"
        "print({'torch', 'onnx', 'onnxruntime', 'openvino', 'MNN'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_an_unknown_runtime_names_those_that_there_are():
    with pytest.raises(UserError, match=r"unknown runtime 'onxruntime'; did you mean onnxruntime\?"):
        catalog.entry("runtime", "onxruntime")
