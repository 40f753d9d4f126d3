"""One cell's difference to its run, sent in as few requests as the server's limits allow."""

import math
from typing import TYPE_CHECKING

from cheapconv.engine.track.attempt import Attempt, same
from cheapconv.engine.track.redact import reason
from cheapconv.engine.track.tracked import CellRefusedError, Tracked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric, Run

# The most that one request may hold is 100 params, 100 tags, and 1000 of everything.
MOST_PARAMS, MOST_TAGS, MOST_METRICS = 100, 100, 800
DIGEST_LENGTH = 36  # MLflow's limit, characters


def send(client: "MlflowClient", attempt: Attempt, cell: Tracked, parent: str) -> int:
    """Send what the attempt's run lacks; the number of values sent."""
    from mlflow.entities import Metric

    run = attempt.run
    metrics = [Metric(*point) for point in attempt.missing] + finals(client, run, cell)
    kept = {"mlflow.note.content": cell.note, "attempt": "1", "latest_attempt": "true"}  # or what somebody wrote
    tags = cell.tags | {"mlflow.parentRunId": parent} | {k: v for k, v in kept.items() if k not in run.data.tags}
    sent = log(client, run, cell.params, tags, metrics)
    if not run.inputs.dataset_inputs:
        client.log_inputs(run.info.run_id, [dataset(cell.cell.suite, cell.cell.protocol, cell.cell.data)])
    restated = cell.status != run.info.status
    if restated and cell.status == "RUNNING":  # again, after a resumption
        client.update_run(run.info.run_id, status="RUNNING")
    elif restated:
        client.set_terminated(run.info.run_id, status=cell.status, end_time=cell.end_ms)
    return sent + restated


def finals(client: "MlflowClient", run: "Run", cell: Tracked) -> list["Metric"]:
    """The finished cell's numbers at step 0; one that has been measured again stands at the step after its last."""
    from mlflow.entities import Metric

    found = []
    for name, value in cell.final.items():
        held = run.data.metrics.get(name)
        if held is not None and same(value, held):
            continue
        before = client.get_metric_history(run.info.run_id, name) if held is not None else []
        found.append(Metric(name, value, cell.end_ms, max((point.step for point in before), default=-1) + 1))
    return found


def log(
    client: "MlflowClient", run: "Run", all_params: dict[str, str], all_tags: dict[str, str], metrics: list["Metric"]
) -> int:
    """Log the metrics and those params and tags that the run lacks; the number of values logged."""
    from mlflow.entities import Param, RunTag
    from mlflow.exceptions import MlflowException

    params = [Param(name, value) for name, value in all_params.items() if name not in run.data.params]
    tags = [RunTag(name, value) for name, value in all_tags.items() if run.data.tags.get(name, "") != value]
    requests = math.ceil(max(len(metrics) / MOST_METRICS, len(params) / MOST_PARAMS, len(tags) / MOST_TAGS))
    for i in range(requests):
        some_metrics = metrics[i * MOST_METRICS : (i + 1) * MOST_METRICS]
        some_params = params[i * MOST_PARAMS : (i + 1) * MOST_PARAMS]
        some_tags = tags[i * MOST_TAGS : (i + 1) * MOST_TAGS]
        try:
            client.log_batch(
                run.info.run_id, metrics=some_metrics, params=some_params, tags=some_tags, synchronous=True
            )
        except MlflowException as error:
            if error.get_http_status_code() != 400:
                raise
            raise CellRefusedError(reason(error, client.tracking_uri)) from error
    return len(metrics) + len(params) + len(tags)


def dataset(suite: str, protocol: int, fingerprint: str) -> "DatasetInput":
    """The suite's data as an input of a run: which data it was, not the data."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = CodeDatasetSource({"suite": suite, "protocol": str(protocol), "fingerprint": fingerprint})
    described = MetaDataset(source, name=suite, digest=fingerprint[:DIGEST_LENGTH]).to_dict()
    values = {field: described[field] for field in ("name", "digest", "source_type", "source")}
    return DatasetInput(Dataset(**values), [InputTag("mlflow.data.context", "training")])
