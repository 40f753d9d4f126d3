"""What a cell was trained on, in words."""

from cheapconv.catalog.errors import plural
from cheapconv.engine.store.records import Environment

PLUGIN = "plugin "  # so begin the names of a user's modules among the versions of an environment


def hardware(environment: Environment) -> str:
    """What decides how long a training takes: `AMD EPYC (cpu, 2 CPU threads)`."""
    driver = f", driver {environment.driver}" if environment.driver else ""
    compiled = ", torch.compile" if environment.compile else ""
    threads = plural(environment.threads, "CPU thread")
    together = f"{environment.processes} x " if environment.processes > 1 else ""
    kind = environment.device.partition(":")[0]  # which of a machine's GPUs it was changes no seconds
    return f"{together}{environment.device_name} ({kind}, {threads}{driver}{compiled})"


def commit(environment: Environment) -> str:
    """`dca07d99a94d`, or `dca07d99a94d with uncommitted changes`."""
    return f"{(environment.git_sha or 'unknown')[:12]}{' with uncommitted changes' if environment.git_dirty else ''}"


def software(environment: Environment) -> str:
    """`python 3.12.3, torch 2.12.0`: of libraries; the code of plugins is told row by row (reports/answers/code.py)."""
    known = {name: version for name, version in environment.versions.items() if not name.startswith(PLUGIN)}
    return ", ".join(f"{name} {version}" for name, version in known.items())
