"""The token that a Ray cluster may ask for. Ray presents it by itself to a cluster that it has found on this machine;
at an address that was given it would try for long without one, and say that there is no cluster.
"""

import logging
import os
import subprocess
import sys

from cheapconv.catalog.errors import UserError

PATIENCE_S = 60.0  # on a busy machine, to import Ray
ASKED = 3  # exit code
LOOK = f"""
import sys
try:
    from ray._raylet import GcsClient
    from ray.exceptions import AuthenticationError
except ImportError:  # Ray had no tokens yet
    sys.exit()
try:
    GcsClient(address=sys.argv[1])
except AuthenticationError:
    sys.exit({ASKED})
"""


def present(address: str) -> None:
    """Let Ray present this user's token where the cluster at an address asks for one; a UserError where there is none.

    Not where it asks for none: its processes could not speak to one that expects a token.
    """
    # A process of its own: one that has come without a token does not take one up any more.
    try:
        look = subprocess.run([sys.executable, "-c", LOOK, address], capture_output=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return
    if look.returncode != ASKED:
        return
    if "RAY_AUTH_MODE" in os.environ or not _enabled():
        raise UserError(
            f"the Ray cluster at '{address}' asks for its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what "
            "`ray get-auth-token` prints on the cluster's head."
        )


def _enabled() -> bool:
    """Whether there was a token, which is presented from now on."""
    try:
        from ray._private.authentication import authentication_token_setup as setup

        logging.getLogger(setup.__name__).setLevel(logging.ERROR)  # nor does it say that it does what is expected
        return bool(setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False))
    except (ImportError, AttributeError):  # of a Ray that had tokens, and did not look for one by itself yet
        return False
