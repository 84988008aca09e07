"""Whether what looks like a private value can be one: checksums, and counts of digits where there is none."""

import re
from ipaddress import ip_address


def luhn(text: str) -> bool:
    digits = [int(mark) for mark in text if mark.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: four characters to the end, letters as numbers, remainder 1 by 97."""
    bare = re.sub(r"[ -]", "", text).upper()
    return 15 <= len(bare) <= 34 and int("".join(str(int(mark, 36)) for mark in bare[4:] + bare[:4])) % 97 == 1


# What a character counts for at an odd place of a codice fiscale; a digit counts as the letter of its rank.
ODD_LETTERS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def codice_fiscale(text: str) -> bool:
    """Decreto ministeriale 23/12/1976: the last letter checks the fifteen before it."""
    bare = text.upper()
    odd = sum(ODD_LETTERS[int(mark) if mark.isdigit() else ord(mark) - ord("A")] for mark in bare[0:15:2])
    even = sum(int(mark) if mark.isdigit() else ord(mark) - ord("A") for mark in bare[1:15:2])
    return chr(ord("A") + (odd + even) % 26) == bare[15]


def phone(text: str) -> bool:
    digits = sum(mark.isdigit() for mark in text)
    return (8 if text.startswith(("+", "00")) else 7) <= digits <= 15


def address(text: str) -> bool:
    """A real address that can point at somebody: neither this machine itself nor nobody."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified or found.is_multicast)


def mixed(text: str) -> bool:
    """Letters and digits both, as in a made-up password and unlike a word."""
    return any(mark.isdigit() for mark in text) and any(mark.isalpha() for mark in text)
