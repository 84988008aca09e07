"""What every address of this dialect shares: the token, one view for each method, and errors as `{"error": {...}}`.

The client repeats a request on 408, 409, 429 and 5xx, so a refusal is none of these.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from runs.api.bearer import admit, bearer
from runs.api.strict import BadBody
from runs.services.origin import turned_down
from runs.services.refused import BadData, NotAllowed, NotFound, Refused

log = logging.getLogger(__name__)
Handler = Callable[..., HttpResponseBase]
THEIRS = {
    "train_data_path": "training_file",
    "eval_data_path": "validation_file",
    "training_duration": "method.supervised.hyperparameters.n_epochs",
    "batch_size": "method.supervised.hyperparameters.batch_size",
    "learning_rate": "method.supervised.hyperparameters.learning_rate_multiplier",
}
NO_KEY = "Incorrect API key provided. Make a token on the page Account, or with manage.py create_token."


def failure(
    message: str,
    status: int,
    *,
    code: str | None = None,
    param: str | None = None,
    kind: str = "invalid_request_error",
    facts: Mapping[str, Any] | None = None,
) -> JsonResponse:
    """`facts` go along for programs that know us: of a base model that is gone its date and its replacement."""
    known = {"message": message, "type": kind, "param": param, "code": code}
    return JsonResponse({"error": {**known, **({"facts": facts} if facts else {})}}, status=status)


class Missing(NotFound):
    """Not there, in the words of this dialect."""

    def __init__(self, message: str, *, param: str, code: str | None = None) -> None:
        super().__init__(message, field=param)
        self.word = code


def resource(**handlers: Handler) -> Callable[..., HttpResponseBase]:
    """A view whose methods are `handlers(request, user, ...)`, by lower-case method name."""

    @csrf_exempt  # a token in a header is not sent by a browser on its own
    def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            user = bearer(request)
            if user is None:
                return failure(NO_KEY, 401, code="invalid_api_key")
            handler = handlers.get((request.method or "").lower())
            if handler is None:
                return failure(f"Not allowed to {request.method} on {request.path}.", 405, code="method_not_supported")
            admit(request, user)
            return handler(request, user, **kwargs)
        except Exception as error:
            return refusal(error)

    return answer


def is_resent(request: HttpRequest) -> bool:
    """The client lost the answer and counts its tries."""
    return request.headers.get("X-Stainless-Retry-Count", "0").strip() not in ("", "0")


def refusal(error: Exception) -> JsonResponse:
    if isinstance(error, Refused):
        turned_down(error)
    match error:
        case Missing():
            return failure(error.message, 404, param=error.problems[0].field, code=error.word)
        case NotFound():
            return failure(error.message, 404, code="not_found")
        case NotAllowed():
            return failure(error.message, 403, code="insufficient_permissions")
        case Refused():
            first = error.problems[0]
            told = "; ".join(problem.message for problem in error.problems)
            code = "invalid_file_format" if isinstance(error, BadData) else first.code
            return failure(told, 400, code=code, param=THEIRS.get(first.field, first.field) or None, facts=first.facts)
        case BadBody():
            return failure(str(error), error.status)
        case UnreadablePostError() | MultiPartParserError():
            return failure("The body ended early or is no form.", 400)
        case RequestDataTooBig() | SuspiciousOperation():
            return failure("The form has too many or too large fields.", 400)
        case OperationalError():
            log.warning("The database does not answer: %s", error)
            return failure("The database does not answer. Try again in a moment.", 503, kind="server_error")
    log.error("A request of the OpenAI dialect failed.", exc_info=error)
    return failure("The server had an error while processing your request.", 500, kind="server_error")


@csrf_exempt
def nowhere(request: HttpRequest, **_: Any) -> JsonResponse:
    """Known to nobody, token or not: files, fine-tuning jobs and models are what there is."""
    message = f"Invalid URL ({request.method} {request.path[:200]}). There are /v1/files, /v1/fine_tuning/jobs and /v1/models."
    return failure(message, 404, code="unknown_url")
