"""The view in the address of a page, in a real browser."""

from typing import Any

import pytest

from tests.reports.page.tabs import SETTLED, column

# Playwright's own loop and sockets are closed by its garbage collection.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def test_a_view_is_in_the_address(opened: Any, browser: Any) -> None:
    """Nothing of it at first; whoever opens the address of a changed page sees what was shown there."""
    assert "?" not in opened.url
    opened.select_option("#budget-quantity", "params")
    opened.fill("#budget-value", "0.3")
    opened.select_option("#pareto-x", "latency_ms")
    opened.select_option("#meaning", "method")
    opened.locator("#chips button", has_text="dkd").click()
    opened.click(".columns summary")
    opened.get_by_label("Weights (KiB)").check()
    opened.get_by_role("button", name="Top-1 %", exact=True).click()
    opened.fill("#table-search", "dkd")
    opened.locator(".tabulator-header-filter input:visible").first.press_sequentially("G(")
    opened.wait_for_function("location.search.includes('filter=')")
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(opened.url)
    tab.wait_for_function(SETTLED)
    view = "JSON.stringify([[...nowOf()], shownPlaces(), document.getElementById('budget-answer').innerText])"
    assert tab.evaluate(view) == opened.evaluate(view)
    assert tab.evaluate("location.search") == opened.evaluate("location.search")
    assert {*column(tab, "Method")} == {"dkd"}
    assert "Weights (KiB)" in tab.evaluate("new URLSearchParams(location.search).get('columns')")  # by its heading
    tab.close()


def test_a_budget_is_kept_whatever_the_page_began_with(opened: Any) -> None:
    began = opened.input_value("#budget-value")
    opened.select_option("#budget-quantity", "params")
    opened.fill("#budget-value", began)
    opened.wait_for_function(f"new URLSearchParams(location.search).get('budget-value') === '{began}'")
    opened.reload()
    opened.wait_for_function(SETTLED)
    assert opened.input_value("#budget-value") == began


def test_no_order_is_an_order_and_others_parameters_are_theirs(opened: Any, address: str) -> None:
    opened.goto(f"{address}?token=secret")
    opened.wait_for_function(SETTLED)
    opened.get_by_role("button", name="Rank", exact=True).click()
    opened.get_by_role("button", name="Rank", exact=True).click()
    opened.wait_for_function("location.search === '?token=secret&sort=%5B%5D'")
    rows = opened.evaluate("shownPlaces()")
    opened.reload()
    opened.wait_for_function(SETTLED)
    assert opened.evaluate("shownPlaces()") == rows


def test_rows_that_a_link_shows_replace_a_search(opened: Any) -> None:
    opened.fill("#table-search", "dkd")
    opened.wait_for_function("location.search === '?table-search=dkd'")
    opened.evaluate("location.hash = linkAll([0, 1])")
    opened.wait_for_function("document.getElementById('table-shown').textContent.startsWith('2 of')")
    opened.wait_for_function("location.search === '' && location.hash.startsWith('#rows=')")
    opened.locator(".tabulator-header-filter input:visible").first.press_sequentially("shift")
    opened.wait_for_function("location.search.includes('shift')")
    opened.evaluate("location.hash = linkAll([2, 3])")
    opened.wait_for_function("document.getElementById('table-shown').textContent.startsWith('2 of')")
    opened.fill("#table-search", "dkd")
    opened.wait_for_function("location.search === '?table-search=dkd' && location.hash === ''")


@pytest.mark.parametrize(
    "asked",
    [
        "?pareto-x=nothing&budget-value=x",
        "?sort=[[1,2],null]&filter=5&columns={&chosen=[[]]",
        '?sort=[["nothing","asc"]]&filter=[["nothing","x"],["Params","x"]]&chosen=["nothing"]',
        "?sort=null&filter=null&columns=null&chosen=null",
    ],
)
def test_a_view_of_nothing_is_the_page_as_it_is(asked: str, opened: Any, address: str) -> None:
    rows, cost = opened.evaluate("shownPlaces()"), opened.input_value("#pareto-x")
    opened.goto(address + asked)
    opened.wait_for_function(SETTLED)
    assert [opened.evaluate("shownPlaces()"), opened.input_value("#pareto-x")] == [rows, cost]
