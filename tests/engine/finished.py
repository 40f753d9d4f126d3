"""Finished cells that were never trained: what is needed to load their networks and to learn from them."""

from cheapconv.engine.run import record
from cheapconv.engine.store import networks
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.records import Environment, NetworkResult, Result, Sizes
from cheapconv.engine.store.runs import Run, Store
from cheapconv.methods.base import Method, Trained

SIZES = Sizes(params=1, params_with_bn_stats=2, macs=3, flops=6, weights_bytes=4, activation_bytes=5)


def a_result(key: str, *rows: NetworkResult) -> Result:
    """One epoch of one second at half of the test set."""
    return Result(
        key=key,
        epochs=1,
        test_samples=10,
        headline="top1",
        scores={"top1": 0.5},
        best=0.5,
        best_epoch=0,
        networks=rows,
        train_s=1.0,
        steps_s=1.0,
        method_s=0.0,
        train_images_per_s=10.0,
        teacher_train_s=0.0,
    )


def a_network(trained: Trained) -> NetworkResult:
    """The row of a network of which only name and role matter."""
    return NetworkResult(
        name=trained.name,
        role=trained.role,
        headline=trained.headline,
        scores={"top1": 0.5},
        best=0.5,
        best_epoch=0,
        sizes=SIZES,
    )


def finish(store: Store, cell: Cell, method: Method) -> Run:
    """Leave the method's networks behind as those of a finished cell."""
    run = store.run(cell.key)
    run.write_cell(record.described(cell))
    networks.save(run.folder, method, tuple("0123456789"), recipe_of(cell).normalisation)
    run.begin(Environment())
    run.finish(a_result(cell.key, *(a_network(trained) for trained in method.networks())))
    return run
