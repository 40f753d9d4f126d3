"""GroupedConv: the shared part of convs whose spatial convolution is grouped, by a number or by a width of groups.

Moonshine writes G(4) for 4 groups and G(N/4) for groups of 4 channels, N being the channels that enter the grouped
convolution, so the number of groups of the second grows with the width of the layer.
"""

from cheapconv.catalog.numbers import Count
from cheapconv.models.conv import Conv


class GroupedConv(Conv):
    """Base of dataclasses with the fields `groups` and `group_width`, of which exactly one is given."""

    groups: Count | None
    group_width: Count | None

    def __post_init__(self) -> None:
        if (self.groups is None) == (self.group_width is None):
            raise ValueError("give exactly one of groups and group_width")

    def groups_of(self, channels: int, what: str = "channels") -> int:
        """Number of groups for a convolution from `channels` to `channels`; ValueError if they do not divide."""
        if self.group_width is not None:
            self.require_divisible(channels, self.group_width, what)
            return channels // self.group_width
        assert self.groups is not None
        self.require_divisible(channels, self.groups, what)
        return self.groups
