"""No Ray, no cluster at an address, what a node has room for."""

import socket
import sys
import threading

import pytest

from cheapconv.catalog.errors import UserError

CONNECTION = "cheapconv.engine.run.cluster.connection"


def test_whoever_has_no_ray_is_told_how_to_get_it(monkeypatch):
    monkeypatch.delitem(sys.modules, CONNECTION, raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it could not be imported
    with pytest.raises(UserError, match=r"--cluster needs Ray \(.*\): pip install 'cheapconv\[ray\]'"):
        __import__(CONNECTION)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001x", "127.0.0.1:port", ":1"])
def test_an_address_that_is_none_is_a_sentence(address):
    pytest.importorskip("ray")
    from cheapconv.engine.run.cluster import connection

    with pytest.raises(UserError, match="give local, auto or the HOST:PORT"), connection.connected(address):
        pass


@pytest.mark.filterwarnings("default")
def test_an_address_at_which_nobody_listens_is_a_sentence():
    pytest.importorskip("ray")
    from cheapconv.engine.run.cluster import connection

    with socket.socket() as taken:  # bound, and listening to nobody
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match=f"no Ray cluster answers at '{address}'"), connection.connected(address):
            pass


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_an_address_at_which_somebody_else_listens_is_a_sentence(greeting):
    """Ray itself would try for minutes."""
    pytest.importorskip("ray")
    from cheapconv.engine.run.cluster import connection

    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            with other.accept()[0] as caller:
                caller.sendall(greeting)

        greeter = threading.Thread(target=greet)
        greeter.start()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(UserError, match=f"^no Ray cluster answers at .{address}"), connection.connected(address):
            pass
        greeter.join()


@pytest.mark.filterwarnings("default")
def test_a_node_takes_what_it_has_room_for():
    pytest.importorskip("ray")
    from cheapconv.engine.run.cluster.connection import Needs

    machine = {"CPU": 8.0, "GPU": 2.0, "memory": 10.0}
    assert Needs(1).fit_in(machine) == 8
    assert Needs(3).fit_in(machine) == 2
    assert Needs(1, gpus=0.5).fit_in(machine) == 4
    assert Needs(1, gpus=0.1).fit_in(machine) == 8
    assert Needs(1, memory=4).fit_in(machine) == 2
    assert Needs(1, gpus=1.0).fit_in({"CPU": 8.0}) == 0


@pytest.mark.filterwarnings("default")
def test_a_cell_of_several_gpus_takes_what_one_node_has():
    pytest.importorskip("ray")
    from cheapconv.engine.run.cluster.connection import Needs

    small, large = {"CPU": 8.0, "GPU": 2.0}, {"CPU": 6.0, "GPU": 4.0}
    assert Needs(1, gpus=0.5).of_several(4, [small, large]) == Needs(4, gpus=4)
    assert Needs(1, gpus=1.0).of_several(8, [small, large]) == Needs(4, gpus=4)
    assert Needs(2, gpus=1.0).of_several(4, [small, large]) == Needs(6, gpus=3)  # for want of CPUs
    assert Needs(1, gpus=1.0).of_several(4, [small]) == Needs(2, gpus=2)
    assert Needs(1, gpus=0.5).of_several(1, [small]) == Needs(1, gpus=0.5)
    assert Needs(1, gpus=1.0).of_several(4, []) == Needs(1, gpus=1.0)  # until a node comes
    assert Needs(3).of_several(4, [large]) == Needs(3)  # which trains on CPUs
