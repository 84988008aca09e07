"""What there is to know about a data set: its profile with a model, findings, advice, and the remedies."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown
from runs.api.native.auth import person
from runs.api.native.bodies import read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import DataSetShape
from runs.api.native.query import Query, read
from runs.contract.spec import DEFAULT_CONTEXT_LENGTH
from runs.data.advice import Advice
from runs.data.contents import Contents
from runs.data.findings import Finding
from runs.data.overlap import Overlap
from runs.data.profile import Profile
from runs.data.remedies import Remedy, RemedyKind
from runs.models import BaseModel as Offer
from runs.models import DataSet, Measurement, User
from runs.services import checks, datasets, profiling, remedying
from runs.services.refused import Invalid
from runs.services.trying import Trial, on_duration


class ProfileQuery(Query):
    model: str = Field(default="", max_length=200, description="Base model that counts the tokens; empty: only what needs none")
    context_length: int | None = Field(default=None, ge=16, description="Tokens; the model's usual length when it is not given")
    evaluation: str = Field(default="", max_length=100, description="Data set that is compared with these rows")
    training_duration: str = Field(default="", max_length=50, description="As in a run, for advice on epochs")
    batch_size: int = Field(default=8, ge=1, le=65_536, description="Rows of an optimizer step")


class PendingShape(BaseModel):
    """A measurement under way."""

    measure: str
    done: int = Field(description="Rows")
    total: int = Field(description="Rows")

    @classmethod
    def of(cls, one: Measurement) -> "PendingShape":
        return cls(measure=one.measure, done=one.done, total=one.total)


class ProfileShape(BaseModel):
    """Ready when nothing is pending; until then ask again. `trouble` says why there are no tokens."""

    ready: bool
    pending: list[PendingShape]
    trouble: str
    dataset: str
    digest: str
    model: str | None
    context_length: int
    profile: Profile | None
    contents: Contents | None
    overlap: Overlap | None
    findings: list[Finding]
    advice: list[Advice]


class TrialShape(BaseModel):
    """Whether a file can be trained on. `profile` and `advice` are there when a model was named; if not, `trouble` says why."""

    ok: bool
    sentence: str = Field(description="The finding in words")
    report: dict[str, Any] = Field(description="What is wrong with which line, and what to do")
    profile: Profile | None
    advice: list[Advice]
    trouble: str

    @classmethod
    def of(cls, found: Trial) -> "TrialShape":
        report = found.report
        said = {"ok": report.ok, "sentence": report.sentence, "report": report.model_dump(mode="json")}
        return cls(**said, profile=found.profile, advice=found.advice, trouble=found.trouble)


class RemedyBody(BaseModel):
    """What to do, and the name of the new data set; empty: after the old one."""

    model_config = ConfigDict(extra="forbid")
    kind: RemedyKind
    name: str = Field(default="", max_length=80)
    share: float = Field(default=0.05, gt=0, lt=1, description="split: part of the rows that becomes evaluation data")
    seed: int = Field(default=17, ge=0, le=2**31 - 1, strict=True, description="split: the same seed splits off the same rows")
    evaluation: str = Field(default="", max_length=100, description="drop_leaked: the data set that must stay unseen")
    model: str = Field(default="", max_length=200, description="drop_long: whose tokens count")
    context_length: int | None = Field(default=None, ge=16, description="drop_long: rows of more tokens are dropped")


class DerivationShape(BaseModel):
    """Made, or under way: then send the same again. With a split, the training rows come first."""

    ready: bool
    done: int
    total: int
    datasets: list[DataSetShape]


@operation("Profile a data set", answer=ProfileShape, query=ProfileQuery, tag="datasets")
def show_profile(request: Request, name: str) -> Response:
    """Tokens, contents, overlap with an evaluation set, findings with their remedies, and advice. Computed once and kept."""
    user = person(request)
    dataset, query = datasets.find(by=user, name=name), read(request, ProfileQuery)
    model = checks.find_model(query.model) if query.model else None
    found = profiling.assess(
        dataset=dataset,
        model=model,
        context_length=length_of(query.context_length, model),
        evaluation=datasets.find(by=user, name=query.evaluation) if query.evaluation else None,
        batch_size=query.batch_size,
    )
    return shown(_profile(found, model, query))


def _profile(found: profiling.Assessment, model: Offer | None, query: ProfileQuery) -> ProfileShape:
    on_epochs = on_duration(found.profile, query.training_duration, query.batch_size) if found.profile else []
    return ProfileShape(
        ready=found.is_ready,
        pending=[PendingShape.of(one) for one in found.pending],
        trouble=found.trouble,
        dataset=found.dataset.name,
        digest=found.dataset.digest,
        model=model.name if model else None,
        context_length=found.context_length,
        profile=found.profile,
        contents=found.contents,
        overlap=found.overlap,
        findings=found.findings,
        advice=[*found.advice, *on_epochs],
    )


def length_of(asked: int | None, model: Offer | None) -> int:
    longest = model.max_context_length if model else DEFAULT_CONTEXT_LENGTH
    if asked and model and asked > longest:
        raise Invalid(
            f"{model.display_name} reads at most {longest:,} tokens; {asked:,} were asked for.", field="context_length"
        )
    return asked or min(DEFAULT_CONTEXT_LENGTH, longest)


DERIVED = {(201, "application/json"): DerivationShape, (202, "application/json"): DerivationShape}


@operation("Mend a data set", answer=DERIVED, body=RemedyBody, tag="datasets")
def derive_dataset(request: Request, name: str) -> Response:
    """Makes a new data set and leaves this one as it is. The same remedy on the same rows gives the same digest."""
    user = person(request)
    dataset, body = datasets.find(by=user, name=name), read_body(RemedyBody, request)
    made = remedying.derive(
        by=user,
        dataset=dataset,
        remedy=Remedy(**body.model_dump(include={"kind", "share", "seed", "context_length"})),
        name=body.name,
        evaluation=_evaluation(body, user),
        model=checks.find_model(body.model) if body.model else None,
    )
    if made.is_refused:
        raise Invalid(made.reason, field="kind")
    found = [DataSetShape.of(one) for one in remedying.result_of(made)]
    answer = DerivationShape(ready=made.is_ready, done=made.done, total=made.total, datasets=found)
    return shown(answer, 201 if made.is_ready else 202)


def _evaluation(body: RemedyBody, user: User) -> DataSet | None:
    return datasets.find(by=user, name=body.evaluation) if body.evaluation else None


profile = resource(get=show_profile)
derive = resource(post=derive_dataset)
