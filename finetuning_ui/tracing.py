"""Each request gets a number, which its answer and every line of the log about it carry; a refused write is audited.

Doors need not know of it: whatever turns down a request that would have changed something is seen here.
"""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from runs.models import User
from runs.services import flood
from runs.services.audit import record_refusal
from runs.services.origin import Door, Origin, coming_from

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
ASKING = re.compile(r"/(estimates|summary|invocations|completions|embeddings)$")  # POST, because the question is long: no write
DOORS = (
    ("/admin/", Door.CONSOLE),
    ("/api/v1/", Door.REST),
    ("/api/2.", Door.DATABRICKS),
    ("/v1/", Door.OPENAI),
    ("/openai/", Door.OPENAI),
)

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def traced(get_response: Sync | Async) -> Sync | Async:
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            with coming_from(origin_of(request)) as origin:
                response = await get_response(request)
                if _turned_down(request, response, origin):
                    await sync_to_async(_write_down)(request, response, origin)
                return _marked(response, origin)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        with coming_from(origin_of(request)) as origin:
            response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
            if _turned_down(request, response, origin):
                _write_down(request, response, origin)
            return _marked(response, origin)

    return answer


def origin_of(request: HttpRequest) -> Origin:
    """uvicorn has put the address that a trusted proxy names into REMOTE_ADDR; headers of anybody else do not count."""
    given = request.headers.get(HEADER, "")
    number = given if re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given) else secrets.token_hex(8)
    door = next((door for start, door in DOORS if request.path.startswith(start)), Door.WEB)
    request.number = number  # type: ignore[attr-defined]
    return Origin(door, str(request.META.get("REMOTE_ADDR", ""))[:64], number)


def _marked(response: HttpResponseBase, origin: Origin) -> HttpResponseBase:
    response.headers.setdefault(HEADER, origin.request_id)
    return response


def _turned_down(request: HttpRequest, response: HttpResponseBase, origin: Origin) -> bool:
    """A write that was refused, whichever status its door says so with."""
    if request.method in READING or ASKING.search(request.path.rstrip("/")):
        return False
    sent_to_log_in = response.status_code == 302 and "next=" in response.headers.get("Location", "")
    return response.status_code >= 400 or sent_to_log_in or bool(origin.refused)


def _write_down(request: HttpRequest, response: HttpResponseBase, origin: Origin) -> None:
    """Must not turn an answer into an error: a database that is away is the reason of many a refusal."""
    user = getattr(request, "user", None)
    route = request.resolver_match.route if request.resolver_match else request.path
    problems = [{"code": problem.code, "field": problem.field, "message": problem.message} for problem in origin.refused]
    by = user if isinstance(user, User) else None
    try:
        if by is None and not flood.is_listed(origin.address):
            return
        record_refusal(
            f"{request.method} {route}",
            request.path,
            by=by,
            status=response.status_code,
            **({"problems": problems} if problems else {}),
        )
    except DatabaseError as error:
        log.warning("A refused write could not be written down: %s", error)
