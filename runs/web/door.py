"""What every page of this door shares: it is behind the login, and a refusal becomes a page in words, never a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from runs.models import User
from runs.services import visits
from runs.services.origin import turned_down
from runs.services.permissions import MethodUnknown, permit
from runs.services.refused import Invalid, NotAllowed, NotFound, Refused, StillChecking

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]
TITLES: list[tuple[type[Refused], int, str]] = [
    (NotFound, 404, "Not found"),
    (NotAllowed, 403, "Not allowed"),
    (Invalid, 422, "This cannot be done"),
    (Refused, 409, "Not now"),
]


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page decorator lets nobody else in"
    return request.user


def page(view: View[Rest]) -> View[Rest]:
    """A view for people who are logged in, whose refusals are shown as a page with their sentence."""

    @login_required
    @wraps(view)
    def answer(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
        try:
            _without_nulls(request)
            admit(request)
            return view(request, *args, **kwargs)
        except MethodUnknown:
            return HttpResponseNotAllowed([])
        except StillChecking as checking:
            return redirect("taking", checking.check)
        except Refused as refused:
            return refusal(request, refused)

    return cast(View[Rest], answer)


def admit(request: HttpRequest) -> None:
    """Raise NotAllowed for an address that the table of permissions keeps from this person."""
    assert request.resolver_match is not None
    visits.seen(request)
    permit(person(request), method=request.method or "GET", route=request.resolver_match.route)


def _without_nulls(request: HttpRequest) -> None:
    """PostgreSQL cannot hold or look up a null character: nothing has one in its name, and nobody types one on purpose."""
    if "\x00" in request.path:
        raise NotFound("There is nothing at this address.")
    for name in ("GET", "POST"):
        fields: QueryDict = getattr(request, name)
        if any("\x00" in value for values in fields.lists() for value in [values[0], *values[1]]):
            clean = fields.copy()
            for key, values in fields.lists():
                clean.setlist(key, [value.replace("\x00", "") for value in values])
            setattr(request, name, clean)


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    turned_down(refused)
    status, title = next((status, title) for kind, status, title in TITLES if isinstance(refused, kind))
    return render(request, "refused.html", {"title": title, "problems": refused.problems}, status=status)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django calls it so
    """What Django could not read. Nothing of the request is to be trusted, so the page knows nothing of it either."""
    most = settings.DATA_UPLOAD_MAX_NUMBER_FILES if isinstance(exception, TooManyFilesSent) else 0
    return HttpResponse(render_to_string("400.html", {"most_files": most}), status=400)
