"""What is on offer: base models, their licences, and what runs have registered."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native import additions
from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import BaseModelList, BaseModelShape, LicenceList, LicenceShape
from runs.api.native.paging import page, whole
from runs.api.native.query import BaseModelsQuery, Query, VersionsQuery, read
from runs.api.native.shapes import VersionPage, VersionShape
from runs.models import BaseModel, Licence, ModelVersion
from runs.services import access
from runs.services.refused import NotFound


@operation("List base models", answer=BaseModelList, query=BaseModelsQuery, tag="catalog")
def list_base_models(request: Request) -> Response:
    """Those that are for you, retired ones too: `state` says whether a run may use one, `available` whether it starts here."""
    query = read(request, BaseModelsQuery)
    rows = BaseModel.objects.permitted_to(person(request)).select_related("licence", "replacement")
    if query.family:
        rows = rows.filter(family=query.family)
    shapes = [shape for row in rows if _wanted(shape := BaseModelShape.of(row), query)]
    return tagged(request, whole(shapes))


def _wanted(model: BaseModelShape, query: BaseModelsQuery) -> bool:
    """What no column says: it depends on today's date and on this machine's disk."""
    return (
        (query.state is None or model.state == query.state)
        and (query.available is None or model.available is query.available)
        and (query.task_type is None or query.task_type in model.task_types)
    )


@operation("Show a base model", answer=BaseModelShape, tag="catalog")
def show_base_model(request: Request, name: str) -> Response:
    """By its full name, slash included."""
    return tagged(request, BaseModelShape.of(offered(request, name)).model_dump(mode="json"))


def offered(request: Request, name: str) -> BaseModel:
    model = BaseModel.objects.permitted_to(person(request)).select_related("licence", "replacement").filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no base model “{name}”.")
    return model


@operation("List licences", answer=LicenceList, tag="catalog")
def list_licences(request: Request) -> Response:
    """With notice and obligations, and whether you have accepted them."""
    read(request, Query)
    return Response(whole([LicenceShape.of(licence, person(request)) for licence in Licence.objects.all()]))


@operation("Show a licence", answer=LicenceShape, tag="catalog")
def show_licence(request: Request, key: str) -> Response:
    """By its key, as base models name it."""
    return tagged(request, LicenceShape.of(_licence(key), person(request)).model_dump(mode="json"))


def _licence(key: str) -> Licence:
    licence = Licence.objects.filter(key=key).first()
    if licence is None:
        raise NotFound(f"There is no licence “{key}”.")
    return licence


@operation("Accept a licence", answer=LicenceShape, tag="catalog")
def accept_licence(request: Request, key: str) -> Response:
    """Records that you, today, accepted the text as it stands. A second time changes nothing."""
    licence = _licence(key)
    access.accept_licence(licence=licence, by=person(request))
    return shown(LicenceShape.of(licence, person(request)))


@operation("List registered models", answer=VersionPage, query=VersionsQuery, tag="catalog")
def list_registered_models(request: Request) -> Response:
    """Versions that came from runs you may see, newest first."""
    query = read(request, VersionsQuery)
    wanted = {"name": query.name, "run__name": query.run}
    rows = _versions(request).filter(**{key: value for key, value in wanted.items() if value})
    return page(request, rows, query, VersionShape.of, order=query.order)


@operation("Show a version of a registered model", answer=VersionShape, tag="catalog")
def show_registered_model(request: Request, name: str, version: str) -> Response:
    """By catalog.schema.model and the version's number."""
    row = _versions(request).filter(name=name, version=version).first()
    if row is None:
        raise NotFound(f"There is no version {version} of a model “{name}”.")
    return tagged(request, VersionShape.of(row).model_dump(mode="json"))


def _versions(request: Request) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.visible_to(person(request)).select_related("run__base_model")


base_models = resource(get=list_base_models, post=additions.add_base_model)
base_model = resource(get=show_base_model)
licences = resource(get=list_licences)
licence = resource(get=show_licence)
acceptance = resource(post=accept_licence)
registered_models = resource(get=list_registered_models)
registered_model = resource(get=show_registered_model)
