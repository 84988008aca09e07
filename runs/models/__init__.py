"""State, its constraints, and the reads that pages and doors need. Rules about who may change what live in `runs.services`."""

from runs.models.audit import AuditEntry, AuditHead
from runs.models.catalog import BaseModel, Licence, LicenceAcceptance
from runs.models.dataset import DataSet
from runs.models.download import Download
from runs.models.draft import Draft
from runs.models.event import RunEvent
from runs.models.limits import Allowance, KeptAnswer, Refusals
from runs.models.login import Attempt, Invitation, RecoveryCode, SecondFactor, Visit
from runs.models.measurement import Measurement
from runs.models.metric import MetricPoint
from runs.models.notice import Notice
from runs.models.output import Checkpoint, Sample
from runs.models.probing import Probing
from runs.models.quota import Quota
from runs.models.record import Record, RecordKind
from runs.models.registry import ModelVersion, RegisteredModel
from runs.models.run import Run
from runs.models.secret import Secret
from runs.models.status import RunStatus
from runs.models.taking import Taking
from runs.models.token import ApiToken
from runs.models.user import Right, Role, Team, User
from runs.models.visibility import Visibility
from runs.models.webhook import Delivery, StatusChange, Webhook

__all__ = [
    "Allowance",
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "AuditHead",
    "BaseModel",
    "Checkpoint",
    "DataSet",
    "Delivery",
    "Download",
    "Draft",
    "Invitation",
    "KeptAnswer",
    "Licence",
    "LicenceAcceptance",
    "Measurement",
    "MetricPoint",
    "ModelVersion",
    "Notice",
    "Probing",
    "Quota",
    "Record",
    "RecordKind",
    "RecoveryCode",
    "Refusals",
    "RegisteredModel",
    "Right",
    "Role",
    "Run",
    "RunEvent",
    "RunStatus",
    "Sample",
    "SecondFactor",
    "Secret",
    "StatusChange",
    "Taking",
    "Team",
    "User",
    "Visibility",
    "Visit",
    "Webhook",
]
