"""`/v1/models`: base models on offer, and what runs have made of them."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from runs.api.openai import naming
from runs.api.openai.door import Missing, resource
from runs.api.openai.shapes import seconds
from runs.models import BaseModel, Run, RunStatus, User
from runs.services.refused import Invalid


def index(request: HttpRequest, user: User) -> HttpResponseBase:
    tuned = Run.objects.alive().visible_to(user).filter(status=RunStatus.COMPLETED).select_related("owner__team", "base_model")
    data = [*map(_base, BaseModel.objects.usable_by(user)), *map(_tuned, tuned)]
    return JsonResponse({"object": "list", "data": data})


def show(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    return JsonResponse(_found(user, key))


def delete(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    _found(user, key)
    raise Invalid("Models are not deleted here: versions stay in the registry, so that they can be explained.", field="model")


def _found(user: User, key: str) -> dict[str, Any]:
    run = naming.find_tuned(user, key)
    if run is not None and run.status == RunStatus.COMPLETED:
        return _tuned(run)
    model = BaseModel.objects.usable_by(user).filter(name=key).first() if "\x00" not in key else None
    if model is None:
        raise Missing(
            f"The model '{key[:200]}' does not exist or you do not have access to it.", param="model", code="model_not_found"
        )
    return _base(model)


def _base(model: BaseModel) -> dict[str, Any]:
    """A catalog entry has no moment of creation: it was there before this installation."""
    leaving = model.retires_on.isoformat() if model.retires_on else None
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.family, "shutdown_date": leaving}


def _tuned(run: Run) -> dict[str, Any]:
    owner = naming.organization(run.owner)
    return {"id": naming.model_id(run), "object": "model", "created": seconds(run.completed_at), "owned_by": owner}


collection = resource(get=index)
item = resource(get=show, delete=delete)
