"""The OpenAPI document is the committed one, says what the operations do, and is shown as a page."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from jsonschema import Draft202012Validator

from runs.api.native.examples import ANSWERS, BODIES
from runs.api.native.links import LINKS
from runs.api.native.openapi import CODES, document
from runs.contract.request import RunRequest
from runs.models import User
from runs.services import refused
from tests.app.conftest import caller

COMMITTED = Path(settings.BASE_DIR, "docs", "openapi.json")


def test_the_committed_document_is_what_the_code_says() -> None:
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(document())), (
        "run `manage.py openapi > docs/openapi.json`"
    )


def test_it_is_openapi_3_1_and_every_operation_has_a_name_and_a_problem() -> None:
    made = document()
    operations = [operation for methods in made["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert made["openapi"].startswith("3.1")
    assert len(operations) >= 24
    assert len(names) == len(set(names))
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert {"token": []} in operation["security"]


def test_every_reference_leads_somewhere() -> None:
    made = document()
    for reference in _references(made):
        target: object = made
        for part in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            assert part in target, reference
            target = target[part]


@pytest.mark.parametrize("name", [*BODIES, *ANSWERS])
def test_every_example_is_what_its_schema_says(name: str) -> None:
    made = document()
    schema = {"$ref": f"#/components/schemas/{name}", "components": made["components"]}
    (example,) = made["components"]["schemas"][name]["examples"]
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(example)


def test_every_body_that_comes_in_has_an_example() -> None:
    made = document()
    operations = [operation for methods in made["paths"].values() for operation in methods.values()]
    contents = [operation.get("requestBody", {}).get("content", {}).get("application/json") for operation in operations]
    shapes = {content["schema"]["$ref"].rpartition("/")[2] for content in contents if content}
    assert shapes
    assert [name for name in shapes if "examples" not in made["components"]["schemas"][name]] == []


def test_links_lead_to_operations_that_take_what_they_hand_on() -> None:
    operations = {
        operation["operationId"]: operation for methods in document()["paths"].values() for operation in methods.values()
    }
    assert LINKS.keys() <= operations.keys()
    for leads in LINKS.values():
        for parameters, targets in leads:
            for target in targets:
                assert parameters.keys() <= {parameter["name"] for parameter in operations[target]["parameters"]}


def _references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def test_a_runs_settings_are_derived_from_the_one_place_that_declares_them() -> None:
    schema = document()["components"]["schemas"]["RunRequest"]
    assert set(schema["properties"]) == set(RunRequest.model_fields)
    assert set(schema["required"]) == {"model", "train_data_path", "register_to"}
    assert schema["properties"]["batch_size"]["maximum"] == 65_536
    assert schema["additionalProperties"] is False


def test_the_document_is_served_to_those_who_are_logged_in(client: Client, owner: User) -> None:
    assert client.get("/api/v1/openapi.json").status_code == 401
    assert caller(owner)("GET", "openapi.json").json()["info"]["title"] == "Finetuning UI"


def test_the_page_shows_every_operation_shape_and_code_without_scripts(client: Client, owner: User) -> None:
    assert client.get("/api/v1/docs").status_code == 302
    client.force_login(owner)
    answer = client.get("/api/v1/docs")
    page = answer.content.decode()
    for address in document()["paths"]:
        assert address in page
    for name in ("RunRequest", "RunShape", "ProblemDocument"):
        assert f'id="shape-{name}"' in page
    for code in CODES:
        assert f'id="{code}"' in page
    assert "<script" not in page
    assert " style=" not in page


def test_every_refusal_has_its_code_explained() -> None:
    kinds = [kind for kind in vars(refused).values() if isinstance(kind, type) and issubclass(kind, refused.Refused)]
    assert len(kinds) > 10
    assert {kind.code for kind in kinds} - {"refused"} <= CODES.keys()
