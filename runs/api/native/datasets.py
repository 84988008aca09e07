"""Data sets: upload, list, show, download, delete."""

from io import BytesIO
from typing import Any, BinaryIO, TypeVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.bodies import RAW_PARSERS, holds_nul
from runs.api.native.endpoint import operation, resource
from runs.api.native.offers import DataSetPage, DataSetShape
from runs.api.native.paging import page
from runs.api.native.profiles import TrialShape, length_of
from runs.api.native.query import CheckQuery, DataSetsQuery, FileQuery, UploadQuery, parameters, read, validated
from runs.api.native.takings import TakingShape
from runs.models import DataSet
from runs.services import checks, datasets, once, taking, trying
from runs.services.outputs import rows_file
from runs.services.refused import Malformed, StillChecking

Fields = TypeVar("Fields", bound=FileQuery)


def _described(query: type[FileQuery]) -> tuple[list[OpenApiParameter], dict[str, Any]]:
    """A file with these fields, as parameters beside its bytes and as a form."""
    fields = [*parameters(query)]
    for parameter in fields:
        parameter.required = False  # a form has them as its fields
    properties = {
        "file": {"type": "string", "format": "binary", "description": "The rows: .jsonl, .json, .csv, .parquet or .txt"},
        **{parameter.name: parameter.type for parameter in fields},
        "task_type": {
            "type": "string",
            "enum": ["CHAT_COMPLETION", "INSTRUCTION_FINETUNE", "CONTINUED_PRETRAIN"],
            "description": "Here or in the query",
        },
    }
    form = {"type": "object", "additionalProperties": False, "required": ["file"], "properties": properties}
    return fields, {"multipart/form-data": form, "application/jsonl": OpenApiTypes.BINARY}


FIELDS, UPLOAD = _described(UploadQuery)
CHECK_FIELDS, CHECK = _described(CheckQuery)


@operation("List data sets", answer=DataSetPage, query=DataSetsQuery, tag="datasets")
def list_datasets(request: Request) -> Response:
    """Data sets that you may see, newest first unless `order` says otherwise."""
    query = read(request, DataSetsQuery)
    rows = DataSet.objects.visible_to(person(request)).select_related("owner", "derived_from")
    wanted = {
        "task_type": query.task_type,
        "owner__username": query.owner,
        "derived_from__name": query.derived_from,
        "name__icontains": query.search,
    }
    rows = rows.filter(**{key: value for key, value in wanted.items() if value})
    return page(request, rows, query, DataSetShape.of, order=query.order)


@operation(
    "Upload a data set",
    answer={201: DataSetShape, 202: TakingShape},
    body=UPLOAD,
    headers=FIELDS,
    creates=True,
    tag="datasets",
)
def upload_dataset(request: Request) -> Response:
    """As a form with a `file`, as the file's bytes with the rest in the query, or as the key of an upload in parts.

    What is wrong is named by line. A file of more than 32 MiB (packed: 8 MiB) is checked in the background: the answer is 202
    with the check, to be asked at its Location until it is ready. To confirm the mapping that a refused check proposes, send
    its key as `upload`.
    """
    try:
        made = _uploaded(request)
    except StillChecking as checking:
        response = shown(TakingShape.of(taking.find(by=person(request), key=checking.check)), 202)
        response.headers["Location"] = request.build_absolute_uri(f"/api/v1/checks/{checking.check}")
        return response
    response = shown(DataSetShape.of(made), 201)
    response.headers["Location"] = request.build_absolute_uri(f"/api/v1/datasets/{made.name}")
    return response


def _uploaded(request: Request) -> DataSet:
    file, filename, fields = _sent(request, UploadQuery)
    settings: dict[str, Any] = {"task": fields.task_type, "name": fields.name, "mapping": fields.mapping}
    if fields.upload:
        return datasets.add_arrived(by=person(request), key=fields.upload, **settings)
    return datasets.add_upload(by=person(request), file=file, filename=filename, **settings)


def _sent(request: Request, query: type[Fields]) -> tuple[BinaryIO, str, Fields]:
    return _form(request, query) if isinstance(request.data, QueryDict) else _raw(request, query)


def _form(request: Request, query: type[Fields]) -> tuple[BinaryIO, str, Fields]:
    """What the form says goes before what the query says, which must be in order all the same."""
    if len(request.FILES.getlist("file")) > 1:
        raise Malformed("Send one file. Pack several texts into a .zip.", field="file")
    if holds_nul(asked := request.query_params.dict()):
        raise Malformed("A parameter has a NUL character in it. Remove it.")
    sent = cast(QueryDict, request.data)
    if repeated := [key for key in sent if len(sent.getlist(key)) > 1]:
        raise Malformed(f"“{repeated[0][:100]}” is given more than once.", field=repeated[0][:100])
    fields = {**asked, **sent.dict()}
    file = fields.pop("file", None)
    if asked.keys() & fields.keys():
        validated(query, {**fields, **asked})
    if not isinstance(file, UploadedFile) and fields.get("upload"):
        return BytesIO(), "", validated(query, fields)
    if not isinstance(file, UploadedFile):
        raise Malformed("Send the rows as a form's file called “file”.", field="file")
    return cast(BinaryIO, file), (file.name or "data.jsonl").replace("\x00", ""), validated(query, fields)


def _raw(request: Request, query: type[Fields]) -> tuple[BinaryIO, str, Fields]:
    fields = read(request, query)
    name = fields.name or "data.jsonl"
    stream = BytesIO() if isinstance(request.data, dict) else request.data  # an empty body is parsed by nobody
    return cast(BinaryIO, stream), name if "." in name else f"{name}.jsonl", fields


@operation("Check a file", answer=TrialShape, body=CHECK, headers=CHECK_FIELDS, tag="datasets")
def check_file(request: Request) -> Response:
    """The same report as an upload's and, with a base model, its tokens and the advice on them; nothing is kept.

    At most 32 MiB (packed: 8 MiB) are checked while you wait. Upload what is larger: it is checked in the background.
    """
    if isinstance(request.data, dict) and not isinstance(request.data, QueryDict):  # parsed by nobody: there was no body
        raise Malformed("Send the rows as the body, or as a form's file called “file”.", field="file")
    file, filename, fields = _sent(request, CheckQuery)
    model = checks.find_model(fields.model) if fields.model else None
    length = length_of(fields.context_length, model)
    plan = trying.Plan(model, length, fields.training_duration, fields.batch_size) if model else None
    settings: dict[str, Any] = {"task": fields.task_type, "mapping": fields.mapping, "plan": plan}
    return shown(TrialShape.of(trying.try_file(by=person(request), file=file, filename=filename, **settings)))


@operation("Show a data set", answer=DataSetShape, tag="datasets")
def show_dataset(request: Request, name: str) -> Response:
    """With the report of its check."""
    return tagged(request, DataSetShape.of(datasets.find(by=person(request), name=name)).model_dump(mode="json"))


@operation("Download a data set's rows", answer={(200, "application/jsonl"): OpenApiTypes.BINARY}, tag="datasets")
def download_rows(request: Request, name: str) -> FileResponse:
    """The canonical rows: what a run is trained on, one JSON object a line."""
    dataset = datasets.find(by=person(request), name=name)
    rows = rows_file(dataset.digest).open("rb")
    return FileResponse(rows, as_attachment=True, filename=f"{dataset.name}.jsonl", content_type="application/jsonl")


@operation("Delete a data set", status=204, tag="datasets")
def delete_dataset(request: Request, name: str) -> Response:
    """Refused while there are runs that were trained or evaluated on it. Deleted ones keep its name and digest."""
    datasets.delete(dataset=datasets.find(by=person(request), name=name), by=person(request))
    once.release(by=person(request), location=request.path)
    return Response(status=204)


check = resource(parsers=[MultiPartParser, *RAW_PARSERS], post=check_file)
collection = resource(parsers=[MultiPartParser, *RAW_PARSERS], get=list_datasets, post=upload_dataset)
item = resource(get=show_dataset, delete=delete_dataset)
rows = resource(get=download_rows)
