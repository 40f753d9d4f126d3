"""Training a network for segmentation in two stages: its encoder alone, then all of it.

Romera et al., ERFNet, 2018, section IV-A, and the released code: the encoder learns by a 1x1 classifier on labels at
its own scale, then the decoder is attached and the whole network is trained once more by the same schedule. Moonshine
(Crowley et al., NeurIPS 2018, section 5.2) adds attention transfer to both stages, on the maps that each has: beta is
1000 on the encoder's three and 600 on all five. Deviation: the released code weights classes in the first stage by
their shares at an eighth of the size; here both stages have the weights of the task.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import interpolate

from cheapconv.catalog import register
from cheapconv.catalog.numbers import ProperShare, Weight
from cheapconv.methods.at import REFERENCE_TAPS
from cheapconv.methods.base import Batch, Build, Method, Phase, Trained
from cheapconv.methods.losses import attention_distance


class _TwoStages(Method):
    """What both forms share: which loss belongs to which stage."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """`shares` are those of the two stages in the epochs, 150 and 150 in the released code."""

        shares: tuple[ProperShare, ProperShare] = (0.5, 0.5)

        def __post_init__(self) -> None:
            if abs(sum(self.shares) - 1) > 1e-6:
                raise ValueError(f"shares must sum to 1, not {sum(self.shares):g}")

    def __init__(self, build: Build, config: object) -> None:
        super().__init__(build, config)
        self.student = build.network()
        self.loss = build.loss
        self.whole = len(self.student.stage_modules)

    def phases(self) -> list[Phase]:
        """The encoder, then the whole network; a new optimiser and the whole schedule for each."""
        encoder, whole = self.config.shares
        return [Phase("encoder", encoder), Phase("whole", whole)]

    def see(self, x: Tensor, y: Tensor) -> tuple[list[Tensor], Tensor]:
        """The maps of the stage's part of the network, and its cross-entropy with labels (B, H, W)."""
        if self.clock.phase:
            maps = self.student.stages(x)
            return maps, self.loss(self.student.head(maps[-1]), y)
        maps, x = [], self.student.stem(x)
        for stage in self.student.stage_modules[: self.student.encoder]:
            x = stage(x)
            maps.append(x)
        logits = self.student.encoder_head(x)  # (B, classes, H / 8, W / 8)
        coarse = interpolate(y[:, None].float(), logits.shape[2:], mode="nearest-exact")[:, 0].long()
        return maps, self.loss(logits, coarse)

    def networks(self) -> list[Trained]:
        """The student; until the second stage its decoder is as it was drawn."""
        return [Trained("student", self.student)]


@register("method", "encoder_first", paper="Romera et al., ERFNet, IEEE T-ITS 2018, section IV-A")
class EncoderFirst(_TwoStages):
    """A network for segmentation alone, its encoder first and then the whole, cross-entropy."""

    is_baseline = True
    answers = frozenset({"pixel"})

    @dataclass(frozen=True, kw_only=True)
    class Config(_TwoStages.Config):
        """L = CE of the logits of a stage; `shares` are those of the two stages in the epochs."""

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """L = CE of the stage's logits."""
        return {"ce": self.see(batch.x, batch.y)[1]}


@register("method", "encoder_first_at", paper="Crowley et al., Moonshine, NeurIPS 2018, arXiv:1711.02613, section 5.2")
class EncoderFirstAT(_TwoStages):
    """The same with attention maps pulled to the teacher's, of the encoder and then of the whole network."""

    needs_teacher = True
    answers = frozenset({"pixel"})

    @dataclass(frozen=True, kw_only=True)
    class Config(_TwoStages.Config):
        """L = CE + beta' sum_l mean((Q_l^s - Q_l^t)^2), beta' = beta 3 / L, over the L maps of the stage."""

        beta: Weight = 1000.0

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.teacher = build.teacher()
        if len(self.teacher.channels) != self.whole:
            raise ValueError(
                f"encoder_first_at pairs the stages of student and teacher, but they have {self.whole} and "
                f"{len(self.teacher.channels)}"
            )

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy and the attention term of the stage."""
        maps, ce = self.see(batch.x, batch.y)
        teacher_maps = self.teacher.stages(batch.x)[: len(maps)]
        distances = [attention_distance(s, t) for s, t in zip(maps, teacher_maps, strict=True)]
        beta = self.config.beta * REFERENCE_TAPS / len(maps)
        return {"ce": ce, "at": beta * sum(distances[1:], distances[0])}
