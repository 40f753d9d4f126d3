"""Files of weights as people have them: what libraries load is loaded, and the rest is told in a sentence."""

import argparse
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cheapconv.models.weights.stored import load_weights, read_weights


class Net(nn.Module):
    """A convolution, its norm and a classifier."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, classes)


class Versioned(Net):
    """A network that refuses a state dict whose version it is not told, as torchvision's MNASNet does."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        assert local_metadata.get("version") == 2
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def state(seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {name: torch.randn_like(t) if t.is_floating_point() else t + 7 for name, t in Net().state_dict().items()}


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state().items()}


def saved(folder: Path, body: object, **options: bool) -> Path:
    torch.save(body, folder / "weights.pth", **options)
    return folder / "weights.pth"


@pytest.mark.parametrize(
    "body",
    [
        state(),
        {"state_dict": state(), "epoch": 3},
        {"model": state(), "optimizer": {"state": {}}},
        {"weights": state()},
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("module._orig_mod."),
        prefixed("_orig_mod.module."),
        {"state_dict": prefixed("model."), "pytorch-lightning_version": "2"},
        {"state_dict": prefixed("model._orig_mod.")},
        {"state_dict": state(1), "state_dict_ema": state()},
        {"model": state(1), "model_ema": {"n_averaged": torch.tensor(9), **prefixed("module.")}},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_is_found_behind_wrappers_and_prefixes(tmp_path, body, zipped):
    found = read_weights(saved(tmp_path, body, _use_new_zipfile_serialization=zipped))
    assert found.keys() == state().keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state().items())


def test_a_prefix_that_only_some_names_have_is_a_part_of_the_network(tmp_path):
    body = {"model.a": torch.ones(1), "b": torch.ones(1)}
    assert read_weights(saved(tmp_path, body)).keys() == body.keys()


def test_published_names_of_densenet_are_todays(tmp_path):
    old = "features.denseblock1.denselayer12.{}.weight"
    body = {old.format(part): torch.ones(1) for part in ("norm.1", "conv.1", "norm.2", "conv.2")}
    body["features.norm5.weight"] = torch.ones(1)
    expected = [old.format(part) for part in ("norm1", "conv1", "norm2", "conv2")]
    assert list(read_weights(saved(tmp_path, body))) == [*expected, "features.norm5.weight"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as weights (it is empty)"),
        (
            b"version https://git-lfs.github.com/spec/v1\nsize 123\n",
            "it is a pointer of Git LFS, in place of the file that `git lfs pull` fetches; it begins with 'version",
        ),
        (b"<!DOCTYPE html><html></html>\n", "it is a web page, saved in place of the file; it begins with '<!DOCTYPE"),
        (b"Not Found\n", "it is a text; it begins with 'Not Found'"),
        (bytes(range(200, 256)) * 20, "it is damaged, or no file of PyTorch's"),
    ],
)
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_what_is_no_file_of_weights_is_called_what_it_is(tmp_path, content, message, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as weights") as refused:
        read_weights(path)
    said = str(refused.value)
    assert "\n" not in said
    if name.endswith(".pth") or content.isascii():
        assert message in said


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("beside", "holds"),
    [
        ({"args": argparse.Namespace(lr=0.1)}, "argparse.Namespace"),
        ({"best_acc": np.float64(72.3)}, "numpy"),
        ({"network": Net()}, "test_stored_weights.Net"),
    ],
)
def test_what_cannot_be_read_safely_is_named_and_never_run(tmp_path, beside, holds, zipped):
    path = saved(tmp_path, {"state_dict": state(), **beside}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="save the state dict alone") as refused:
        read_weights(path)
    said = str(refused.value)
    assert holds in said
    assert all(word not in said for word in ("\n", "\x1b", "weights_only", "arbitrary"))


def test_a_program_is_no_state_dict(tmp_path):
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/constants.pkl", b"")
    with pytest.raises(ValueError, match=r"script.pt' cannot be read as weights \(it is a TorchScript program"):
        read_weights(tmp_path / "script.pt")


@pytest.mark.parametrize("part", [0.2, 0.5, 0.95])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_is_cut_is_one_sentence(tmp_path, part, zipped):
    path = saved(tmp_path, state(), _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match="cannot be read as weights") as refused:
        read_weights(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("body", [{}, {"weights": {}}, [1], {"epoch": 3}, torch.ones(1)])
def test_a_file_without_a_state_dict_is_told(tmp_path, body):
    with pytest.raises(ValueError, match="holds no state dict"):
        read_weights(saved(tmp_path, body))


def test_missing_counters_of_batches_begin_at_0():
    network = Net()
    network.bn1.num_batches_tracked.fill_(5)
    old = {name: tensor for name, tensor in state().items() if not name.endswith("num_batches_tracked")}
    load_weights(network, old)
    assert network.bn1.num_batches_tracked == 0
    assert torch.equal(network.bn1.running_mean, old["bn1.running_mean"])


def test_a_plain_dict_is_loaded_with_the_versions_of_the_network():
    network = Versioned()
    load_weights(network, state())
    assert all(torch.equal(tensor, state()[name]) for name, tensor in network.state_dict().items())


def test_weights_of_another_network_are_told_with_a_name_of_either_side():
    other = state()
    other["layers.0.weight"] = other.pop("conv1.weight")
    with pytest.raises(
        ValueError, match=r"2 entries differ, such as 'conv1.weight' is missing, 'layers.0.weight' is un"
    ):
        load_weights(Net(), other)
    with pytest.raises(ValueError, match=r"2 entries differ, such as 'fc.weight' has shape 3x4 for 5x4"):
        load_weights(Net(classes=5), state())


def test_a_layer_that_may_differ_stays_fresh():
    network = Net(classes=5)
    before = network.fc.weight.clone()
    load_weights(network, state(), may_differ=["fc"])
    assert torch.equal(network.fc.weight, before)
    assert torch.equal(network.conv1.weight, state()["conv1.weight"])
