"""The model card and the licence notice of a registered model, as text. Pure: specification and history in, Markdown out."""

import math
from collections.abc import Iterator

from runs.contract.duration import Duration
from runs.contract.spec import RunSpec, TaskType, applies
from runs.registry.history import History
from runs.registry.protocol import LicenceNotice, Publication

TASKS = {
    TaskType.CHAT_COMPLETION: "chat completion: the loss counts on the assistant's turns",
    TaskType.INSTRUCTION_FINETUNE: "instruction: the loss counts on the response",
    TaskType.CONTINUED_PRETRAIN: "continued pretraining: the loss counts on every token",
}
WHAT = {
    "full": "all parameters",
    "lora": "LoRA adapters, folded into the weights; they are in adapter/ too",
    "qlora": "LoRA adapters beside 4-bit weights, folded into what these stand for; they are in adapter/ too",
}
CURVE_POINTS = 12
SETTINGS = (
    "method",
    "lora_rank",
    "lora_alpha",
    "lora_dropout",
    "lora_targets",
    "training_duration",
    "learning_rate",
    "batch_size",
    "context_length",
    "optimizer",
    "schedule",
    "warmup_share",
    "weight_decay",
    "gradient_clip",
    "precision",
    "seed",
)


def card(publication: Publication, spec: RunSpec, history: History) -> str:
    """Markdown with the front matter that model hubs read."""
    return "\n".join(
        [
            "---",
            f"base_model: {spec.base_model.name}",
            f"license: {'apache-2.0' if publication.licence.key == 'apache-2-0' else 'other'}",
            "pipeline_tag: text-generation",
            "---",
            "",
            f"# {publication.name}",
            "",
            f"{spec.base_model.name}, fine-tuned by the run `{publication.run_name}` on the data set “{spec.train.name}”.",
            *([f"It went on from {', and that from '.join(f'`{name}`' for name in spec.lineage)}."] if spec.lineage else []),
            *_licence(publication),
            *_data(spec),
            *_settings(spec),
            *_provenance(spec),
            *_results(history),
            *_limits(spec),
            "",
        ]
    )


def _licence(publication: Publication) -> Iterator[str]:
    licence = publication.licence
    yield from ("", "## Licence", "", f"The base model comes under the {licence.name}{_link(licence.url)}.")
    if licence.policy_url:
        yield f"Its acceptable use policy applies too{_link(licence.policy_url)}."
    if licence.notice:
        yield from ("", licence.notice)
    if licence.attribution:
        yield from ("", f"Attribution: **{licence.attribution}**")
    if licence.user_threshold:
        yield from ("", f"Above {licence.user_threshold:,} monthly users, ask the licensor for a licence of your own.")
    if licence.obligations:
        yield from ("", "Whoever passes this model on must:", "", *(f"- {duty}" for duty in licence.obligations))
    if last := forbidden(publication.name, licence.name_prefix):
        yield from ("", f"**The licence wants the name to begin with “{licence.name_prefix}”; “{last}” does not.**")


def _data(spec: RunSpec) -> Iterator[str]:
    yield from ("", "## Data", "", "| used for | data set | rows | digest |", "| --- | --- | ---: | --- |")
    for use, data in (("training", spec.train), ("evaluation", spec.evaluation)):
        if data is not None:
            yield f"| {use} | {data.name} | {data.rows:,} | `{data.digest}` |"


def _settings(spec: RunSpec) -> Iterator[str]:
    settings = spec.hyperparameters
    chosen = settings.model_dump()
    yield from ("", "## Training", "", "| setting | value |", "| --- | --- |")
    yield f"| task | {TASKS[spec.task_type]} |"
    yield from (f"| {name.replace('_', ' ')} | {getattr(settings, name)} |" for name in SETTINGS if applies(name, chosen))
    yield f"| in words | {Duration.parse(settings.training_duration).in_words}, {WHAT[settings.method]} |"


def _provenance(spec: RunSpec) -> Iterator[str]:
    """What somebody needs who wants the same weights again."""
    if found := spec.provenance:
        packages = ", ".join(f"{name} {number}" for name, number in found.versions.items())
        yield from ("", f"Made by {packages}, on {found.processor}, from the base model's files", "")
        yield from (f"- {name} `{digest}`" for name, digest in found.base_model.items())
        if found.custom_weights:
            yield from ("", "and, as weights to start from,", "")
            yield from (f"- {name} `{digest}`" for name, digest in found.custom_weights.items())


def _results(history: History) -> Iterator[str]:
    yield from ("", "## Results", "")
    yield from _curve(history)
    if step := history.last_step:
        yield f"{step.step:,} steps, {step.tokens:,} tokens, last training loss {step.loss:.4f}."
    if history.evaluations:
        yield from ("", "| step | evaluation loss | perplexity | token accuracy |", "| ---: | ---: | ---: | ---: |")
        for number, score in sorted(history.evaluations.items()):
            name = f"{number} (base model)" if number == 0 else str(number)
            yield f"| {name} | {score.loss:.4f} | {score.perplexity:.3f} | {score.token_accuracy:.1%} |"
    for sample in history.last_samples:
        yield from ("", f"Asked: {_quoted(sample.prompt)}", "", f"Answered: {_quoted(sample.answer)}")


def _curve(history: History) -> Iterator[str]:
    """The training loss as a table of at most CURVE_POINTS means, so that the card has the curve without a picture."""
    losses = [step.loss for _, step in sorted(history.steps.items()) if math.isfinite(step.loss)]
    if len(losses) < 2:
        return
    size = -(-len(losses) // CURVE_POINTS)
    parts = [losses[at : at + size] for at in range(0, len(losses), size)]
    yield from ("| steps | mean training loss |", "| --- | ---: |")
    for number, part in enumerate(parts):
        first = number * size + 1
        yield f"| {first:,} to {first + len(part) - 1:,} | {sum(part) / len(part):.4f} |"
    yield ""


def _limits(spec: RunSpec) -> Iterator[str]:
    settings = spec.hyperparameters
    yield from ("", "## Limits", "")
    yield f"- Trained on at most {settings.context_length:,} tokens a row; longer ones were cut; longer prompts are untried."
    yield "- It can be wrong, and it has the base model's gaps and leanings as well as those of its data."
    if spec.evaluation is None:
        yield "- It was not scored on rows apart from its training data."
    yield "- Answers are greedy by default: the same prompt gives the same answer."


def forbidden(name: str, prefix: str) -> str:
    """The part of a registered name that its base model's licence does not allow, or nothing."""
    last = name.rpartition(".")[2]
    return last if prefix and not last.lower().startswith(prefix.lower()) else ""


def notice(licence: LicenceNotice, base_model: str) -> str:
    """The text file that goes with the weights: the line of attribution first, as some licences ask."""
    lines = [
        licence.attribution,
        f"Derived from {base_model}.",
        f"Licence: {licence.name}",
        licence.url,
        licence.policy_url,
        "",
        licence.notice,
    ]
    return "\n".join([*(line for line in lines if line), *(f"- {duty}" for duty in licence.obligations), ""])


def _link(url: str) -> str:
    return f" ({url})" if url else ""


def _quoted(text: str) -> str:
    return "\n> " + text.strip()[:1_000].replace("\n", "\n> ")
