"""A place: threads and random numbers are lent to the process and taken back, whatever happens."""

import warnings

import pytest
import torch

from cheapconv.suites.place import Place, Randomness, moved, seed_of

CPU = torch.device("cpu")


def drawn(seed: int, count: int) -> list[float]:
    """What a process draws after `torch.manual_seed`, both of the generator's kinds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return draw(count)


def draw(count: int) -> list[float]:
    """The next numbers of the process."""
    return [torch.randn(()).item() if i % 2 else torch.rand(()).item() for i in range(count)]


def test_it_draws_what_a_process_of_its_own_would_and_goes_on_where_it_was():
    place, mine = Place(CPU), Randomness(CPU, seed=7)
    found = []
    for _ in range(3):
        with place.in_use(mine):
            found += draw(2)
        torch.rand(5)  # somebody else's
    assert found == drawn(7, 6)


def test_two_that_take_turns_do_not_see_one_another():
    place, a, b = Place(CPU), Randomness(CPU, seed=1), Randomness(CPU, seed=2)
    found: dict[str, list[float]] = {"a": [], "b": []}
    for name in "aabbabab":
        with place.in_use({"a": a, "b": b}[name]):
            found[name] += draw(2)
    assert found == {"a": drawn(1, 8), "b": drawn(2, 8)}


@pytest.mark.parametrize("fails", [False, True])
def test_the_process_is_as_it_was_afterwards(fails):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    try:
        with Place(CPU, threads=threads + 1).in_use(Randomness(CPU, seed=3)):
            assert torch.get_num_threads() == threads + 1
            torch.rand(9)
            if fails:
                raise ArithmeticError
    except ArithmeticError:
        assert fails
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)


def test_without_numbers_of_its_own_it_lends_threads_only():
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    with Place(CPU, threads=threads + 1).in_use():
        assert torch.get_num_threads() == threads + 1
        torch.rand(1)
    assert torch.get_num_threads() == threads
    assert not torch.equal(torch.get_rng_state(), before)


def test_a_state_goes_on_elsewhere():
    place, first = Place(CPU), Randomness(CPU, seed=7)
    with place.in_use(first):
        draw(2)
    second = Randomness(CPU, seed=0)
    second.load_state_dict(first.state_dict())
    with place.in_use(second):
        assert draw(4) == drawn(7, 6)[2:]


def test_without_a_seed_it_is_the_process_s():
    expected = torch.get_rng_state()
    assert torch.equal(Randomness(CPU).cpu, expected)


def test_a_tensor_that_is_there_is_not_moved():
    x = torch.ones(2)
    assert moved(x, CPU) is x


@pytest.mark.gpu
def test_a_tensor_is_moved_to_a_gpu_without_a_wait():
    x = torch.arange(1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the mode itself
        torch.cuda.set_sync_debug_mode("error")
        try:
            found = moved(x, torch.device("cuda", 0))
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(found.cpu(), x)


@pytest.mark.gpu
def test_a_gpu_has_numbers_of_its_own():
    device = torch.device("cuda", 0)
    place, a, b = Place(device), Randomness(device, seed=1), Randomness(device, seed=2)
    before = torch.cuda.get_rng_state(device)
    found: dict[str, list[float]] = {"a": [], "b": []}
    for name in "abab":
        with place.in_use({"a": a, "b": b}[name]):
            found[name].append(torch.rand((), device=device).item())
    assert torch.equal(torch.cuda.get_rng_state(device), before)
    for name, seed in (("a", 1), ("b", 2)):
        generator = torch.Generator(device).manual_seed(seed)
        assert found[name] == [torch.rand((), device=device, generator=generator).item() for _ in range(2)]


def test_a_seed_depends_on_every_part_and_on_nothing_else():
    seeds = [seed_of("a", 0, 0), seed_of("a", 0, 1), seed_of("a", 1, 0), seed_of("b", 0, 0), seed_of("a", 0)]
    assert len(set(seeds)) == 5
    assert seed_of("batches", 0, 0) == 912725261020512516  # another would change every result
    assert all(0 <= seed < 2**63 for seed in seeds)
