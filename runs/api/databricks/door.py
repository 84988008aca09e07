"""What every address of this dialect shares: the bearer token, and errors as `{"error_code": ..., "message": ...}`."""

import logging
from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from runs.api.bearer import admit, bearer
from runs.api.strict import BadBody
from runs.models import User
from runs.registry.protocol import RegistryUnavailable
from runs.services.origin import turned_down
from runs.services.permissions import MethodUnknown
from runs.services.refused import NotAllowed, NotFound, Refused
from runs.services.volumes import AlreadyThere, NotEmpty

log = logging.getLogger(__name__)
Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]
CODES: tuple[tuple[type[Refused], str, int], ...] = (
    (MethodUnknown, "BAD_REQUEST", 405),
    (NotAllowed, "PERMISSION_DENIED", 403),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (AlreadyThere, "RESOURCE_ALREADY_EXISTS", 409),
    (NotEmpty, "DIRECTORY_NOT_EMPTY", 400),
    (Refused, "INVALID_PARAMETER_VALUE", 400),
)


def refused(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error_code": code, "message": message}, status=status)


def endpoint(view: View[Concatenate[User, Rest]]) -> View[Rest]:
    """`view(request, user, ...)` behind a token, with refusals in this dialect's shape."""

    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
        try:
            user = bearer(request)
            if user is None:
                return refused("UNAUTHENTICATED", "The token is missing, unknown, expired or revoked.", 401)
            admit(request, user)
            return view(request, user, *args, **kwargs)
        except BadBody as error:
            return refused("INVALID_PARAMETER_VALUE", str(error), error.status)
        except RegistryUnavailable as error:
            return refused("TEMPORARILY_UNAVAILABLE", str(error), 503)
        except Refused as error:
            turned_down(error)
            _, code, status = next(row for row in CODES if isinstance(error, row[0]))
            return refused(code, error.message, status)
        except OperationalError as error:
            log.warning("The database does not answer: %s", error)
            return refused("TEMPORARILY_UNAVAILABLE", "The database does not answer. Try again in a moment.", 503)
        except UnreadablePostError:
            return refused("INVALID_PARAMETER_VALUE", "The body ended early.", 400)
        except (RequestDataTooBig, SuspiciousOperation):
            return refused("INVALID_PARAMETER_VALUE", "The request cannot be read.", 400)
        except Exception as error:
            log.error("A request of the workspace dialect failed.", exc_info=error)
            return refused("INTERNAL_ERROR", "Something went wrong on our side. The server's log has the details.", 500)

    update_wrapper(guarded, view)
    return csrf_exempt(guarded)  # a token in a header is not sent by a browser on its own
