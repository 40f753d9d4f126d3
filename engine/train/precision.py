"""How a step is computed: its numeric precision, and whether it is compiled."""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

# Compiled forms of one function that torch keeps before it gives up and runs it as it is: 8 and 256. All cells of a
# sweep share the code of `Network`, and each needs forms of its own.
COMPILED_FORMS = 1000


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """bf16 autocast over float32 weights, or nothing."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)  # bf16 has float32's range: no scaling of losses
    return contextlib.nullcontext()


def compiled(module: nn.Module) -> Callable[..., Any]:
    """The module, compiled at its first call. Nothing is forgotten for it: `torch.compiler.reset` would make every
    other training of the process compile again."""
    import torch._dynamo  # takes seconds

    limits = {"recompile_limit": COMPILED_FORMS, "accumulated_recompile_limit": COMPILED_FORMS}
    within = torch._dynamo.config.patch(limits)
    return within(torch.compile(module))


def use_ieee_float32() -> None:
    """Make float32 mean float32: no tensor-float rounding inside matrix products and convolutions on CUDA."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
