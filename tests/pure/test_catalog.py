"""The shipped catalog: complete, consistent with itself, and with what is known of the original service."""

from datetime import date

import pytest
from pydantic import ValidationError

from runs.catalog.entries import Architecture, ModelEntry, load_licences, load_models
from runs.contract.spec import Hyperparameters, TaskType

MODELS = {entry.name: entry for entry in load_models()}
LICENCES = {entry.key: entry for entry in load_licences()}
OFFERED = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": 8_192,
    "meta-llama/Llama-3.2-1B": 131_072,
    "meta-llama/Llama-3.2-1B-Instruct": 131_072,
    "meta-llama/Llama-3.2-3B": 131_072,
    "meta-llama/Llama-3.2-3B-Instruct": 131_072,
    "meta-llama/Meta-Llama-3.1-8B": 131_072,
    "meta-llama/Meta-Llama-3.1-8B-Instruct": 131_072,
    "meta-llama/Meta-Llama-3.1-70B": 131_072,
    "meta-llama/Meta-Llama-3.1-70B-Instruct": 131_072,
}


def test_the_models_of_the_reference_page_are_on_offer_with_their_context_lengths() -> None:
    assert {name: entry.max_context_length for name, entry in MODELS.items() if entry.retirement is None} == OFFERED


@pytest.mark.parametrize(
    ("name", "gone", "instead"),
    [
        ("mistralai/Mistral-7B-v0.1", date(2025, 4, 30), "meta-llama/Meta-Llama-3.1-8B"),
        ("mistralai/Mistral-7B-Instruct-v0.2", date(2025, 4, 30), "meta-llama/Meta-Llama-3.1-8B-Instruct"),
        ("mistralai/Mixtral-8x7B-v0.1", date(2025, 4, 30), "meta-llama/Meta-Llama-3.1-70B"),
        ("databricks/dbrx-base", date(2025, 4, 30), "meta-llama/Meta-Llama-3.1-70B"),
        ("databricks/dbrx-instruct", date(2025, 4, 30), "meta-llama/Meta-Llama-3.1-70B-Instruct"),
        ("meta-llama/Meta-Llama-3.1-405B", date(2025, 1, 30), "meta-llama/Meta-Llama-3.1-70B"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", date(2025, 1, 7), "meta-llama/Meta-Llama-3.1-8B-Instruct"),
        ("codellama/CodeLlama-34b-hf", date(2025, 1, 7), "meta-llama/Meta-Llama-3.1-70B"),
    ],
)
def test_retirements_have_their_day_and_their_replacement(name: str, gone: date, instead: str) -> None:
    retirement = MODELS[name].retirement
    assert retirement is not None
    assert (retirement.date, retirement.replacement) == (gone, instead)
    assert retirement.reason


def test_a_replacement_is_itself_on_offer() -> None:
    for entry in MODELS.values():
        if entry.retirement:
            assert MODELS[entry.retirement.replacement].retirement is None, entry.name


@pytest.mark.parametrize("entry", MODELS.values(), ids=str)
def test_the_number_of_parameters_follows_from_the_shape(entry: ModelEntry) -> None:
    assert entry.architecture.parameters == entry.parameters


@pytest.mark.parametrize("entry", MODELS.values(), ids=str)
def test_every_model_has_a_licence_and_settings_that_a_run_would_take(entry: ModelEntry) -> None:
    assert entry.licence in LICENCES
    assert Hyperparameters.model_validate(entry.defaults).learning_rate
    assert entry.tasks == tuple(TaskType)


def test_names_are_unique_and_every_licence_is_used() -> None:
    assert len(MODELS) == len(load_models())
    assert {entry.licence for entry in MODELS.values()} == set(LICENCES)


def test_llama_licences_name_their_policy_their_attribution_and_their_prefix() -> None:
    for key, attribution in {"llama-3-2": "Llama 3.2 is licensed", "llama-3-1": "Llama 3.1 is licensed"}.items():
        licence = LICENCES[key]
        assert licence.notice.startswith(f"Built with Llama. {attribution} under the")
        assert licence.name_prefix == "Llama"
        assert "use-policy" in licence.policy_url
        assert any("700 million" in duty for duty in licence.obligations)
    assert LICENCES["databricks-open-model"].version_date == date(2024, 3, 27)


def test_a_mixture_of_experts_computes_with_a_part_of_its_parameters() -> None:
    mixtral = MODELS["mistralai/Mixtral-8x7B-v0.1"].architecture
    assert 12.8e9 < mixtral.active_parameters < 13e9  # published: 12.9 B of 46.7 B
    llama = MODELS["meta-llama/Llama-3.2-1B"].architecture
    assert llama.active_parameters == llama.parameters


@pytest.mark.parametrize("change", [{"layers": 0}, {"hidden": -1}, {"colour": "blue"}])
def test_a_shape_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    shape = {"layers": 2, "hidden": 32, "heads": 4, "kv_heads": 2, "intermediate": 64, "vocab": 400}
    assert Architecture.model_validate(shape).per_head == 8
    with pytest.raises(ValidationError):
        Architecture.model_validate({**shape, **change})


def test_a_default_that_is_no_setting_is_refused() -> None:
    entry = MODELS["meta-llama/Llama-3.2-1B"].model_dump()
    with pytest.raises(ValidationError, match="learning_rat"):
        ModelEntry.model_validate({**entry, "defaults": {"learning_rat": 1e-4}})
