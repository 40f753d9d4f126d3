"""The page in a real browser."""

from pathlib import Path
from typing import Any

import pytest

from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.page import page
from cheapconv.reports.rows import budgets
from cheapconv.reports.rows.quantities import quantities
from tests.reports.page.many import CONVS, METHODS
from tests.reports.page.tabs import column
from tests.reports.store import Store

# Playwright's own loop and sockets are closed by its garbage collection.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def scores(tab: Any) -> list[float]:
    """Of the rows, from top to bottom."""
    return [float(text.split(" ")[0]) for text in column(tab, "Top-1 %")]


def test_a_heading_sorts_by_numbers(opened: Any) -> None:
    heading = opened.get_by_role("button", name="Top-1 %", exact=True)
    for sign, order in ((1, "ascending"), (-1, "descending")):
        heading.click()
        means = "shownPlaces().map(place => rows[place].mean)"
        opened.wait_for_function(f"{means}.every((mean, i, all) => i === 0 || {sign} * (mean - all[i - 1]) >= 0)")
        assert opened.locator(f".tabulator-col[aria-sort={order}]").count() == 1
        assert scores(opened) == sorted(scores(opened), reverse=sign < 0)


def test_at_first_rows_stand_by_their_means_below_what_they_are_compared_with(opened: Any) -> None:
    """Whatever their intervals of ranks."""
    found = opened.evaluate(
        "shownPlaces().map(place => [rows[place].texts[0] === 'ref', rows[place].rank, rows[place].mean])"
    )
    references = [place for place, (is_reference, _, _) in enumerate(found) if is_reference]
    ranked = [mean for is_reference, rank, mean in found if rank is not None and not is_reference]
    assert references == [*range(len(references))] != []
    assert ranked == sorted(ranked, reverse=True)
    assert len(ranked) > 3


def test_a_filter_and_a_search_leave_the_rows_they_name(opened: Any) -> None:
    opened.fill("#table-search", "G(4) dkd")
    opened.wait_for_function("document.getElementById('table-shown').textContent.startsWith('1 of')")
    assert column(opened, "Method") == ["dkd"]
    opened.click("#table-all")
    opened.locator(".tabulator-header-filter input:visible").first.press_sequentially("shift")
    opened.wait_for_function("document.getElementById('table-shown').textContent.startsWith('9 of')")
    assert {*column(opened, "Conv")} == {"shift"}


def test_columns_are_chosen_and_rows_grouped(opened: Any) -> None:
    opened.click(".columns summary")
    box = opened.get_by_label("Weights (KiB)")
    assert not box.is_checked()
    box.check()
    assert opened.evaluate("table.getColumn(data.columns.find(c => c.title === 'Weights (KiB)').field).isVisible()")
    opened.select_option("#table-group", "method")
    assert opened.locator(".tabulator-group").count() >= 2


def test_what_is_shown_by_default_fits(opened: Any) -> None:
    """On a page of 1,280 pixels no column is cut off, and the heading is not as high as a picture."""
    holder = "document.querySelector('.tabulator-tableholder')"
    assert opened.evaluate(f"{holder}.scrollWidth - {holder}.clientWidth") <= 0
    assert opened.evaluate("document.querySelector('.tabulator-header').offsetHeight") < 110


@pytest.mark.parametrize(
    "field",
    ["macs", "params", "latency_ms", "throughput_images_per_s", "train_s_with_teacher", "train_macs_with_teacher"],
)
def test_a_picture_has_every_row_at_its_true_cost(field: str, opened: Any, content: Content) -> None:
    opened.select_option("#pareto-x", field)
    found = opened.evaluate("document.getElementById('pareto').data[1]")
    [quantity] = [each for each in quantities(content.rows) if each.field == field]
    rows = content.rows[content.rows["comparable"] & content.rows[field].notna()]
    shown = {label: (x, y) for label, x, y in zip(found["customdata"], found["x"], found["y"], strict=True)}
    assert {*shown} == {*rows.index}
    for label, row in rows.iterrows():
        assert shown[label] == pytest.approx((row[field] / quantity.scale, 100 * row["top1_mean"]), rel=1e-5)
    front = opened.evaluate("document.getElementById('pareto').data[0]")
    assert front["x"] == sorted(front["x"], reverse=quantity.more_is_better)


@pytest.mark.parametrize(
    ("field", "limit"), [("macs", 25), ("macs", 45), ("latency_ms", 12), ("params", 1e9), ("macs", 0.001)]
)
def test_a_budget_names_the_best_row_and_its_ties(field: str, limit: float, opened: Any, content: Content) -> None:
    """As Python says it."""
    opened.select_option("#budget-quantity", field)
    opened.fill("#budget-value", str(limit))
    hashes = opened.eval_on_selector_all("#budget-answer a", "all => all.map(a => decodeURIComponent(a.hash))")
    links = [text.removeprefix("#row=") for text in hashes if text.startswith("#row=")]
    known = quantities(content.rows)
    [quantity] = [each for each in known if each.field == field]
    rows = content.rows[content.rows["comparable"] & (content.rows[field] <= limit * quantity.scale)]
    if rows.empty:
        assert "No row that can be compared meets it" in opened.inner_text("#budget-answer")
        return
    best = rows["top1_mean"].idxmax()
    ties = [label for label in budgets.fronts(content.rows, known).tied[best] if label in rows.index]
    assert links == [content.rows.loc[label, "id"] for label in [best, *ties]][: len(links)]


def drawn(tab: Any, name: str) -> None:
    """Go to a picture, which is drawn then."""
    tab.locator(f"#{name}").scroll_into_view_if_needed()
    tab.wait_for_function(f"() => document.getElementById('{name}').data")


def test_curves_run_along_what_was_computed(opened: Any, content: Content) -> None:
    """From the end of its teacher's training to that of its own; what was not counted is not there."""
    drawn(opened, "curves")
    opened.select_option("#curves-of", "WRN-16-2 G(4)")
    assert len(opened.evaluate("document.getElementById('curves').data")) == len(METHODS)
    opened.select_option("#curves-x", "macs")
    [line] = opened.evaluate("document.getElementById('curves').data")
    images = 2 * 500 * 5
    own, taught = 2_000_000 * images / 1e12, 3_000_000 * images / 1e12
    assert line["name"] == "WRN-16-2 G(4) + kd"
    assert line["x"] == pytest.approx([taught + own / 2, taught + own])


@pytest.mark.parametrize("conv", ["S", "G(4)"])
def test_that_nothing_can_be_compared_is_said_where_it_is_so(conv: str, browser: Any, tmp_path: Path) -> None:
    """Before anybody scrolls there: of the standard network alone nothing is lost."""
    store = Store(tmp_path / "runs")
    for each in dict.fromkeys(("S", conv)):
        store.seeds(each, "scratch", [0.9, 0.901])
    page.write(build(store.plan(), "quick"), tmp_path / "out", tmp_path / "out" / "assets")
    tab = browser.new_page()
    tab.goto((tmp_path / "out" / "index.html").as_uri())
    tab.wait_for_function("document.getElementById('table-shown').textContent !== ''")
    assert tab.locator("#attribution-none").is_hidden() is (conv != "S")
    tab.close()


def test_many_methods_are_told_apart_by_choosing(opened: Any) -> None:
    """Ten methods, eight colours: by default another meaning; of methods, those that are chosen have colours."""
    assert opened.input_value("#meaning") == "kind"
    drawn(opened, "pareto")
    opened.select_option("#meaning", "method")
    colours = "distinct(document.getElementById('pareto').data[1].marker.color)"
    assert len(opened.evaluate(colours)) == 1
    opened.locator("#chips button", has_text="dkd").click()
    assert len(opened.evaluate(colours)) == 2
    assert opened.evaluate(
        "document.getElementById('pareto').data[1].marker.opacity.filter(o => o > 0.5).length"
    ) == len(CONVS)


def test_the_theme_changes_the_page_and_its_pictures(opened: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "document.getElementById('pareto').layout.font.color"
    drawn(opened, "pareto")
    opened.click("#theme")
    light = opened.evaluate(ground), opened.evaluate(ink)
    opened.click("#theme")
    dark = opened.evaluate(ground), opened.evaluate(ink)
    assert opened.inner_text("#theme") == "Theme: dark"
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_a_row_is_opened_by_the_keyboard_alone_and_has_a_link(opened: Any) -> None:
    links = "[...document.querySelectorAll('#results a')].filter(link => link.textContent === 'dkd')"
    held = "window.held = document.activeElement === link ? (window.held ?? 0) + 1 : (link.focus(), 0)"
    opened.wait_for_function(f"() => {{ const link = {links}[0]; {held}; return window.held > 20; }}")  # it stays
    opened.keyboard.press("Enter")
    opened.wait_for_selector("dialog[open]")
    assert "row=WRN-16-2" in opened.url
    assert opened.locator("#details .plain tbody tr").count() == 2
    assert "seed 0" in opened.inner_text("#details-curve")
    opened.keyboard.press("Escape")
    opened.wait_for_selector("dialog:not([open])", state="attached")
    assert "row=" not in opened.url


def test_a_link_to_a_row_opens_it(browser: Any, address: str) -> None:
    tab = browser.new_page()
    tab.goto(f"{address}#row=WRN-16-2%2FG(4)%2Fonline")
    tab.wait_for_selector("dialog[open]")
    assert tab.inner_text("#details-title") == "WRN-16-2 G(4) + online"
    assert "ensemble (ensemble)" in tab.inner_text("#details-body")
    tab.close()


@pytest.mark.parametrize("end", ["#row=nothing", "#row=%E0%A4%A", "#rows=,,", "#answers"])
def test_a_link_to_nothing_does_nothing(end: str, opened: Any, address: str) -> None:
    opened.goto(address + end)
    assert opened.locator("dialog[open]").count() == 0


def test_names_are_text(opened: Any) -> None:
    assert opened.locator("img").count() == 0
    assert opened.locator("text=<b>boom</b>").count() >= 1
    copied = opened.evaluate('shownText(",", inCsv)')
    assert "\n\"'" not in copied.split("\n")[0]
    assert '"\'=cmd()"' in copied


def test_many_methods_of_few_convs_grow_down_the_page(opened: Any) -> None:
    """Nine methods and the hostile one of seven convs stand side by side; of one conv more than twelve are rows."""
    count = "matrixOf('WRN-16-2', METRICS.score).querySelectorAll('thead th').length"
    assert opened.evaluate(count) == len(METHODS) + 1
    opened.evaluate("rows.splice(0, Infinity, ...[...'abcdefghijklm'].map(method => ({...rows[1], method})))")
    assert opened.evaluate(count) == 1


def test_nothing_is_wider_than_a_telephone(opened: Any) -> None:
    opened.set_viewport_size({"width": 390, "height": 800})
    opened.reload()
    opened.wait_for_selector("#results .tabulator-row")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


def test_printed_nothing_is_cut_off(opened: Any, tmp_path: Path) -> None:
    """A4 across without its margins is 273 mm, 1,032 pixels."""
    opened.set_viewport_size({"width": 1032, "height": 700})
    opened.emulate_media(media="print")
    opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    opened.wait_for_function("pictures().every(each => each.querySelector('.main-svg').clientWidth <= PAPER)")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 1032
    assert opened.locator(".tabulator-print-table tbody tr").count() >= len(CONVS) * len(METHODS)
    opened.evaluate("window.dispatchEvent(new Event('afterprint'))")
    opened.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").stat().st_size > 20_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(theme: str, opened: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    opened.evaluate(f"setTheme('{theme}')")
    found = axe.Axe().run(opened, options={"preload": False})
    assert found.violations_count == 0, found.generate_report()
    opened.goto(opened.url + "#row=WRN-16-2%2FG(4)%2Fdkd")
    opened.wait_for_selector("dialog[open]")
    found = axe.Axe().run(opened, options={"preload": False})
    assert found.violations_count == 0, found.generate_report()
