"""Every operation of the product: the right that it asks for, and whose things it may be done to."""

from dataclasses import dataclass
from enum import StrEnum

from runs.models import Right


class Whose(StrEnum):
    """Among those who have the right, who may do it to one given thing."""

    ANY = "any"  # it is about no thing, or about a thing that belongs to all
    SEEN = "those one may see"
    OWN = "one's own; an admin also others'"
    MINE = "one's own"


@dataclass(frozen=True, slots=True)
class Operation:
    """`title` goes on after "may": start a run. `right` is None where nobody has to be logged in."""

    title: str
    right: Right | None
    whose: Whose = Whose.ANY


READ, TRAIN, DEPLOY, ADMIN = Right.READ, Right.TRAIN, Right.DEPLOY, Right.ADMIN
SEEN, OWN, MINE = Whose.SEEN, Whose.OWN, Whose.MINE

OPERATIONS: dict[str, Operation] = {
    # without an account
    "health.ask": Operation("ask whether the server is well", None),
    "login": Operation("log in and out", None),
    # runs
    "run.list": Operation("list runs", READ, SEEN),
    "run.see": Operation("look at a run, its numbers, answers, log and files", READ, SEEN),
    "run.plan": Operation("look at the wizard and estimate a run", READ, SEEN),
    "run.probe": Operation("measure a few steps before a run", TRAIN),
    "run.create": Operation("start a run", TRAIN),
    "run.cancel": Operation("cancel a run", TRAIN, OWN),
    "run.pause": Operation("pause a run and let it go on", TRAIN, OWN),
    "run.move": Operation("move a held run to another base model", TRAIN, OWN),
    "run.move_all": Operation("move held runs of their own to another base model, all at once", TRAIN),
    "run.delete": Operation("delete a run", TRAIN, OWN),
    "run.share": Operation("say who sees a run", TRAIN, OWN),
    "draft.see": Operation("look at a draft of a run", READ, MINE),
    "draft.change": Operation("write a draft of a run", TRAIN, MINE),
    # data
    "dataset.list": Operation("list data sets", READ, SEEN),
    "dataset.see": Operation("look at and download a data set", READ, SEEN),
    "dataset.create": Operation("add a data set", TRAIN),
    "dataset.derive": Operation("make a data set from another", TRAIN, SEEN),
    "upload.change": Operation("send a large file in parts", TRAIN, MINE),
    "check.see": Operation("look at the check of a large file", READ, MINE),
    "check.change": Operation("stop the check of a large file, or confirm its mapping", TRAIN, MINE),
    "dataset.delete": Operation("delete a data set", TRAIN, OWN),
    "dataset.share": Operation("say who sees a data set", TRAIN, OWN),
    "volume.read": Operation("read files in volumes", READ),
    "volume.write": Operation("write and delete files in volumes", TRAIN),
    # catalog
    "model.see": Operation("look at base models and licences", READ),
    "licence.accept": Operation("accept a licence", TRAIN),
    # registered models
    "registered.see": Operation("look at registered models", READ, SEEN),
    "registered.create": Operation("register a model", DEPLOY, SEEN),
    "registered.change": Operation("change what is registered", DEPLOY, OWN),
    "registered.delete": Operation("delete a registered model", DEPLOY, OWN),
    "registered.share": Operation("say who sees a registered model", DEPLOY, OWN),
    # MLflow
    "record.see": Operation("look at what is in MLflow", READ, SEEN),
    "record.change": Operation("write to MLflow", TRAIN, OWN),
    "record.signed": Operation("use an address that was signed for an artifact", None),
    # one's account
    "account.see": Operation("look at one's account", READ, MINE),
    "account.change": Operation("change one's password, second factor and sessions", READ, MINE),
    "token.list": Operation("list tokens", READ, MINE),
    "token.create": Operation("make a token, with no more scopes than one has", READ, MINE),
    "token.revoke": Operation("revoke a token", READ, OWN),
    "webhook.see": Operation("look at one's webhooks and what they were told", READ, MINE),
    "webhook.change": Operation("make, change, test and delete webhooks", TRAIN, MINE),
    "secret.set": Operation("set a secret of one's own", TRAIN, MINE),
    "help.read": Operation("read the help and the description of the API", READ),
    # the console
    "console.use": Operation("use the console", ADMIN),
    "person.change": Operation("invite people, change accounts, teams and quotas", ADMIN),
    "catalog.change": Operation("change base models and licences, retire and restore", ADMIN),
    "secret.share": Operation("set a secret of the whole installation", ADMIN),
    "acceptance.export": Operation("export everybody's licence acceptances", ADMIN),
    "audit.read": Operation("read and export the audit log", ADMIN),
}
