"""What a run has left on disk, to download."""

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

from runs.services import lifecycle, outputs
from runs.web.door import page, person


@page
def log(request: HttpRequest, name: str) -> HttpResponseBase:
    run = lifecycle.find(by=person(request), name=name)
    return FileResponse(
        outputs.log_file(run).open("rb"), as_attachment=True, filename=f"{run.name}.log.txt", content_type="text/plain"
    )


@page
def specification(request: HttpRequest, name: str) -> HttpResponse:
    run = lifecycle.find(by=person(request), name=name)
    text = outputs.full_specification(run).model_dump_json(indent=2)
    headers = {"Content-Disposition": f'attachment; filename="{run.name}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)
