"""A network that was trained elsewhere, as it is: scored, never trained. It teaches like any other cell.

Its weights are a file, a set of a library's or a released checkpoint (docs/teachers.md); what they cost to train is not
known here and on nobody's bill, which a report marks.
"""

from dataclasses import dataclass

from cheapconv.catalog import register
from cheapconv.methods.base import Build, Method, Trained


@register("method", "pretrained", paper="the source of the weights")
class Pretrained(Method):
    """The network with the weights that it was given, not trained here."""

    trains = False
    soft_labels = True  # it looks at none

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """For a teacher that was trained elsewhere, and to have it as a row of the report: [Teachers](teachers.md)."""

    def __init__(self, build: Build, config: object) -> None:
        super().__init__(build, config)
        self.student = build.weighted()

    def networks(self) -> list[Trained]:
        """The network."""
        return [Trained("student", self.student)]
