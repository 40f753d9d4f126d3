"""Writes the generated pages and the schema: `make docs`, or with timings of this machine `make docs MEASURE=1`.

Without `--measure` what a method's step costs stays as it is in its page, and only what follows from the code is new.
What convs cost in time is the atlas's: `cheapconv atlas`.
"""

import sys

from cheapconv.docs import conv_costs, method_costs, methods, networks, readme, reproduction
from cheapconv.engine.read import schema


def main() -> None:
    """Write all of them."""
    measure = "--measure" in sys.argv[1:]
    schema.write()
    methods.write(method_costs.step_page(), keep_timings=not measure)
    networks.write(conv_costs.conv_page())
    readme.write()
    reproduction.write()


if __name__ == "__main__":
    main()
