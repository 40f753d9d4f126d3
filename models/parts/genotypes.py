"""Genotypes of BlockSwap: one cheap conv per residual block.

Turner, Crowley, O'Boyle, Storkey & Gray, "BlockSwap: Fisher-guided Block Substitution for Network Compression on a
Budget", ICLR 2020, arXiv:1906.04113; the files of BayesWatch/pytorch-blockswap `genotypes/`, in their names of the
convs. The CIFAR ones have the 18 blocks of WRN-40-2, the ImageNet ones the 16 of ResNet-34. The number in a name is
the budget of parameters that they were searched for.
"""

import re

_FILES = {
    "bs1.6m": "Conv DConvA2 DConvA2 DConvA2 DConvA2 Conv Conv DConvA2 DConvA2 DConvA2 DConvA2 Conv "
    "Conv DConvA2 DConvA2 DConvA2 DConvA2 Conv",
    "bs800k": "ConvB4 Conv A16B2 DConvA4 DConvA8 ConvB4 DConvA4 Conv DConvA16 DConvA2 Conv DConvG16 "
    "DConvG8 DConvA2 DConvA2 G8B2 G4B2 DConvA8",
    "bs500k": "DConvG16 G8B2 DConvA2 DConv DConvG16 DConvG4 ConvB4 G16B2 DConvA4 DConvG8 A2B2 A4B2 "
    "DConvG2 DConvA2 DConvG16 DConvG2 DConvG16 DConvG2",
    "bs400k": "Conv DConvG16 DConv DConvA2 ConvB2 DConvA8 DConvG2 DConvG16 DConvA8 DConvA16 DConvG8 DConvA4 "
    "DConvG4 DConvG4 A4B2 DConvG8 DConvG8 G16B2",
    "bs250k": "DConvA16 DConvA2 DConvG4 DConvA2 A8B2 ConvB4 DConvA2 ConvB2 G4B2 DConvG8 DConvA16 A16B2 "
    "DConvG2 G16B2 DConvG4 G8B2 G2B2 G8B2",
    "bs200k": "A16B2 A16B2 ConvB4 DConv G16B2 DConv A8B2 ConvB2 G2B2 DConvG16 G4B2 G8B2 "
    "DConvG2 A16B2 A8B2 A16B2 A8B2 G4B2",
    "bs150k": "A2B2 G16B2 G8B4 DConv DConv A4B2 DConvG4 DConvG4 DConvG2 G2B4 A8B2 G4B2 "
    "G16B2 G2B4 G8B4 G2B2 G4B4 ConvB4",
    "bs_imagenet_1": "DConvA8 G2B2 G2B2 Conv DConvA2 DConvG2 ConvB2 DConvA16 A16B2 G16B2 DConvG4 A2B2 A8B2 "
    "G2B2 DConvG4 A4B2",
    "bs_imagenet_2": "G4B2 DConvG4 A8B2 Conv G4B2 G16B2 G8B2 Conv A2B2 A8B2 A4B2 DConvA4 Conv Conv DConv G8B2",
}

_CONVS = {  # A counts groups, G their channels: "A8" has 8 groups, "G8" groups of 8 channels
    r"Conv": "standard",
    r"Conv2x2": "standard2x2",
    r"DConv": "group(group_width=1)",
    r"DConvA(\d+)": r"group(groups=\1)",
    r"DConvG(\d+)": r"group(group_width=\1)",
    r"ConvB(\d+)": r"bottleneck(b=\1)",
    r"DConvB(\d+)": r"bottleneck_group(b=\1, group_width=1)",
    r"A(\d+)B(\d+)": r"bottleneck_group(b=\2, groups=\1)",
    r"G(\d+)B(\d+)": r"bottleneck_group(b=\2, group_width=\1)",
}


def translated(code: str) -> str:
    """The canonical text of the conv that the code of Moonshine and BlockSwap calls `code`."""
    for pattern, text in _CONVS.items():
        if found := re.fullmatch(pattern, code):
            return found.expand(text)
    raise ValueError(f"'{code}' is no conv of the BlockSwap code")


GENOTYPES = {name: tuple(translated(code) for code in codes.split()) for name, codes in _FILES.items()}
