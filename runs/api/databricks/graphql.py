"""`POST /api/2.0/genai-mapi/graphql`: a dispatcher on the operation's root field. The client sends six fixed texts."""

import json
import logging
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from runs.api.bearer import admit, bearer
from runs.api.databricks.operations import OPERATIONS, WRITES
from runs.api.strict import BadBody, read_object
from runs.services.origin import turned_down
from runs.services.refused import NotAllowed, NotFound, Refused
from runs.services.resending import heard

log = logging.getLogger(__name__)
NOBODY = "The token is missing, unknown, expired or revoked."
ROOT = re.compile(r"\{\s*(\w+)")


@csrf_exempt
@require_POST
def graphql(request: HttpRequest) -> JsonResponse:
    field = ""
    try:
        user = bearer(request)
        if user is None:
            return JsonResponse({"error_code": 401, "message": NOBODY}, status=401)
        admit(request, user)
        body = _body(request)
        field, variables = _root(body), body.get("variables") or {}
        if field != "createFinetune":
            heard(by=user, names=json.dumps(variables))
        return JsonResponse({"data": {field: OPERATIONS[field](user, variables)}})
    except Refused as refused:
        if field in WRITES:
            turned_down(refused)
        return _error(_sentences(refused), _code(refused), _facts(refused))
    except BadBody as error:
        return _error(str(error), error.status)
    except ValueError as error:
        return _error(str(error), 400)
    except (TypeError, AttributeError) as error:  # a list where an object is meant, a number in place of a list
        log.info("GraphQL variables of the wrong type: %s", error)
        return _error("A variable has the wrong type.", 400)
    except OperationalError as error:
        log.warning("The database does not answer: %s", error)
        return _error("The database does not answer. Try again in a moment.", 503)
    except Exception as error:
        log.error("A request of the original client failed.", exc_info=error)
        return _error("Something went wrong on our side. The server's log has the details.", 500)


def _body(request: HttpRequest) -> dict[str, Any]:
    body = read_object(request)
    if not isinstance(body.get("query"), str) or not isinstance(body.get("variables") or {}, dict):
        raise ValueError("The request must be an object with `query` and `variables`.")
    return body


def _root(body: Mapping[str, Any]) -> str:
    """The first field of the operation, which says what is asked for."""
    match = ROOT.search(body["query"])
    field = match[1] if match else ""
    if field not in OPERATIONS:
        raise ValueError(f"Unknown operation {field or '(none)'}. Known: {', '.join(sorted(OPERATIONS))}.")
    return field


def _sentences(refused: Refused) -> str:
    return "; ".join(_sentence(problem.field, problem.message) for problem in refused.problems)


def _facts(refused: Refused) -> dict[str, Any]:
    """Beside the client's integer code, for other programs: our own code, and what is known of a model that is gone."""
    facts = {key: value for problem in refused.problems for key, value in problem.facts.items()}
    return {"reason": refused.problems[0].code, **({"model": facts} if facts else {})}


def _sentence(field: str, message: str) -> str:
    return f"{field}: {message}" if field else message


def _code(refused: Refused) -> int:
    return 403 if isinstance(refused, NotAllowed) else 404 if isinstance(refused, NotFound) else 400


def _error(message: str, code: int, more: Mapping[str, Any] = MappingProxyType({})) -> JsonResponse:
    """The client looks for the code in here, not at the HTTP status, and repeats a request only on 429, 502, 503 and 504."""
    return JsonResponse(told(message, code, more))


def told(message: str, code: int, more: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code, **more}}]}
