"""Sizes as people write them: `50`, `50 GB`, `1.5 TB`."""

import re
from decimal import Decimal
from typing import Any

from django import forms

UNITS = {"kb": 3, "mb": 6, "gb": 9, "tb": 12, "pb": 15}  # powers of ten, as sizes are shown everywhere
WRITTEN = re.compile(r"([0-9][0-9, ]{0,20}(?:\.[0-9]{1,15})?) *(kb|mb|gb|tb|pb)?", re.ASCII | re.IGNORECASE)
MOST = 10**18  # bytes


class SizeField(forms.CharField):
    """`50`, `50 GB`, `1.5 TB`; a number alone is GB. Cleaned, it is bytes."""

    def prepare_value(self, value: Any) -> Any:
        """Exact, so that what is not changed is not changed."""
        if not isinstance(value, int):
            return value
        unit = max((unit for unit, power in UNITS.items() if value >= 10**power), key=UNITS.__getitem__, default="kb")
        number = format((Decimal(value) / 10 ** UNITS[unit]).normalize(), "f")
        return f"{number} {unit.replace('b', 'B') if unit == 'kb' else unit.upper()}"

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        found = WRITTEN.fullmatch(text)
        if found is None:
            raise forms.ValidationError("Write a number and a unit, as in 50 GB or 1.5 TB.")
        number, unit = found.groups()
        count = int(Decimal(re.sub("[, ]", "", number)) * 10 ** UNITS[(unit or "gb").lower()])
        if count > MOST:
            raise forms.ValidationError("That is more than 1,000 PB. Leave it empty for no limit.")
        return count

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except forms.ValidationError:
            return True
