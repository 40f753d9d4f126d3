"""What every network of timm and torchvision promises that is not refused: it is what its library computes.

The same logits in evaluation, in training the same ones for the same random numbers (so that dropout is on or off as it
is there), and maps of the channels that the library says.
"""

import contextlib
import copy

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.models.build import require_image
from cheapconv.models.meta import on_meta
from cheapconv.models.network import Network
from tests.models.examples import one_thread

CLASSES = 10
DROPPING = ("ghostnet_050", "ghostnetv2_100", "ghostnetv3_050", "repghostnet_050", "legacy_seresnet18")  # functionally
BY_RESOLUTION = ("hrnet", "xception41", "xception71")  # a skip connection passes by what timm says
# Functional dropout, maps (B, H, W, C), a classifier of maps; plain ones are in tests/models.
TRIED = {"timm": ["legacy_seresnet18", "test_mambaout"], "torchvision": ["squeezenet1_1"]}
# A network of every family that is a CNN.
TIMM = """
botnet26t_256 halonet26t bat_resnext26ts maxvit_pico_rw_256 visformer_tiny ghostnetv2_100 ghostnetv3_050
sequencer2d_s caformer_s18 coatnet_pico_rw_224 coatnext_nano_rw_224 convformer_s18 convmixer_1536_20
convnext_pico convnextv2_pico cpubone_nano cs3darknet_s csatv2 cspdarknet53 cspnext_tiny cspresnet50
cspresnext50 darknet17 darknetaa53 davit_tiny densenet264d densenetblur121d dla60 dm_nfnet_f0 dpn107
eca_halonext26ts eca_nfnet_l0 eca_resnext26ts eca_vovnet39b ecaresnet26t ecaresnetlight ecaresnext26t_32x4d
edgenext_small efficientnet_b0 efficientnetv2_s efficientvit_b0 efficientvit_m0 ese_vovnet19b_slim fasternet_s
fastvit_s12 fbnetc_100 fbnetv3_b focalnet_tiny_lrf gc_efficientnetv2_rw_t gcresnet50t gcresnext26ts gcvit_tiny
gernet_s ghostnet_050 halo2botnet50ts_256 haloregnetz_b hardcorenas_a hgnet_tiny hgnetv2_b0 hrnet_w18_ssld
iformer_s inception_next_atto inception_resnet_v2 inception_v3 inception_v4 lambda_resnet26t
lamhalobotnet50ts_256 lcnet_050 lcnetv2_small legacy_senet154 legacy_xception lowformer_b0 mambaout_femto
maxxvit_rmlp_nano_rw_256 maxxvitv2_nano_rw_256 mixnet_s mnasnet_small mobilenet_edgetpu_v2_xs mobilenetv2_050
mobilenetv3_small_050 mobileone_s0 mobilevit_xxs mobilevitv2_050 nasnetalarge nextvit_small nf_seresnet26
nfnet_f0 pnasnet5large poolformer_s12 poolformerv2_s12 rdnet_tiny regnetv_040 regnetx_002 regnety_040_sgn
regnetz_005 regnetz_d8 repghostnet_050 repvgg_a0 res2net50_26w_4s resnest26d resnet18 resnet50_mlp resnetaa50
resnetblur18 resnetrs50 resnetv2_18 resnext26ts resnext50_32x4d rexnet_100 rexnetr_100 sebotnet33ts_256
sedarknet21 sehalonet33ts selecsls60 semnasnet_050 senet154 seresnet18 seresnet33ts seresnetaa50d
seresnext26d_32x4d seresnext26ts seresnextaa101d_32x8d shvit_s1 skresnet18 skresnext50_32x4d spnasnet_100
starnet_s1 test_byobnet test_maxvit test_convnext test_efficientnet test_mambaout test_nfnet test_resnet
tf_mixnet_s tf_mobilenetv3_small_075 tiny_vit_5m_224 tinynet_a tresnet_l tresnet_v2_l vgg11 vovnet39a
wide_resnet50_2 xception41 legacy_seresnet18 convnext_atto hrnet_w18_small dla46_c selecsls42 xception71
fastvit_t8 mobileone_s1 coatnet_0_rw_224 tf_efficientnet_b0 vgg13_bn gernet_m tresnet_m
"""
TORCHVISION = """
alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 mnasnet0_5 mobilenet_v2
mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_0 vgg11
vgg11_bn wide_resnet50_2
"""
FAMILIES = {"timm": TIMM.split(), "torchvision": TORCHVISION.split()}
NETWORKS = [
    pytest.param(library, name, marks=[] if name in TRIED[library] else pytest.mark.slow, id=name)
    for library in TRIED
    for name in dict.fromkeys([*TRIED[library], *FAMILIES[library]])
]
every_network = pytest.mark.parametrize(("library", "name"), NETWORKS)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    catalog.load()
    with one_thread():
        yield


def both(library: str, name: str) -> tuple[Network, nn.Module]:
    """The network here and the library's own, with the same weights."""
    architecture = catalog.parse("architecture", f"{library}(name='{name}')")
    torch.manual_seed(0)
    network = architecture.build(catalog.parse("conv", "S"), CLASSES)
    torch.manual_seed(0)
    return network, architecture.create(CLASSES)


def images(library: str, name: str) -> Tensor:
    """Two of 64 x 64, or of the size that the network was made for where it takes no others."""
    architecture = catalog.parse("architecture", f"{library}(name='{name}')")
    with on_meta():
        network = architecture.build(catalog.parse("conv", "S"), CLASSES)
        shape = (3, 64, 64)
        with contextlib.suppress(ValueError):
            require_image(network, shape)
            return torch.randn(2, *shape, generator=torch.Generator().manual_seed(0), device="cpu")
        shape = architecture.image(architecture.create(CLASSES))
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))


def pair_of_passes(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of two passes in training from one state, of different random numbers."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(copy.deepcopy(network).train()(x))
    return found[0], found[1]


@every_network
@torch.no_grad()
def test_it_computes_what_its_library_computes(library: str, name: str) -> None:
    network, expected = both(library, name)
    x = images(library, name)
    own, theirs = pair_of_passes(network, x), pair_of_passes(expected, x)
    for logits, right in zip(own, theirs, strict=True):
        assert torch.equal(logits, right)
    maps = network.eval().stages(x)
    kept = [f.clone() for f in maps]
    assert torch.equal(network(x), expected.eval()(x))
    assert torch.equal(network.head(maps[-1]), expected(x))
    for start in range(1, len(maps)):
        assert torch.equal(network.stages(maps[start - 1], start=start)[-1], kept[-1])
    assert all(torch.equal(now, before) for now, before in zip(maps, kept, strict=True))
    assert [f.shape[1] for f in maps] == network.channels
    info = getattr(expected, "feature_info", [])
    said = [tap["num_chs"] for tap in getattr(info, "info", info)]
    if said and not name.startswith(BY_RESOLUTION):
        assert network.channels == said[-len(maps) :]
    if name.startswith(DROPPING):
        assert not torch.equal(*own)


def test_only_networks_that_were_others_before_have_another_version() -> None:
    names = ["resnet18", "rexnet_100", "legacy_xception", *DROPPING, "mambaout_femto", "test_mambaout", "sequencer2d_s"]
    versions = {name: catalog.parse("architecture", f"timm(name='{name}')").version for name in names}
    assert [name for name, version in versions.items() if version == 1] == names[:3]
    assert set(versions.values()) == {1, 2}
    assert catalog.parse("architecture", "torchvision(name=mnasnet0_5)").version == 1
