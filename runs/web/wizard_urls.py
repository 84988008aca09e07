"""Addresses of the wizard and of everything that is not a run: data, models, registered models, account, help."""

from django.urls import URLPattern, path, register_converter

from runs.web.steps import ORDER
from runs.web.views import (
    account,
    data,
    drafting,
    ending,
    hooks,
    mending,
    models,
    registered,
    rows,
    safety,
    sharing,
    taking,
    tutorials,
    volumes,
    weights,
    wizard,
)
from runs.web.views import help as manual


class StepConverter:
    regex = "|".join(ORDER)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(StepConverter, "step")

urlpatterns: list[URLPattern] = [
    path("runs/new/", wizard.new, name="run-new"),
    path("runs/new/<slug:key>/<step:step>/", wizard.step, name="draft"),
    path("runs/new/summary/", drafting.summarise, name="draft-summary"),
    path("runs/new/<slug:key>/takes/", drafting.takes, name="draft-takes"),
    path("runs/new/<slug:key>/discard/", drafting.discard, name="draft-discard"),
    path("volumes/", volumes.browse, name="volumes"),
    path("data/", data.index, name="data"),
    path("data/refused.json", data.refused_report, name="data-refused-report"),
    path("data/checks/<slug:key>/", taking.detail, name="taking"),
    path("data/checks/<slug:key>/state/", taking.state, name="taking-state"),
    path("data/checks/<slug:key>/cancel/", taking.cancel, name="taking-cancel"),
    path("data/checks/<slug:key>/report.json", taking.report, name="taking-report"),
    path("data/<slug:name>/", data.detail, name="dataset"),
    path("data/<slug:name>/rows/", rows.index, name="dataset-browse"),
    path("data/<slug:name>/profile/", mending.profile, name="dataset-profile"),
    path("data/<slug:name>/derived/", mending.derived, name="dataset-derived"),
    path("data/<slug:name>/derive/", mending.derive, name="dataset-derive"),
    path("data/<slug:name>/rows.jsonl", data.download, name="dataset-rows"),
    path("data/<slug:name>/report.json", data.report, name="dataset-report"),
    path("data/<slug:name>/delete/", data.delete, name="dataset-delete"),
    path("data/<slug:name>/share/", sharing.dataset, name="dataset-share"),
    path("registered-models/<str:name>/share/", sharing.registered, name="registered-share"),
    path("base-models/", models.index, name="models"),
    path("base-models/<path:name>/held/", ending.held, name="model-held"),
    path("base-models/<path:name>/accept/", models.accept, name="model-accept"),
    path("base-models/<path:name>/weights/", weights.show, name="model-weights"),
    path("base-models/<path:name>/weights/fetch/", weights.fetch, name="model-weights-fetch"),
    path("base-models/<path:name>/weights/stop/", weights.stop, name="model-weights-stop"),
    path("base-models/<path:name>/", models.detail, name="model"),
    path("registered-models/", registered.index, name="registered"),
    path("registered-models/<str:name>/", registered.detail, name="registered-model"),
    path("account/", account.index, name="account"),
    path("account/tokens/", account.create_token, name="token-create"),
    path("account/tokens/<int:pk>/revoke/", account.revoke_token, name="token-revoke"),
    path("account/secrets/<slug:name>/", account.secret, name="secret"),
    path("account/webhooks/", hooks.create, name="webhook-create"),
    path("account/webhooks/<int:pk>/", hooks.index, name="webhook"),
    path("account/webhooks/<int:pk>/test/", hooks.test, name="webhook-test"),
    path("account/webhooks/<int:pk>/switch/", hooks.switch, name="webhook-switch"),
    path("account/webhooks/<int:pk>/delete/", hooks.delete, name="webhook-delete"),
    path("account/webhooks/<int:pk>/<uuid:delivery>/retry/", hooks.retry, name="webhook-retry"),
    path("account/second-factor/", safety.factor, name="factor"),
    path("account/sessions/end/", safety.end_others, name="sessions-end"),
    path("account/sessions/<int:pk>/end/", safety.end_session, name="session-end"),
    path("account/password/", account.password, name="password"),
    path("help/", manual.index, name="help"),
    path("help/<slug:slug>/", tutorials.show, name="tutorial"),
]
