"""What OpenVINO's operators take, by its performance counters, which say of each node of what it has made of a network
whether it ran, and how long. Kernels and groups are those of the weights that the node has there."""

from typing import TYPE_CHECKING

from cheapconv.engine.measure.runtimes.base import Job, Precision
from cheapconv.engine.measure.runtimes.operators import BEFORE, RUNS, computed, conv_kind, kind_of, summed
from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    import openvino

CONVOLUTIONS = ("Convolution", "GroupConvolution")
LAYERS = (*CONVOLUTIONS, "FullyConnected", "MatMul")


def operators(compiled: "openvino.CompiledModel", job: Job) -> tuple[Operator, ...]:
    """By kind, of a network that counts."""
    nodes = {node.get_friendly_name(): node for node in compiled.get_runtime_model().get_ordered_ops()}
    request, runs = compiled.create_infer_request(), []
    for _ in range(BEFORE + RUNS):
        request.infer({0: job.images.numpy()})
        ran = [info for info in request.get_profiling_info() if info.status == info.Status.EXECUTED]
        runs.append(
            [(_kind(info, nodes[info.node_name], job.precision), 1000 * info.real_time.total_seconds()) for info in ran]
        )
    return summed(runs[BEFORE:])


def _kind(info: "openvino.ProfilingInfo", node: "openvino.Node", precision: Precision) -> str:
    kind = kind_of(info.node_type)
    if info.node_type in CONVOLUTIONS:
        weight = [*node.input_value(1).get_shape()]  # (C', C, k, k), or (groups, C' / groups, C / groups, k, k)
        grouped = info.node_type == "GroupConvolution"
        kind = conv_kind(weight[-2:], weight[0] if grouped else 1, weight[-3])
    return computed(kind, precision, info.node_type in LAYERS and info.exec_type.endswith("f32"))
