"""Every method starts from the same students: what a method adds must not move their initial weights."""

import pytest
import torch
from torch import nn

from tests.methods.world import World


def first_student(world: World, name: str, **cell: object) -> nn.Module:
    return world.method(name, **cell).networks()[0].network


def same(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks have equal weights."""
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize(
    ("name", "settings"),
    [("kd", {}), ("at", {}), ("od", {"students": 1}), ("od", {"students": 3}), ("od", {"od_head": "plain"})],
)
def test_the_first_student_is_the_one_trained_alone(world: World, name: str, settings: dict) -> None:
    torch.manual_seed(123)  # whatever was drawn before
    assert same(first_student(world, name, **settings), first_student(world, "scratch"))


def test_the_conv_s_student_is_the_same_too(world: World) -> None:
    assert same(first_student(world, "od", conv="group(groups=4)"), first_student(world, "kd", conv="group(groups=4)"))


def test_students_differ_from_each_other(world: World) -> None:
    students = list(world.method("od").students)
    assert not any(same(a, b) for i, a in enumerate(students) for b in students[:i])


def test_another_head_or_number_of_students_leaves_each_student_as_it_was(world: World) -> None:
    few, many = world.method("od", students=2), world.method("od", students=4, od_head="plain")
    assert all(same(a, b) for a, b in zip(few.students, many.students, strict=False))


def test_seeds_differ(world: World) -> None:
    assert not same(first_student(world, "scratch", seed=0), first_student(world, "scratch", seed=1))


def test_the_method_s_own_modules_have_their_own_seed(world: World) -> None:
    first, again, other = (world.method("od", seed=seed).teacher for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)
