"""docs/methods.md is what the code says, except for the times."""

import pytest

from cheapconv import catalog
from cheapconv.docs import method_costs
from cheapconv.docs import methods as method_docs
from cheapconv.models.build import build_network
from cheapconv.models.size import count_macs


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


def test_a_teacher_costs_a_pass_more_however_the_student_is_grouped():
    """Gradients of weights in groups count as the convolution itself does: with more, a teacher would weigh less."""
    catalog.load()
    table = method_costs.step_page()
    alone, taught = (method_costs.costs(name, table)["macs"] for name in ("scratch", "kd"))
    teacher = build_network(table.teacher, "standard", 10)
    assert taught - alone == table.batch * count_macs(teacher, catalog.parse("suite", table.suite).image)
    assert alone < 3 * table.batch * count_macs(build_network(table.architecture, table.conv, 10), (3, 32, 32))
