"""Forms of the console: base models, and the end of their time."""

from copy import copy
from pathlib import Path
from typing import Any

from django import forms
from pydantic import ValidationError

from runs import wiring
from runs.catalog.entries import Architecture
from runs.catalog.folder import FolderFacts, inspect
from runs.console.table import DayInput
from runs.contract.spec import Hyperparameters, TaskType
from runs.data.sources import SourceError
from runs.models import BaseModel, Role
from runs.services import offering, retirement
from runs.services.refused import Invalid, invalid

TASKS = [(task.value, task.value.replace("_", " ").capitalize()) for task in TaskType]


class BaseModelForm(forms.ModelForm[BaseModel]):
    task_types = forms.MultipleChoiceField(choices=TASKS, widget=forms.CheckboxSelectMultiple)
    defaults = forms.JSONField(required=False, help_text='Settings that differ from the usual, as in {"learning_rate": 5e-5}')

    roles = forms.MultipleChoiceField(
        choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple, help_text="Who may use it; none: every role."
    )

    facts: FolderFacts | None = None  # of the folder that was named, once it has been looked at

    class Meta:
        model = BaseModel
        fields = (
            "name", "display_name", "family", "parameters", "max_context_length", "task_types", "licence", "folder", "hub_id",
            "revision", "defaults", "architecture", "roles", "teams", "enabled",
        )  # fmt: skip

    def clean_defaults(self) -> dict[str, Any]:
        given = self.cleaned_data.get("defaults") or {}
        if not isinstance(given, dict):
            raise forms.ValidationError('Write a JSON object, as in {"learning_rate": 5e-5}.')
        try:
            Hyperparameters.model_validate(given)
        except ValidationError as error:
            raise forms.ValidationError(
                [f"{problem.field}: {problem.message}" for problem in invalid(error).problems]
            ) from None
        return given

    def clean_folder(self) -> str:
        folder: str = self.cleaned_data["folder"].strip()
        if not folder:
            return folder
        if not Path(folder).is_absolute():
            raise forms.ValidationError("Write the whole path, from / on.")
        try:
            if there := wiring.model_volume(BaseModel(folder=folder)):
                there.listing()  # looked into when the weights are here
                return folder
            self.facts = inspect(wiring.model_folder(BaseModel(folder=folder)))
        except SourceError as error:
            raise forms.ValidationError(str(error)) from None
        if self.facts.problems:
            raise forms.ValidationError(list(self.facts.problems))
        return folder

    def clean_architecture(self) -> dict[str, Any]:
        """What the folder says, else what was written: without it nobody can say what a run needs."""
        given = self.cleaned_data.get("architecture") or {}
        if not given and self.facts and self.facts.architecture:
            return self.facts.architecture.model_dump(mode="json")
        try:
            return Architecture.model_validate(given).model_dump(mode="json")
        except ValidationError as error:
            found = [f"{problem.field or 'architecture'}: {problem.message}" for problem in invalid(error).problems]
            raise forms.ValidationError(["Name a folder to read this from, or write it.", *found]) from None

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        most = self.facts.max_context_length if self.facts else None
        if most and given.get("max_context_length", 0) > most:
            self.add_error("max_context_length", f"The model's own config.json says {most:,} at most.")
        if given.get("enabled") and "enabled" in self.changed_data and not self.errors:
            self._check_fit(given)
        return given

    def _check_fit(self, given: dict[str, Any]) -> None:
        wanted = copy(self.instance)
        wanted.folder, wanted.task_types = given["folder"], given["task_types"]
        wanted.max_context_length = given["max_context_length"]
        try:
            offering.check_fit(wanted)
        except Invalid as refused:
            self.add_error("enabled", refused.message)


class RetireForm(forms.Form):
    on = forms.DateField(label="First day without it", widget=DayInput, help_text="Until then its users are warned.")
    replacement = forms.ModelChoiceField(
        BaseModel.objects.offered(),
        required=False,
        empty_label="none",
        help_text="Named to whoever asks for it afterwards.",
    )
    reason = forms.CharField(max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="For the people who use it.")

    def __init__(self, *args: Any, leaving: list[BaseModel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaving = leaving
        field = self.fields["replacement"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = BaseModel.objects.offered().exclude(pk__in=[model.pk for model in leaving])

    def clean(self) -> dict[str, Any]:
        """The rules of the service too, so that everything is said at once: a day that is over beside a missing reason."""
        given: dict[str, Any] = super().clean() or {}
        wanted = {"on": given.get("on"), "replacement": given.get("replacement"), "reason": given.get("reason", "")}
        for model in self.leaving:
            for problem in retirement.faults(model=model, **wanted):
                if problem.field not in self.errors:
                    self.add_error(problem.field, problem.message)
        return given


class RestoreForm(forms.Form):
    reason = forms.CharField(max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the audit log.")
