"""The command `prepare`."""

from typing import Annotated

import typer

from cheapconv.engine.run import options


def prepare(
    suite: Annotated[str, typer.Argument(help="Whose images: `imagenet`, or what has its layout of folders.")],
    data: options.Unprepared,
    out: options.Prepared,
    side: Annotated[int, typer.Option(min=32, help="Shorter side to resize to, in pixels.")] = 256,
) -> None:
    """Resize a suite's photographs once, into tar shards that are read faster than files."""
    from cheapconv.engine.run import prepare as preparing

    preparing.prepare(suite, data, side, out)
