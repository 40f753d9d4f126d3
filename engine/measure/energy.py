"""What a GPU has used since its driver was loaded, by NVML, which counts it from Volta on.

It is asked without a package around its library, which comes with the driver (nvmlDeviceGetTotalEnergyConsumption).
"""

import ctypes
from collections.abc import Callable

import torch

LIBRARY = "libnvidia-ml.so.1"


def meter(device: torch.device) -> Callable[[], float | None]:
    """A function that gives joules; None where nothing tells, as on a CPU."""
    if device.type != "cuda":
        return _silent
    try:
        nvml, handle = ctypes.CDLL(LIBRARY), ctypes.c_void_p()
    except OSError:
        return _silent
    uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}".encode()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByUUID(uuid, ctypes.byref(handle)):
        return _silent

    def joules() -> float | None:
        used = ctypes.c_ulonglong()  # millijoules
        failed = nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(used))
        return None if failed else used.value / 1000

    return joules


def _silent() -> None:
    return None
