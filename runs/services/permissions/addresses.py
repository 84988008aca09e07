"""Which operation each address is, method by method, for every door. What is not here is let through to nobody.

A route is written as Django's resolver gives it (`request.resolver_match.route`); routes of Django's admin begin with `admin/`.
"""

from runs.services.permissions.databricks import DATABRICKS
from runs.services.permissions.native import REST
from runs.services.permissions.openai import OPENAI
from runs.services.permissions.pages import WEB

ADDRESSES: dict[str, dict[str, str]] = {
    **WEB,
    **{f"api/v1/{route}": methods for route, methods in REST.items()},
    **{f"v1/{route}": methods for route, methods in OPENAI.items()},
    **DATABRICKS,
}
# Not in the table, because they answer with nothing but "there is nothing here".
WORKSPACE_NOWHERE = r"^(?:api/[2-9]\.\d|ajax-api|serving-endpoints)/(?P<rest>.*)$"
NOWHERE = frozenset({"api/v1/<anything:rest>", "api/v1/", "v1/<path:rest>", WORKSPACE_NOWHERE})
CONSOLE = "admin/"


def operation_at(method: str, route: str) -> str | None:
    """The operation's name; empty when the address does not take this method, None when there is no such address."""
    if route.startswith(CONSOLE):
        return "console.use"
    if route in NOWHERE:
        return "help.read"
    methods = ADDRESSES.get(route)
    if methods is None:
        return None
    if method == "OPTIONS":
        return "help.read"
    return methods.get("GET" if method == "HEAD" else method, "")
