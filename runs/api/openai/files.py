"""`/v1/files`: data sets as files. A file is checked while it is sent: what cannot be trained on is refused with its line.

A large one is `uploaded` until it is checked in the background, under the name that it will have as a data set.
"""

import csv
import hashlib
import io
from typing import Any, BinaryIO, cast

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from runs import wiring
from runs.api.openai import naming
from runs.api.openai.door import Missing, is_resent, resource
from runs.api.openai.paging import behind, limit_of, page
from runs.api.openai.shapes import file_object, results_object
from runs.api.sending import sent
from runs.contract.spec import TaskType
from runs.models import DataSet, MetricPoint, Run, Taking, User
from runs.services import datasets, taking
from runs.services.outputs import rows_file
from runs.services.refused import Invalid, StillChecking
from runs.services.resending import once_if_resent

MOST, LONGEST_LINE = 10_000, 1 << 20
COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")


def create(request: HttpRequest, user: User) -> HttpResponseBase:
    if (purpose := request.POST.get("purpose")) != "fine-tune":
        told = f"“{purpose[:100]}” is not a purpose here" if purpose else "purpose is required"
        raise Invalid(f"{told}: files are for purpose=fine-tune.", field="purpose")
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Invalid("file is required.", field="file")
    rows, name = cast(BinaryIO, file), file.name or "file.jsonl"
    dataset = once_if_resent(
        by=user,
        text=f"{name} {_digest(rows)}",
        make=lambda: _added(user, rows, name),
        earlier=lambda known: _earlier(user, known),
        resent=is_resent(request),
    )
    return JsonResponse(file_object(dataset))


def _added(by: User, rows: BinaryIO, name: str) -> DataSet | Taking:
    try:
        return datasets.add_upload(by=by, file=rows, filename=name, task=_task(rows), keep_original=True)
    except StillChecking as checking:
        return taking.find(by=by, key=checking.check)


def _earlier(by: User, name: str) -> DataSet | Taking | None:
    own = DataSet.objects.filter(owner=by, name=name).first()
    return own or Taking.objects.files_of(by).filter(name=name).first()


def _digest(file: BinaryIO) -> str:
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads, and that is all
    file.seek(0)
    return digest


def _task(file: BinaryIO) -> TaskType:
    """What the first row looks like; the check says what is wrong with it and all others."""
    first = next((line for line in iter(lambda: file.readline(LONGEST_LINE), b"") if line.strip()), b"")
    file.seek(0)
    try:
        row = orjson.loads(first.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return TaskType.CHAT_COMPLETION
    return TaskType.INSTRUCTION_FINETUNE if isinstance(row, dict) and "prompt" in row else TaskType.CHAT_COMPLETION


def index(request: HttpRequest, user: User) -> HttpResponseBase:
    limit, newest_first = limit_of(request, MOST, MOST), request.GET.get("order", "desc") != "asc"
    if request.GET.get("purpose", "fine-tune") != "fine-tune":
        return page([], limit, file_object)
    kinds: list[Any] = [DataSet.objects.visible_to(user), Taking.objects.files_of(user)]
    if after := request.GET.get("after"):
        last, sign = naming.find_file(user, after, param="after"), "lt" if newest_first else "gt"
        kinds = [
            behind(rows, last, "created_at", newest_first=newest_first)
            if isinstance(last, rows.model)
            else rows.filter(**{f"created_at__{sign}": last.created_at})
            for rows in kinds
        ]
    minus = "-" if newest_first else ""
    found = [row for rows in kinds for row in rows.order_by(f"{minus}created_at", f"{minus}pk")[: limit + 1]]
    found.sort(key=lambda row: row.created_at, reverse=newest_first)
    return page(found[: limit + 1], limit, file_object)


def show(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    if key.startswith(naming.RESULTS):
        run = naming.find_results(user, key)
        return JsonResponse(results_object(run, len(_results(run))))
    return JsonResponse(file_object(naming.find_file(user, key)))


def content(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    if key.startswith(naming.RESULTS):
        run = naming.find_results(user, key)
        headers = {"Content-Disposition": f'attachment; filename="{run.name}.csv"'}
        return HttpResponse(_results(run), content_type="text/csv; charset=utf-8", headers=headers)
    file = naming.find_file(user, key)
    if isinstance(file, Taking):
        path = wiring.taking_folder(file.key) / "file"
        if not path.exists():
            raise Missing(f"{key} was refused, and its bytes are not kept: {file.reason}", param="id")
    else:
        path = wiring.original_file(file.original) if file.original else rows_file(file.digest)
    return sent(path, filename=file_object(file)["filename"])


def delete(request: HttpRequest, user: User, key: str) -> HttpResponseBase:
    file = naming.find_file(user, key)
    if isinstance(file, Taking):
        taking.cancel(by=user, key=file.key)
    else:
        datasets.delete(dataset=file, by=user)
    return JsonResponse({"id": key, "object": "file", "deleted": True})


def _results(run: Run) -> bytes:
    """The curve as the original's results file has it. Nobody measured the accuracy of training rows: that column is empty."""
    lines: dict[int, dict[str, Any]] = {}
    for point in MetricPoint.objects.filter(run=run).order_by("step"):
        line, loss = lines.setdefault(point.step, {"step": point.step}), point.values.get("loss")
        if point.kind == "train":
            line["train_loss"] = loss
        else:
            line |= {"valid_loss": loss, "valid_mean_token_accuracy": point.values.get("token_accuracy")}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(lines.values())
    return text.getvalue().encode()


collection = resource(get=index, post=create)
item = resource(get=show, delete=delete)
bytes_of = resource(get=content)
