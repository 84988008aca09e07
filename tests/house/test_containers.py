"""The containers agree with the product: the same services, the same variables, the same commands."""

from typing import Any

import pytest
import yaml

from finetuning_ui.env import PROJECT, Environment


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_every_part_of_the_product_has_a_container(compose: dict[str, Any]) -> None:
    assert {"postgres", "valkey", "mlflow", "web", "worker", "beat"} <= set(compose["services"])


def test_our_containers_set_only_variables_that_we_read(compose: dict[str, Any]) -> None:
    assert set(compose["x-product"]["environment"]) <= set(Environment.model_fields)


def test_a_container_is_built_for_a_target_that_the_dockerfile_has(compose: dict[str, Any]) -> None:
    dockerfile = (PROJECT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    targets = {service["build"]["target"] for service in compose["services"].values() if "build" in service}
    assert targets == {"web", "engine"}
    assert all(f" AS {target}\n" in dockerfile for target in targets)


def test_whoever_is_waited_for_exists_and_can_be_waited_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert name in services
            if how["condition"] == "service_healthy":
                assert "test" in services[name]["healthcheck"]


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    assert compose["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${")
    assert compose["x-product"]["environment"]["SECRET_KEY"].startswith("${")
