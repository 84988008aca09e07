"""Forms of the wizard, made from the contract's settings and checked by the contract itself: no rule is written twice.

A form keeps what was typed, right or wrong. `typed` is what differs from the defaults, which is what a draft remembers.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString

from runs.contract.spec import applies
from runs.models import Right, User
from runs.services import factors
from runs.services.drafts import Upload, request_so_far
from runs.services.refused import Problem, Refused
from runs.web.fields import Kind, Setting, as_text
from runs.web.tasks import TASKS

KEYBOARDS = {Kind.WHOLE: "numeric", Kind.NUMBER: "decimal"}


class Lines(forms.Widget):
    """Several texts under one name, each in a box of its own, so that a text may have lines."""

    LEAST, MOST = 2, 20  # boxes shown; the most is the contract's

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[str]:  # noqa: ARG002
        texts = data.getlist(name) if isinstance(data, MultiValueDict) else data.get(name, [])
        return [text.replace("\r\n", "\n").strip() for text in texts if text.strip()]

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:  # noqa: ARG002
        filled = list(value or [])
        empty = min(self.MOST - len(filled), max(1, self.LEAST - len(filled)))
        boxes = [*filled, *[""] * max(0, empty)]
        return render_to_string("wizard/_lines.html", {"name": name, "boxes": boxes, "attrs": {**self.attrs, **(attrs or {})}})


class LinesField(forms.Field):
    widget = Lines

    def to_python(self, value: Any) -> list[str]:
        return list(value or [])


class SettingsForm(forms.Form):
    """Some settings of a run. `defaults` are the values, as text, that count when nothing is typed."""

    def __init__(
        self, wanted: Iterable[Setting], *, defaults: Mapping[str, str], values: Mapping[str, Any], data: Any = None
    ) -> None:
        self.settings = {setting.name: setting for setting in wanted}
        self.defaults = defaults
        self.typed: dict[str, Any] = {}  # after validation: every field, right or wrong; None where the default counts
        super().__init__(data, initial={**defaults, **values})
        for setting in self.settings.values():
            self.fields[setting.name] = form_field(setting)
            if setting.kind == Kind.SWITCH:
                self.initial[setting.name] = self.initial.get(setting.name) in ("on", True)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        values = self._values()
        there = {**self.defaults, **values}
        found = {
            name: value
            for name, value in values.items()
            if value not in ([], self.defaults.get(name, "")) and applies(name, there)  # folded away with the choice of another
        }
        self.typed = {**dict.fromkeys(self.settings), **found}
        try:
            request_so_far(found)
        except Refused as refused:
            self.refuse(refused.problems)
        return cleaned

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Put each problem at its field; those of other steps are left to them."""
        for problem in problems:
            name = problem.field.partition(".")[0]
            if name in self.fields and problem.message not in self.errors.get(name, []):
                self.add_error(name, problem.message)

    def _values(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, setting in self.settings.items():
            value = self.cleaned_data.get(name)
            if value is None:
                continue
            if setting.kind == Kind.SWITCH:
                found[name] = as_text(value)
            elif value != "":
                found[name] = value.replace(",", "") if setting.kind == Kind.WHOLE else value
        return found


def form_field(setting: Setting) -> forms.Field:
    """A field that only carries text: what is right is for the contract to say."""
    common: dict[str, Any] = {"label": setting.title, "help_text": setting.help, "required": False}
    if setting.kind == Kind.SWITCH:
        return forms.BooleanField(**common)
    if setting.kind == Kind.LINES:
        return LinesField(**common)
    if setting.kind == Kind.CHOICE:
        return forms.CharField(widget=forms.Select(choices=[(choice, choice) for choice in setting.choices]), **common)
    attributes = {"inputmode": KEYBOARDS.get(setting.kind, "text"), "autocomplete": "off", "spellcheck": "false"}
    return forms.CharField(widget=forms.TextInput(attrs=attributes), **common)


def focus_first_error(form: forms.Form) -> None:
    """Let the browser put the cursor where something must be mended, without any script."""
    for name in form.fields:
        if name in form.errors:
            form.fields[name].widget.attrs["autofocus"] = True
            return


class FilesInput(forms.FileInput):
    """What was chosen in an input for files and in the one for a folder beside it."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:  # noqa: ARG002  Django calls it so
        if files is None or not hasattr(files, "getlist"):
            return []
        return [*files.getlist(name), *files.getlist(name.removesuffix("file") + "folder")]


class FilesField(forms.FileField):
    """Any number of files, as a list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        return [super(FilesField, self).clean(one, initial) for one in data or []]


def upload_of(cleaned: dict[str, Any]) -> Upload | None:
    """What came with a form of these fields, if anything did."""
    files, key = cleaned.get("file") or [], cleaned["upload_key"]
    return Upload([(file.name, file) for file in files], cleaned["mapping"], key) if files or key else None


class DataForm(forms.Form):
    """Where rows come from: a file, a data set that is here, or a path in a volume."""

    source = forms.CharField(required=False)
    file = FilesField(required=False, allow_empty_file=True, max_length=255)
    upload_key = forms.CharField(required=False, max_length=32)  # of a file that came in parts
    dataset = forms.CharField(required=False)
    path = forms.CharField(required=False, max_length=1_000)
    mapping = forms.CharField(required=False, max_length=50)

    @property
    def upload(self) -> Upload | None:
        """A file counts whatever else is filled in: nobody chooses one by accident."""
        return upload_of(self.cleaned_data)

    @property
    def reference(self) -> str:
        """The name or path that goes with the chosen source; without scripts the choice may be left out."""
        dataset, path = str(self.cleaned_data.get("dataset", "")), str(self.cleaned_data.get("path", ""))
        return {"dataset": dataset, "path": path, "upload": ""}.get(self.cleaned_data["source"], path or dataset)


class UploadForm(forms.Form):
    """A file for the page Data, where no model is chosen yet."""

    file = FilesField(required=False, allow_empty_file=True, max_length=255)
    upload_key = forms.CharField(required=False, max_length=32)  # of a file that came in parts
    task_type = forms.ChoiceField(
        choices=[(task.value, task.title) for task in TASKS.values()],
        label="Task",
        error_messages={"invalid_choice": "Choose one of the tasks.", "required": "Choose the task that the rows are for."},
    )
    name = forms.CharField(required=False, max_length=80, label="Name", help_text="Empty: the file's name.")
    mapping = forms.CharField(required=False, max_length=50)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not cleaned.get("upload_key") and "file" not in self.errors:
            self.add_error("file", "Choose a file.")
        return cleaned


class TokenForm(forms.Form):
    """A new API token: what for, and for how long."""

    name = forms.CharField(required=False, max_length=100, label="Name", help_text="What will use it: laptop, nightly job.")
    days = forms.TypedChoiceField(
        coerce=int,
        empty_value=None,
        required=False,
        choices=[(30, "30 days"), (90, "90 days"), (365, "a year"), (0, "until it is revoked")],
        initial=90,
        label="Valid for",
    )
    scopes = forms.MultipleChoiceField(
        choices=Right.choices,
        required=False,
        initial=[Right.READ, Right.TRAIN],
        widget=forms.CheckboxSelectMultiple,
        label="It may",
        help_text="Never more than you may.",
    )

    def __init__(self, *arguments: Any, user: User, **options: Any) -> None:
        super().__init__(*arguments, **options)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(right, right.label) for right in Right if right in user.rights]
        scopes.initial = [right for right in (Right.READ, Right.TRAIN) if right in user.rights]

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None


class PasswordForm(PasswordChangeForm):
    """Django's, without its grab for the cursor: it is one of several forms on a page."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        del self.fields["old_password"].widget.attrs["autofocus"]

    def clean_old_password(self) -> str:
        given: str = self.cleaned_data["old_password"]
        try:
            factors.check_password(user=self.user, password=given)
        except Refused as refused:
            raise forms.ValidationError(refused.message) from None
        return given
