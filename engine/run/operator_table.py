"""The operators of a network that was timed, by kind: what each takes, beside the same with standard convolutions."""

from collections.abc import Sequence

from cheapconv import catalog
from cheapconv.engine.run import show
from cheapconv.engine.run.show import Row


def present(body: Row) -> None:
    """The table for people, or a sentence where there is nothing to show."""
    own, usual = body["operators"], body.get("beside_standard", {}).get("operators", ())
    label = catalog.entry("runtime", body["runtime"]).cls.label
    if own:
        show.console.print(f"\noperators of 1 image on 1 thread, by {label}'s own profile", highlight=False)
        show.table("", rows(own, usual), ["operator", "count", "ms", "share", *(["S count", "S ms"] if usual else [])])
    elif body["device"] != "cpu":
        show.console.print("\noperators are profiled on a CPU: give --device cpu.", highlight=False)
    else:
        sentence = f"\nno operators: {label} has no profile of its own, or it failed; name another --runtime."
        show.console.print(sentence, highlight=False)


def rows(own: Sequence[Row], usual: Sequence[Row]) -> list[Row]:
    """A row a kind, the dearest first, then those that only the usual network has; last the sums."""
    ours, theirs = ({operator["kind"]: operator for operator in each} for each in (own, usual))
    sums = [{name: sum(operator[name] for operator in each) for name in ("count", "ms")} for each in (own, usual)]
    whole_ms = sums[0]["ms"]
    kinds = [_row(kind, ours.get(kind), theirs.get(kind), whole_ms) for kind in dict.fromkeys((*ours, *theirs))]
    return [*kinds, _row("all", sums[0], sums[1], whole_ms)]


def _row(kind: str, own: Row | None, usual: Row | None, whole_ms: float) -> Row:
    return {
        "operator": kind,
        "count": own and own["count"],
        "ms": own and f"{own['ms']:.3f}",
        "share": f"{100 * own['ms'] / whole_ms:.0f} %" if own and whole_ms else None,
        "S count": usual and usual["count"],
        "S ms": usual and f"{usual['ms']:.3f}",
    }
