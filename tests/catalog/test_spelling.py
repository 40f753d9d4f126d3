"""How registered things are written: names with keywords, notations, spellings of their own."""

from dataclasses import dataclass

import pytest

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError


@pytest.fixture(autouse=True)
def small_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two convs: one with notations, one with a spelling of its own."""
    catalog.load()  # now, or the suite's own would be registered here and lost at the end
    monkeypatch.setattr(entries, "_entries", {})
    forms = {"G({groups})": {}, "G(N/{width})": {}, "G(N)": {"width": 1}, "half {share}": {"groups": 2}}
    catalog.register("conv", "grouped", notation=forms)(Grouped)
    catalog.register("conv", "row")(Row)


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """A conv in groups."""

    groups: int | None = None
    width: int | None = None
    share: float | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of marks, written `row ***`."""

    marks: int

    @staticmethod
    def from_text(text: str) -> dict[str, int] | None:
        head, _, marks = text.partition(" ")
        return {"marks": len(marks)} if head == "row" and set(marks) == {"*"} else None

    def to_text(self) -> str:
        return f"row {'*' * self.marks}"


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("grouped", Grouped()),
        ("grouped(groups=4)", Grouped(groups=4)),
        (" grouped( groups = 4 , share=.5 ) ", Grouped(groups=4, share=0.5)),
        ("grouped(name=resnet34)", Grouped(name="resnet34")),
        ("grouped(name='a b')", Grouped(name="a b")),
        ("G(4)", Grouped(groups=4)),
        ("G( N / 8 )", Grouped(width=8)),
        ("G(N)", Grouped(width=1)),
        ("half 0.25", Grouped(groups=2, share=0.25)),
        ("row ***", Row(marks=3)),
        ("row(marks=3)", Row(marks=3)),
    ],
)
def test_a_text_means_this_thing(text, thing):
    assert catalog.parse("conv", text) == thing
    assert catalog.parse("conv", catalog.canonical(thing)) == thing
    assert catalog.parse("conv", catalog.label("conv", thing)) == thing


@pytest.mark.parametrize(
    ("thing", "canonical", "label"),
    [
        (Grouped(), "grouped", "grouped"),
        (Grouped(groups=4), "grouped(groups=4)", "G(4)"),
        (Grouped(width=1), "grouped(width=1)", "G(N/1)"),
        (Grouped(groups=4, width=2), "grouped(groups=4, width=2)", "grouped(groups=4, width=2)"),
        (Grouped(groups=2, share=0.5), "grouped(groups=2, share=0.5)", "half 0.50"),
        (Grouped(groups=2, share=0.125), "grouped(groups=2, share=0.125)", "half 0.125"),
        (Grouped(groups=2, share=0.00001), "grouped(groups=2, share=1e-05)", "half 0.00001"),
        (Grouped(name="a b"), "grouped(name='a b')", "grouped(name='a b')"),
        (Row(marks=2), "row(marks=2)", "row **"),
    ],
)
def test_a_thing_has_one_text_and_one_label(thing, canonical, label):
    assert catalog.canonical(thing) == canonical
    assert catalog.label("conv", thing) == label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grouped(4)", r"'grouped\(4\)' is no conv: write name\(keyword=number, ...\)"),
        ("grouped(groups=4", "is no conv: write name"),
        ("grouped(groups=4, width=1, groups=2)", "gives groups twice: keep one"),
        ("grouped(**{'groups': 4})", "is no conv: write name"),
        ("grouped(*[4])", "is no conv: write name"),
        ("grouped(groups=4)(width=2)", "is no conv: write name"),
        ("grouped(groups=2*2)", "is no conv: write name"),
        ("grouped(groups=open('x'))", "is no conv: write name"),
        (" grouped(groups=WRN-4-2)", r"WRN-4-2 in ' grouped\(.*\)' stands without quotes: write groups='WRN-4-2'"),
        ("G(-4)", "is no conv: write name"),
        ("grouped(groups={[1]})", "is no conv: write name"),
        ("grouped(groups={[]: 1})", "is no conv: write name"),
        ("grouped(groups=1if 2else 3)", "is no conv: write name"),
        ("(" * 1000, "is no conv: write name"),
        ("grouped(groups=" + "-" * 3000 + "1)", "is no conv: write name"),
        ("grouped(groups=" + "[" * 50 + "]" * 50 + ")", "is no conv: write name"),
        ("G(" + "4" * 5000 + ")", r"'G\(4{58} \.\.\. 444444444\)' is no conv: 5,003 characters are more"),
        ("a\x00b", r"'a\\x00b' is no conv: write name"),
        ("G(04)", "is no conv: write name"),
        ("group", "unknown conv 'group'; did you mean grouped"),
        ("grouped(group=4)", "has no parameter 'group'; did you mean groups"),
    ],
)
def test_what_is_none_is_refused_with_how_to_write_it(text, message):
    with pytest.raises(UserError, match=message):
        catalog.parse("conv", text)
