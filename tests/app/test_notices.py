"""What the engine remarks and measures reaches the page and MLflow's names, once."""

from django.test import Client
from django.utils import timezone

from runs.contract.events import Notice, Remark, Sample
from runs.models import Run, User
from runs.models.metric import MetricPoint
from runs.registry.names import point_metrics
from runs.services import mirroring, progress
from tests.app.conftest import text
from tests.fakes import FakeEngine

JUMP = Notice(
    time=timezone.now(),
    step=2,
    remark=Remark.SPIKE,
    message="The loss jumped to 9 at batch 2.",
    advice="Lower the learning rate.",
)


def test_a_remark_is_an_event_with_its_advice_however_often_it_is_said(
    client: Client, owner: User, trained: tuple[Run, FakeEngine]
) -> None:
    run, engine = trained
    for _ in range(2):
        engine.says(JUMP)
        progress.advance(run.pk, run.lease_token)
    (event,) = run.events.filter(type="ADVICE")
    assert event.message == "The loss jumped to 9 at batch 2. Lower the learning rate."
    client.force_login(owner)
    assert event.message in text(client.get(f"/runs/{run.name}/"))


def test_the_page_shows_what_the_machine_does(client: Client, owner: User, trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    last = engine.step(4).model_copy(update={"device_use": 0.83, "mfu": 0.61, "data_wait_share": 0.02, "memory_bytes": 2 << 30})
    engine.says(last)
    progress.advance(run.pk, run.lease_token)
    client.force_login(owner)
    page = text(client.get(f"/runs/{run.name}/"))
    for words in ("83%", "MFU</abbr> 61%", "waits for rows 2", "2.0\xa0GB"):
        assert words in page


def test_mlflow_gets_the_numbers_under_the_originals_names(trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    said = {"batches_per_second": 2.0, "rows_per_second": 8.0, "device_use": 0.5, "mfu": 0.4}
    engine.says(engine.step(4).model_copy(update=said))
    progress.advance(run.pk, run.lease_token)
    point = MetricPoint.objects.filter(run=run).train().latest("step")
    found = {
        metric.key: metric.value
        for metric in point_metrics(
            train=True, step=4, epoch=1, tokens=400, time=point.time, values=point.values, optimizer="lion"
        )
    }
    assert found["loss/train/total"] == found["metrics/train/LanguageCrossEntropy"] == 1.0
    assert found["throughput/batches_per_sec"] == 2.0
    assert found["throughput/samples_per_sec"] == 8.0
    assert found["throughput/device/mfu"] == 0.4
    assert found["throughput/tokens_per_sec"] == found["throughput/device/tokens_per_sec"] == 50.0
    assert found["lr-DecoupledLionW/group0"] == 1e-4
    assert {"time/epoch", "time/batch", "time/token", "time/remaining_estimate"} <= set(found)


def test_answers_become_one_table_in_mlflow(trained: tuple[Run, FakeEngine], monkeypatch: object) -> None:
    run, engine = trained
    tables: list[tuple[str, tuple[str, ...], list[tuple[int, str, str]]]] = []

    class Recorder:
        def log_table(self, _run: str, file: str, columns: tuple[str, ...], rows: list[tuple[int, str, str]]) -> None:
            tables.append((file, columns, rows))

    monkeypatch.setattr("runs.wiring.registry", Recorder)  # type: ignore[attr-defined]
    for step in (0, 2):
        engine.says(Sample(time=timezone.now(), step=step, index=0, prompt="Hello?", answer=f"said at {step}"))
        progress.advance(run.pk, run.lease_token)
        run.refresh_from_db()
        mirroring._mirror_samples(run)
        mirroring._mirror_samples(run)
    assert [(file, columns, len(rows)) for file, columns, rows in tables] == [
        ("generations.json", ("step", "prompt", "generation"), 1),
        ("generations.json", ("step", "prompt", "generation"), 2),
    ]
    assert tables[-1][2] == [(0, "Hello?", "said at 0"), (2, "Hello?", "said at 2")]
