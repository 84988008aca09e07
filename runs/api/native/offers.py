"""What goes out about everything but runs: data sets, base models, licences, tokens, people, estimates."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runs.api.native.moments import ZonedMoment
from runs.api.native.shapes import Shape
from runs.models import ApiToken, DataSet, Licence, Right, User
from runs.models import BaseModel as Offer
from runs.services.access import has_accepted, text_digest
from runs.services.checks import weights_are_here
from runs.services.verifying import health


class DataSetShape(Shape):
    """Rows that can be trained on, checked."""

    name: str
    owner: str
    visibility: str
    task_type: str
    source: str = Field(description="Where the bytes came from: a file name or a path in a volume")
    digest: str = Field(description="sha256 of the canonical rows")
    rows: int
    bytes: int
    report: dict[str, Any] = Field(description="What the check of the file found")
    mapping: str | None = Field(description="The foreign shape from which the rows were converted, if any")
    source_version: str = Field(description="Of a table or a hub's split: the version that was read; else empty")
    derived_from: str | None = Field(description="The data set that these rows were made from; null when it is deleted, too")
    derivation: dict[str, Any] = Field(description="How they were made: remedy, settings, digest of what it began with")
    created_at: datetime

    @classmethod
    def of(cls, dataset: DataSet) -> "DataSetShape":
        simple = {key: getattr(dataset, key) for key in cls.model_fields if key not in ("owner", "derived_from")}
        parent = dataset.derived_from.name if dataset.derived_from else None
        return cls(owner=dataset.owner.username, derived_from=parent, **simple)


class LicenceName(Shape):
    key: str
    name: str


class BaseModelShape(Shape):
    """A base model and whether a new run may use it."""

    name: str
    display_name: str
    family: str
    parameters: int
    max_context_length: int = Field(description="Tokens")
    task_types: list[str]
    licence: LicenceName
    defaults: dict[str, Any]
    state: Literal["active", "deprecated", "retired", "disabled"] = Field(
        description="deprecated: leaves on `retires_on`, and only those who already use it go on until then"
    )
    health: str = Field(description="here, faulty, not verified, at the hub, in a volume, gated, not reachable or missing")
    available: bool = Field(description="Whether its weights are on this machine")
    retires_on: date | None = Field(description="First day without this model")
    retirement_reason: str
    replacement: str | None

    @classmethod
    def of(cls, model: Offer) -> "BaseModelShape":
        simple = {
            key: getattr(model, key) for key in cls.model_fields if key not in ("licence", "available", "health", "replacement")
        }
        return cls(
            **simple,
            licence=LicenceName.model_validate(model.licence),
            available=weights_are_here(model),
            health=health(model),
            replacement=model.replacement.name if model.replacement else None,
        )


class LicenceShape(Shape):
    key: str
    name: str
    version_date: date | None
    url: str
    policy_url: str
    notice: str
    obligations: list[str]
    name_prefix: str = Field(description="Names of derived models must begin with this")
    attribution: str = Field(description="The line that whoever uses or offers a derived model shows")
    notice_file: bool = Field(description="Whether that line goes along in a file called Notice")
    user_threshold: int | None = Field(description="Monthly users above which a licence of one's own must be asked for")
    text_digest: str = Field(description="Names the text as it stands; an acceptance is of this text")
    accepted: bool = Field(description="Whether you have accepted the text as it stands")

    @classmethod
    def of(cls, licence: Licence, user: User) -> "LicenceShape":
        simple = {key: getattr(licence, key) for key in cls.model_fields if key not in ("text_digest", "accepted")}
        return cls(**simple, text_digest=text_digest(licence), accepted=has_accepted(user=user, licence=licence))


class TokenShape(Shape):
    """An API token, without the token."""

    id: int
    name: str
    hint: str = Field(description="Its first characters")
    scopes: list[str] = Field(description="What it may do at most: read, train, deploy, admin")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> "TokenShape":
        return cls.model_validate(token)


class NewTokenShape(TokenShape):
    token: str = Field(description="The token itself: shown now and never again")


SAYING = r"^[^\u0000]*[^\s\u0000-\u001f\u0085\ufeff][^\u0000]*$"  # something besides space


class TokenBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=100, pattern=SAYING, description="What will use it")
    scopes: list[Right] | None = Field(
        default=None,
        min_length=1,
        max_length=10,
        description="What it may do at most: read, train, deploy, admin. Null: all that the caller may",
    )
    expires_at: ZonedMoment | None = Field(default=None, description="With its time zone. Null: it holds until it is revoked")


class PersonShape(Shape):
    """Who you are here."""

    username: str
    email: str
    role: str
    team: str | None
    may_train: bool
    may_deploy: bool
    rights: list[str] = Field(
        description="What this request may do: the person's rights, less what the token's scopes leave out"
    )
    is_admin: bool

    @classmethod
    def of(cls, user: User) -> "PersonShape":
        simple = {key: getattr(user, key) for key in cls.model_fields if key not in ("team", "rights")}
        rights = [right.value for right in Right if right in user.rights]
        return cls(**simple, rights=rights, team=user.team.name if user.team else None)


class EstimateShape(Shape):
    """What a run would need on this machine."""

    memory_bytes: int
    memory_available: int
    disk_bytes: int
    disk_available: int
    tokens: int
    steps: int
    seconds: float | None = Field(description="Null until a run of this model has been measured here")
    fits: bool
    explanation: str
    basis: Literal["measured", "calculated"] = Field(description="measured: from real steps of these settings on this machine")
    seconds_low: float | None = Field(description="If the machine has nothing else to do")
    seconds_high: float | None
    memory_low: int
    memory_high: int
    measured_at: datetime | None


class DataSetPage(BaseModel):
    data: list[DataSetShape]
    next: str | None


class BaseModelList(BaseModel):
    data: list[BaseModelShape]
    next: None


class LicenceList(BaseModel):
    data: list[LicenceShape]
    next: None


class TokenPage(BaseModel):
    data: list[TokenShape]
    next: str | None
