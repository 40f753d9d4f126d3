"""Every test runs on one CPU thread, which is fastest for tiny networks and does not fight over cores."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """One thread before each test, whatever the one before it did."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Plans of one test are no other test's, nor the user's."""
    monkeypatch.setenv("CHEAPCONV_CACHE", str(tmp_path_factory.mktemp("cache")))


def pytest_collection_modifyitems(items):
    """Tests marked `gpu` are skipped where there is no CUDA device."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
