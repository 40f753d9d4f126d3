"""The optimiser of a phase: momentum SGD or Adam, every number where the recipe, the phase or the method has put it."""

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from cheapconv.methods.base import Method, Phase
from cheapconv.models.structured import weight_decay_scales
from cheapconv.suites.recipe import Recipe


def make_optimiser(method: Method, recipe: Recipe, phase: Phase) -> Optimizer:
    """The recipe's, over the method's groups, whose own numbers win over the phase's, and those over the recipe's."""
    groups = []
    scales = weight_decay_scales(method)
    for own in method.param_groups():
        lr = next(rate for rate in (own.get("lr"), phase.lr, recipe.lr) if rate is not None)  # 0 is a rate too
        decay = own.get("weight_decay", recipe.weight_decay) * own.get("weight_decay_scale", 1.0)
        by_scale: dict[float, list[nn.Parameter]] = {1.0: []}  # the unscaled first: their group shows the method's lr
        for parameter in own["params"]:
            by_scale.setdefault(scales.get(parameter, 1.0), []).append(parameter)
        for scale, params in by_scale.items():
            if params:  # an empty group is refused
                groups.append({"params": params, "lr": lr, "base_lr": lr, "weight_decay": decay * scale})
    if recipe.optimiser == "adam":
        return Adam(groups, lr=recipe.lr, fused=True)  # not AdamW: the recipes that use it add decay to the gradient
    return SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True)


def place_rates(optimiser: Optimizer, device: torch.device | None) -> None:
    """Keep each group's rate on a device, as float32, where steps read it that are recorded; with None as a number.

    To be called again when a state was loaded: it has the rates of where it was saved.
    """
    for group in optimiser.param_groups:
        rate = float(group["lr"])
        group["lr"] = rate if device is None else torch.full((), rate, dtype=torch.float32, device=device)
        if "capturable" in group:  # of Adam, which asks before it lets itself be recorded
            group["capturable"] = device is not None


def set_rates(optimiser: Optimizer, factor: float) -> float:
    """Multiply every group's own rate by the schedule's factor; the first group's rate, which stands for all."""
    for group in optimiser.param_groups:
        rate = group["base_lr"] * factor  # of its own base: a method's groups keep their ratio
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)  # and not replaced: recorded steps read it there
        else:
            group["lr"] = rate
    return optimiser.param_groups[0]["base_lr"] * factor
