"""What a person was told: models that leave, runs that are held. Looking at the page counts as reading."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from runs.models import Notice
from runs.services import notices
from runs.web.door import page, person
from runs.web.paging import paged


@page
def index(request: HttpRequest) -> HttpResponseBase:
    shown = paged(request, Notice.objects.filter(person=person(request)))
    rows = list(shown)  # as unread as they were
    notices.read_all(person(request))
    return render(request, "notices/index.html", {"page": shown, "rows": rows})
