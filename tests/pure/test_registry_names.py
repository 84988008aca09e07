"""The engine's values under the names that MLflow users of the original service know."""

from datetime import UTC, datetime
from typing import Any

from runs.registry.names import point_metrics

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def named(*, train: bool = True, optimizer: str = "adamw", **values: Any) -> dict[str, float]:
    points = point_metrics(train=train, step=7, epoch=0.5, tokens=900, time=NOON, values=values, optimizer=optimizer)
    assert {(point.step, point.timestamp_ms) for point in points} <= {(7, 1_777_636_800_000)}
    return {point.key: point.value for point in points}


def test_a_step_has_the_original_names() -> None:
    names = named(loss=1.0, learning_rate=1e-4, tokens_per_second=160.0, gradient_norm=2.0, rows=56)
    assert names["loss/train/total"] == names["metrics/train/LanguageCrossEntropy"] == 1.0
    assert round(names["metrics/train/LanguagePerplexity"], 3) == 2.718
    assert names["lr-AdamW/group0"] == 1e-4
    assert names["throughput/tokens_per_sec"] == 160.0
    assert (names["time/epoch"], names["time/batch"], names["time/sample"], names["time/token"]) == (0.5, 7, 56, 900)


def test_the_learning_rate_is_named_after_the_optimizer() -> None:
    assert "lr-DecoupledLionW/group0" in named(learning_rate=1e-5, optimizer="lion")


def test_an_evaluation_has_its_three_scores_and_no_clock() -> None:
    assert named(train=False, loss=2.0, perplexity=7.4, token_accuracy=0.5) == {
        "metrics/eval/LanguageCrossEntropy": 2.0,
        "metrics/eval/LanguagePerplexity": 7.4,
        "metrics/eval/TokenAccuracy": 0.5,
    }


def test_what_is_missing_unknown_or_no_number_is_left_out() -> None:
    names = named(loss=None, seconds_left=None, colour="blue", gradient_norm="much")
    assert set(names) == {"time/epoch", "time/batch", "time/token"}


def test_a_loss_beyond_all_measure_does_not_overflow() -> None:
    names = named(loss=5_000.0)
    assert names["metrics/train/LanguagePerplexity"] > 1e300
    assert names["loss/train/total"] == 5_000.0
    assert str(named(gradient_norm="NaN")["l2_norm/grad/global"]) == "nan"


def test_the_token_accuracy_of_training_has_the_originals_name() -> None:
    assert named(loss=1.0, token_accuracy=0.5)["metrics/train/TokenAccuracy"] == 0.5
    assert "metrics/train/TokenAccuracy" not in named(loss=1.0, token_accuracy=None), "an engine of yesterday did not say it"
