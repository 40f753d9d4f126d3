"""Whatever a spelling is made of, it names something, in one text of its own, or is refused in a sentence."""

import time
from random import Random

import pytest

from cheapconv import catalog
from cheapconv.catalog.entries import registered
from cheapconv.catalog.errors import UserError
from cheapconv.catalog.printable import printable
from tests.engine.odd import NUMBERS, TOKENS, VALUES

LIMIT_S, LONGEST = 10.0, 2000
CALLS = (
    *(
        "{0}()",
        "{0}({0})",
        "({0})",
        "{0}, {0}",
        "{0} # x",
        "*{0}",
        "**{0}",
        "{0}[0]",
        "lambda: {0}",
        "{0} if {0} else 1",
    ),
    *("{0}.x", "-{0}", "{0} * 3", "[{0}]", "f'{{{0}}}'", "({0} := 1)", "await {0}", "{0} {0}", "'{0}'", "{0};{0}"),
    "mixed({0})",
)
ARGUMENTS = (
    *("{0}={1}, {0}={1}", "{1}", "*{1}", "**{{'{0}': {1}}}", "{0}={0}", "{0}=[{1}]", "{0}={{{1}: {1}}}", "{0}=({1},)"),
    *("{0}={1}, x={1}", "{0}=...", "{0}=-{1}", "{0}='{1}'", "{0}=b'1'", "{0}={1}j", "{0}=f''", "{0}={1} if 1 else 2"),
    *("{0}=(y:=1)", "{0}=lambda: {1}"),
)


def spelled(kind: str, random: Random) -> str:
    """A text that names a registered thing, most often with what may stand in its parameters."""
    thing = random.choice([thing for thing in registered(kind) if not {"name", "path"} & {*thing.defaults}])
    if thing.notation and random.random() < 0.3:
        form = random.choice([*thing.notation])
        return form.format(**{field: random.choice(NUMBERS) for field in thing.defaults})
    given = {name: random.choice(NUMBERS) if value is ... else value for name, value in thing.defaults.items()}
    parts = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    if parts and random.random() < 0.5:
        name = random.choice([*given])
        parts[random.randrange(len(parts))] = random.choice(ARGUMENTS).format(name, random.choice(NUMBERS))
    return f"{thing.name}({', '.join(parts)})"


def mutated(kind: str, random: Random) -> str:
    """Such a text with something wrong, more often than not."""
    text = spelled(kind, random)
    if random.random() < 0.25:
        text = random.choice(CALLS).format(text)
    for _ in range(random.choice([0, 0, 1, 1, 2, 5])):
        start = random.randrange(len(text) + 1)
        end = start + random.choice([0, 1, 1, 3, 20])
        token = random.choice(TOKENS).decode("utf-8", "surrogateescape")
        other = random.choice([value for value in VALUES if isinstance(value, str)])
        middle = random.choice(["", token, token, chr(random.randrange(1, 0x3000)), text[start:end] * 2, other])
        text = text[:start] + middle + text[end:]
    return text


def refusal(kind: str, text: str) -> str | None:
    """What the catalog says against a text; None of one that names something, which has one text for it."""
    try:
        thing = catalog.parse(kind, text)
    except UserError as error:
        return str(error)
    if kind == "method":  # a registry gives its settings as keys with values
        return None
    own = catalog.canonical(thing)
    assert catalog.parse(kind, own) == thing, own
    assert catalog.canonical(catalog.parse(kind, own)) == own
    assert catalog.label(kind, thing)
    return None


@pytest.mark.parametrize(
    "seeds",
    [range(300), *(pytest.param(range(i, i + 1000), marks=pytest.mark.slow) for i in range(1000, 6000, 1000))],
    ids=str,
)
def test_a_spelling_made_wrong_is_told_in_a_sentence(seeds: range) -> None:
    catalog.load()
    for seed in seeds:
        random = Random(seed)
        kind = random.choice(["architecture", "architecture", "conv", "conv", "method", "suite"])
        text, begun = mutated(kind, random), time.thread_time()
        try:
            said = refusal(kind, text)
        except Exception as error:
            error.add_note(f"seed {seed}: {kind} {text!r}")
            raise
        assert time.thread_time() - begun < LIMIT_S, (seed, text)
        assert said is None or (0 < len(said) < LONGEST and said == printable(said)), (seed, text, said)
