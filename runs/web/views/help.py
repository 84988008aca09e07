"""The manual in one page. What the contract declares is read from it, so that the page cannot fall behind."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from runs.data.advice import FEW_EPOCHS, PRETRAIN_TOKENS
from runs.services.permissions.document import ROLES, lines
from runs.web.door import page
from runs.web.fields import settings
from runs.web.tasks import TASKS
from runs.web.tutorials import TUTORIALS


@page
def index(request: HttpRequest) -> HttpResponseBase:
    context = {
        "tutorials": TUTORIALS.values(),
        "tasks": list(TASKS.values()),
        "settings": [setting for setting in settings().values() if setting.has_choice],
        "few_epochs": FEW_EPOCHS,
        "pretrain_tokens": PRETRAIN_TOKENS,
        "permissions": list(lines()),
        "roles": [role.label for role in ROLES],
    }
    return render(request, "help/index.html", context)
