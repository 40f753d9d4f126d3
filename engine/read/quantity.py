"""Numbers as people write them: `300k`, `40M`, `1.2G`, `100T`, `auto`, and times: `90s`, `9m`, `1h30m`."""

import re

from cheapconv.catalog.errors import UserError, short

MOST = 10**15  # parameters or multiply-adds; no network has so many
MOST_TRAINED = 10**27  # multiply-adds of a training
_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def count(text: object, most: int = MOST) -> int:
    """The whole number that `300k`, `40M`, `1.2G` or a plain number stands for, of a network's if at most MOST."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMGT]?)", str(text).strip())
    if not found or float(found[1]) == 0:
        raise UserError(f"'{short(text)}' is no count: write 300000, 300k, 40M or 1.2G.")
    if float(found[1]) * _FACTORS[found[2]] > most:
        raise UserError(f"{short(text)} is more than any network has: write at most {most // 10**9}G.")
    return round(float(found[1]) * _FACTORS[found[2]])


def several(option: str, text: str) -> int | None:
    """A whole number of at least 1; None for `auto`."""
    if text == "auto":
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise UserError(f"{option} is '{short(text)}': write auto, or a number such as 4.")
    return int(text)


def seconds(text: str) -> float:
    """Seconds of `90s`, `9m`, `1h30m`; a number alone is seconds."""
    text = text.strip() + "s" * text.strip().isdecimal()
    found = re.fullmatch(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", text)
    if not found or not any(found.groups()):
        raise UserError(f"'{short(text)}' is no time: write 90s, 9m or 1h30m.")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60 * minutes + rest
