"""Two questions for machines: is the process alive, and can it do its work?"""

from django.http import HttpRequest, HttpResponse, JsonResponse

from runs.services.health import check_all


def alive(_: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


def ready(_: HttpRequest) -> JsonResponse:
    """Each part by name; 503 while any of them is not ready."""
    checks = check_all()
    body = {check.name: {"ok": check.ok, "why": check.why} for check in checks}
    return JsonResponse(body, status=200 if all(check.ok for check in checks) else 503)
