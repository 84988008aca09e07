"""What is on offer: base models, their licences, and what runs have registered."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import BaseModelList, BaseModelShape, LicenceList, LicenceShape
from runs.api.native.paging import page, whole
from runs.api.native.query import PageQuery, Query, read
from runs.api.native.shapes import VersionPage, VersionShape
from runs.models import BaseModel, Licence, ModelVersion
from runs.services import access
from runs.services.refused import NotFound


@operation("List base models", answer=BaseModelList, tag="catalog")
def list_base_models(request: Request) -> Response:
    """All of them, retired ones too: `state` says whether a new run may use one, `available` whether it would start here."""
    read(request, Query)
    rows = BaseModel.objects.select_related("licence", "replacement")
    return tagged(request, whole([BaseModelShape.of(model) for model in rows]))


@operation("Show a base model", answer=BaseModelShape, tag="catalog")
def show_base_model(request: Request, name: str) -> Response:
    """By its full name, slash included."""
    model = BaseModel.objects.select_related("licence", "replacement").filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no base model “{name}”.")
    return shown(BaseModelShape.of(model))


@operation("List licences", answer=LicenceList, tag="catalog")
def list_licences(request: Request) -> Response:
    """With notice and obligations, and whether you have accepted them."""
    read(request, Query)
    return Response(whole([LicenceShape.of(licence, person(request)) for licence in Licence.objects.all()]))


@operation("Accept a licence", answer=LicenceShape, tag="catalog")
def accept_licence(request: Request, key: str) -> Response:
    """Records that you, today, accepted the text as it stands. A second time changes nothing."""
    licence = Licence.objects.filter(key=key).first()
    if licence is None:
        raise NotFound(f"There is no licence “{key}”.")
    access.accept_licence(licence=licence, by=person(request))
    return shown(LicenceShape.of(licence, person(request)))


@operation("List registered models", answer=VersionPage, query=PageQuery, tag="catalog")
def list_registered_models(request: Request) -> Response:
    """Versions that came from runs you may see, newest first."""
    rows = ModelVersion.objects.visible_to(person(request)).select_related("run__base_model")
    return page(request, rows, read(request, PageQuery), VersionShape.of)


base_models = resource(get=list_base_models)
base_model = resource(get=show_base_model)
licences = resource(get=list_licences)
acceptance = resource(post=accept_licence)
registered_models = resource(get=list_registered_models)
