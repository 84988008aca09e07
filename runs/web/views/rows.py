"""The rows of a data set: from a place on, those that say something, as text or as tokens; and the first batch of a run."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from runs.data.preview import PackedBatch, Settings
from runs.data.search import texts
from runs.services import datasets, lifecycle, profiling, reading, showing
from runs.services.refused import Refused, Unfit
from runs.services.specification import resolved
from runs.web.door import page, person
from runs.web.lens import lens

ROWS = 10  # of a page
WORDS = 200  # characters of a search


@page
def index(request: HttpRequest, name: str) -> HttpResponseBase:
    """?from= is a row's number, ?q= what a row must say, ?as=tokens shows what the model sees."""
    user = person(request)
    dataset = datasets.find(by=user, name=name)
    seen, words = lens(request.GET, dataset, user), request.GET.get("q", "").replace("\x00", "")[:WORDS]
    first = _number(request.GET.get("from", ""))
    found = reading.browse(dataset=dataset, first=first, words=words, limit=ROWS)
    shown, trouble = [(number, row, texts(row)) for number, row in found.rows], ""
    tokens = []
    if request.GET.get("as") == "tokens" and seen.model:
        try:
            tokens = showing.rendered(dataset=dataset, model=seen.model, rows=found.rows, context_length=seen.context_length)
        except Refused as refused:
            trouble = refused.message
    context = {
        "dataset": dataset, "lens": seen, "found": found, "shown": shown, "tokens": tokens, "trouble": trouble, "q": words,
        "first": first, "before": max(1, first - ROWS), "as": request.GET.get("as", "text"),
    }  # fmt: skip
    return render(request, "data/rows.html", context)


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 13 else 1


@page
def batch(request: HttpRequest, name: str) -> HttpResponseBase:
    """The first packed batch of a run: which rows meet in its first step, as tokens, with their borders."""
    run = lifecycle.find(by=person(request), name=name)
    settings = resolved(run.asked, run.base_model)
    assert settings.context_length is not None
    wanted = Settings(
        context_length=settings.context_length,
        batch_size=settings.batch_size,
        seed=settings.seed,
        device=run.device_kind or "cpu",
    )
    context = {"run": run, "settings": wanted, "trouble": ""}
    try:
        if run.dataset is None:
            raise Unfit("Its data are still being checked.")
        made = profiling.first_batch(dataset=run.dataset, model=run.base_model, settings=wanted)
        context |= {"made": made, "trouble": made.reason}
        if made.is_ready:
            packed = PackedBatch.model_validate(made.result)
            context |= {"batch": packed, "bins": showing.unpacked(batch=packed, model=run.base_model)}
    except Refused as refused:
        context["trouble"] = refused.message
    return render(request, "data/batch.html", context)
