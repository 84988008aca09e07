"""Addresses of REST v1, without trailing slashes. Whatever is not one of them gets a problem document, too."""

from typing import NoReturn

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from rest_framework.request import Request

from runs.api.native import (
    acceptances,
    additions,
    catalog,
    datasets,
    openapi,
    outputs,
    people,
    planning,
    probes,
    profiles,
    retirements,
    rows,
    runs,
    sharing,
    streaming,
    takings,
    trail,
    uploads,
    webhooks,
    weights,
)
from runs.api.native.endpoint import resource
from runs.services.refused import NotFound


class Label(StringConverter):
    """A name in one part; PostgreSQL knows no NUL, so neither do addresses."""

    regex = r"[^/\x00]+"


class Slashed(StringConverter):
    """A name with a slash, as base models have."""

    regex = r"[^/\x00]+(?:/[^/\x00]+)*"


class Anything(StringConverter):
    """Line breaks too."""

    regex = r"(?s:.+)"


class Key(StringConverter):
    """A row's number that fits its column."""

    regex = r"[0-9]{1,18}"


class Small(StringConverter):
    """A number that fits four bytes."""

    regex = r"[0-9]{1,9}"


register_converter(Label, "label")
register_converter(Slashed, "slashed")
register_converter(Key, "key")
register_converter(Anything, "anything")
register_converter(Small, "small")


def nowhere(request: Request, rest: str) -> NoReturn:
    raise NotFound(f"There is nothing at {request.path}. All addresses are on /api/v1/docs; none ends with a slash.")


lost = resource(get=nowhere, post=nowhere, put=nowhere, patch=nowhere, delete=nowhere)

operations = [
    path("runs", runs.collection),
    path("runs/<label:name>", runs.item),
    path("runs/<label:name>/cancel", runs.cancel),
    path("runs/<label:name>/pause", runs.pause),
    path("runs/<label:name>/resume", runs.resume),
    path("runs/<label:name>/move", retirements.moved),
    path("runs/<label:name>/events", outputs.events),
    path("runs/<label:name>/metrics", outputs.metrics),
    path("runs/<label:name>/samples", outputs.samples),
    path("runs/<label:name>/checkpoints", outputs.checkpoints),
    path("runs/<label:name>/log", outputs.log),
    path("runs/<label:name>/spec", outputs.spec),
    path("uploads", uploads.collection),
    path("uploads/<label:upload>", uploads.item),
    path("runs/<label:name>/stream", streaming.run),
    path("stream", streaming.runs),
    path("datasets", datasets.collection),
    path("checks", datasets.check),
    path("checks/<label:key>", takings.item),
    path("datasets/<label:name>", datasets.item),
    path("datasets/<label:name>/rows.jsonl", datasets.rows),
    path("datasets/<label:name>/rows", rows.rows),
    path("datasets/<label:name>/rows/<key:number>/tokens", rows.tokens),
    path("datasets/<label:name>/batch", rows.batch),
    path("datasets/<label:name>/profile", profiles.profile),
    path("datasets/<label:name>/derive", profiles.derive),
    path("base-models", catalog.base_models),
    path("base-models/<slashed:name>/impact", retirements.impact),
    path("base-models/<slashed:name>/retirement", retirements.item),
    path("base-models/<slashed:name>/move-held", retirements.all_moved),
    path("base-models/<slashed:name>/verify", additions.verified),
    path("base-models/<slashed:name>/restore", retirements.restored),
    path("base-models/<slashed:name>/weights", weights.item),
    path("base-models/<slashed:name>", catalog.base_model),
    path("base-model-families/<label:family>/retirement", retirements.family),
    path("licences", catalog.licences),
    path("licences/<label:key>", catalog.licence),
    path("licences/<label:key>/accept", catalog.acceptance),
    path("acceptances", acceptances.collection),
    path("acceptances.csv", acceptances.whole),
    path("registered-models", catalog.registered_models),
    path("registered-models/<label:name>/versions/<small:version>", catalog.registered_model),
    path("estimates", planning.estimate),
    path("probes", probes.probe),
    path("audit", trail.collection),
    path("audit.jsonl", trail.whole_log),
    path("webhooks", webhooks.collection),
    path("webhooks/<key:key>", webhooks.item),
    path("webhooks/<key:key>/test", webhooks.test),
    path("webhooks/<key:key>/deliveries", webhooks.deliveries),
    path("webhooks/<key:key>/deliveries/<uuid:delivery>/retry", webhooks.retry),
    path("runs/<label:name>/visibility", sharing.run),
    path("runs/<label:name>/registration", sharing.registration),
    path("datasets/<label:name>/visibility", sharing.dataset),
    path("registered-models/<label:name>/visibility", sharing.registered_model),
    path("quotas", sharing.own_quotas),
    path("whoami", people.me),
    path("tokens", people.tokens),
    path("tokens/<key:key>", people.token),
]
urlpatterns = [
    *operations,
    path("openapi.json", openapi.show, name="openapi"),
    path("docs", openapi.docs, name="api-docs"),
    path("<anything:rest>", lost),
    path("", lost, {"rest": ""}),
]
