"""What a benchmark saw, as a row of the table."""

from __future__ import annotations

COLUMNS = ("what", "ours", "peer", "theirs", "unit", "ratio", "aim", "holds")


def row(what: str, ours: float, peer: str, theirs: float, aim: float | None, unit: str = "s") -> dict:
    """aim: the highest ratio that is good enough, if anybody asked for one."""
    ratio = ours / theirs
    return {
        "what": what,
        "ours": _rounded(ours),
        "peer": peer,
        "theirs": _rounded(theirs),
        "unit": unit,
        "ratio": _rounded(ratio),
        "aim": "" if aim is None else f"<= {aim:g}",
        "holds": "" if aim is None else "yes" if ratio <= aim else "no",
    }


def _rounded(number: float) -> float:
    """To three digits that count."""
    return float(f"{number:.3g}")
