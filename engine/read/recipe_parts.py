"""The types of what a registry sets of a recipe, or of a sweep, by name, each with its bounds."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cheapconv.catalog.errors import nearest
from cheapconv.engine.read.complaint import complaint
from cheapconv.suites.augmentation import NORMALISATIONS, View
from cheapconv.suites.recipe import WeightDecayScale


def _below_one(milestone: float) -> float:
    if milestone >= 1:
        raise complaint(f"a milestone is a fraction of the run, and not {milestone:g}: 150 of 300 epochs is 0.5.")
    return milestone


def _known(name: str) -> str:
    if name not in NORMALISATIONS:
        raise complaint(f"unknown normalisation '{name}'{nearest(name, NORMALISATIONS)}")
    return name


Count = Annotated[int, Field(strict=True, ge=1, le=10**6)]
Number = Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
Deployed = Annotated[
    Literal["int8"], Field(description="trained networks are scored and timed in it too, by ONNX Runtime")
]
Milestone = Annotated[
    float, Field(strict=True, gt=0, json_schema_extra={"exclusiveMaximum": 1}), AfterValidator(_below_one)
]
Milestones = Annotated[
    tuple[Milestone, ...],
    Field(min_length=1, description="of multistep, as fractions of the run: 150 of 300 epochs is 0.5"),
]
Nesterov = Annotated[bool, Field(strict=True, description="Nesterov's momentum, instead of the recipe's")]
Cutout = Annotated[int, Field(strict=True, ge=0)]
Views = Annotated[
    tuple[View, ...],
    Field(min_length=1, description="each weak or strong (RandAugment), in the order in which a method takes them"),
]
GhostBatches = Annotated[
    int, Field(strict=True, ge=2, description="equal parts of a batch, each normalised by its own statistics")
]
EvaluateEvery = Annotated[
    int, Field(strict=True, ge=1, description="n: scored at every n-th epoch and the last; at each without it")
]
StrongOps = Annotated[int, Field(strict=True, ge=1, le=14, description="of RandAugment in strong views; 2")]
StrongMagnitude = Annotated[int, Field(strict=True, ge=0, le=30, description="of RandAugment's operations; 9")]
Alpha = Annotated[float, Field(strict=True, ge=0, le=1000, allow_inf_nan=False)]
Mixup = Annotated[Alpha, Field(description="alpha of the share of each image of a mixed pair; 0 for none")]
Cutmix = Annotated[Alpha, Field(description="alpha of the share of the pixels that is kept; 0 for none")]
Smoothing = Annotated[
    float, Field(strict=True, ge=0, lt=1, description="share of a label that is spread over all classes; 0 for none")
]
EntryScale = Annotated[
    WeightDecayScale | None, Field(description="of structured parameters; null for the recipe's, which is 1")
]
Normalisation = Annotated[str, AfterValidator(_known), Field(examples=[*NORMALISATIONS])]
