"""Where an answer leads: OpenAPI links from what names a thing to the operations on it, for programs that explore."""

from typing import Any

OUTPUTS = ["list_events", "list_metrics", "list_samples", "list_checkpoints", "download_log", "show_spec"]
ON_RUN = ["show_run", *OUTPUTS, "cancel_run"]
# operation -> (parameter, where in its answer, operations that take it)
LINKS: dict[str, list[tuple[dict[str, str], list[str]]]] = {
    "create_run": [({"name": "/name"}, [*ON_RUN, "delete_run"])],
    "list_runs": [({"name": "/data/0/name"}, ON_RUN)],
    "cancel_run": [({"name": "/name"}, ["delete_run"])],
    "upload_dataset": [({"name": "/name"}, ["show_dataset", "download_rows", "delete_dataset"])],
    "list_datasets": [({"name": "/data/0/name"}, ["show_dataset", "download_rows"])],
    "list_base_models": [({"name": "/data/0/name"}, ["show_base_model"]), ({"key": "/data/0/licence/key"}, ["accept_licence"])],
    "list_licences": [({"key": "/data/0/key"}, ["show_licence", "accept_licence"])],
    "list_registered_models": [({"name": "/data/0/name", "version": "/data/0/version"}, ["show_registered_model"])],
    "create_token": [({"key": "/id"}, ["show_token", "revoke_token"])],
    "create_webhook": [
        ({"key": "/id"}, ["show_webhook", "change_webhook", "test_webhook", "list_deliveries", "delete_webhook"])
    ],
    "list_tokens": [({"key": "/data/0/id"}, ["show_token"])],
}


def link(operation: dict[str, Any]) -> None:
    """Put the links of this operation into its answers that went well."""
    for parameters, targets in LINKS.get(operation["operationId"], []):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                continue
            for target in targets:
                answer.setdefault("links", {})[target] = {
                    "operationId": target,
                    "parameters": {name: f"$response.body#{place}" for name, place in parameters.items()},
                }
