"""GroupedConv: the shared part of convs whose spatial convolution is grouped, by a number or by a width of groups.

Moonshine writes G(4) for 4 groups and G(N/4) for groups of 4 channels, N being the channels that enter the grouped
convolution, so the number of groups of the second grows with the width of the layer.
"""

from cheapconv.models.conv import Conv


class GroupedConv(Conv):
    """Base of dataclasses with the fields `groups` and `group_width`, of which exactly one is given."""

    groups: int | None
    group_width: int | None

    def __post_init__(self) -> None:
        given = [value for value in (self.groups, self.group_width) if value is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of groups and group_width")
        if given[0] < 1:
            raise ValueError(f"groups and group_width must be at least 1, got {given[0]}")

    def groups_of(self, channels: int, what: str = "channels") -> int:
        """Number of groups for a convolution from `channels` to `channels`; ValueError if they do not divide."""
        if self.group_width is not None:
            self.require_divisible(channels, self.group_width, what)
            return channels // self.group_width
        assert self.groups is not None
        self.require_divisible(channels, self.groups, what)
        return self.groups
