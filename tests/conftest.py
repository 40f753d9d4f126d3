"""Every test runs on one CPU thread, which is fastest for tiny networks and does not fight over cores."""

import gc
import itertools
import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # before anybody imports Triton, which looks then


@pytest.fixture(autouse=True)
def one_thread():
    """One thread before each test, whatever the one before it did."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_disks():
    """A test's files need not outlast a loss of power, and a disk takes milliseconds to promise it, of each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(autouse=True, scope="module")
def heap_of_others():
    """Garbage is looked for among the objects of a module's tests, not in the thousands of tests and libraries before
    them: a training that records its steps looks for it in every phase, and would take a second for each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """Names of folders that are not there yet: to make one for each test would list all those before it."""
    root = tmp_path_factory.mktemp("caches")
    return (str(root / str(number)) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_cache(caches, monkeypatch):
    """Plans of one test are no other test's, nor the user's."""
    monkeypatch.setenv("CHEAPCONV_CACHE", next(caches))


def pytest_unconfigure():
    """Python looks through everything once more when it ends, and libraries complain of what is left then."""
    gc.unfreeze()


def pytest_collection_modifyitems(items):
    """Tests marked `gpu` are skipped where there is no CUDA device."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
