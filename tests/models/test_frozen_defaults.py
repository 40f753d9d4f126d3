"""The defaults of architectures and convs are frozen with their versions."""

import pytest

from tests.frozen import complaint, frozen, now, own

FILE = "networks.json"
KINDS = ("architecture", "conv")


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in own(kind)])
def test_a_default_changes_with_the_version_alone(kind, name):
    assert complaint(kind, name, frozen(FILE)[kind].get(name), now(kind, name), FILE) is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_frozen_thing_is_registered(kind):
    assert set(frozen(FILE)[kind]) <= set(own(kind))
