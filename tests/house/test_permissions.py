"""The table of permissions has every address of the product and no other, and the document says what the table says."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from finetuning_ui.env import PROJECT
from runs.services.permissions import OPERATIONS
from runs.services.permissions.addresses import ADDRESSES, CONSOLE, NOWHERE
from runs.services.permissions.document import markdown


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Every route, as `request.resolver_match.route` will give it."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from routes(entry, route)


def test_every_address_is_in_the_table() -> None:
    """A new address gets a line in runs/services/permissions; then `manage.py permissions > docs/permissions.md`."""
    served = {route for route in routes() if not route.startswith(CONSOLE)}
    assert served - NOWHERE - ADDRESSES.keys() == set(), "not in runs/services/permissions"
    unserved = {route for route in ADDRESSES.keys() - served if not route.startswith("login/oidc/")}  # without a provider
    assert unserved == set(), "served no longer"


def test_the_table_names_only_operations_that_there_are() -> None:
    named = {operation for methods in ADDRESSES.values() for operation in methods.values()}
    assert named - OPERATIONS.keys() == set()


def test_the_document_is_the_table() -> None:
    assert (PROJECT / "docs" / "permissions.md").read_text(encoding="utf-8") == markdown(), (
        "manage.py permissions > docs/permissions.md"
    )
