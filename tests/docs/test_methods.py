"""docs/methods.md is what the code says, except for the times."""

import pytest

from cheapconv import catalog
from cheapconv.docs import method_costs
from cheapconv.docs import methods as method_docs


@pytest.mark.slow
def test_the_page_is_in_step_with_the_code():
    page = method_docs.PATH.read_text(encoding="utf-8")
    machine, times = method_docs.measured(page)
    assert page == method_docs.render(method_costs.step_page(), machine, times), "run make docs"


def test_every_method_of_the_page_has_its_words_its_section_and_its_time():
    catalog.load()
    page = method_docs.PATH.read_text(encoding="utf-8")
    machine, times = method_docs.measured(page)
    assert set(method_costs.step_page().use) == set(times) <= set(method_docs.names())
    assert machine.startswith("Times: ")
    assert all(float(ratio) > 0 for ratio in times.values())
    for name in times:
        assert f"\n## {name}\n" in page
        assert catalog.entry("method", name).summary in page


def test_a_step_of_the_reference_costs_one_and_online_students_cost_one_each():
    catalog.load()
    table = method_costs.step_page()
    alone = method_costs.costs("scratch", table)["macs"]
    together = method_costs.costs("ind", table)["macs"]  # four students
    assert together == 4 * alone
