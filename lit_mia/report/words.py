"""How numbers are written, alike in the terminal, in Markdown and on the page."""

from collections.abc import Sequence

NOTHING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """0.7124 → `0.712`; None → a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """0.18 → `+0.180`, −0.02 → `−0.020` with a true minus sign; None → a dash."""
    return NOTHING if value is None else f"{value:+.{digits}f}".replace("-", "−")


def interval(ci: Sequence[float] | None, digits: int = 3) -> str:
    """(0.65, 0.77) → `[0.650, 0.770]`; None → nothing."""
    return "" if ci is None else f"[{ci[0]:.{digits}f}, {ci[1]:.{digits}f}]".replace("-", "−")


def bounds(ci: Sequence[float] | None) -> str:
    """As `interval`; None, of an interval that cannot be said → a dash."""
    return interval(ci) or NOTHING


def percent(value: float | None, digits: int = 3) -> str:
    """0.01 → `1 %`, to `digits` significant digits with a space that does not break; None → a dash."""
    if value is None:
        return NOTHING
    return f"{100 * value:.0f}\u00a0%" if abs(value) >= 1 else f"{100 * value:.{digits}g}\u00a0%"


def percent_interval(ci: Sequence[float] | None) -> str:
    """(0.01, 0.054) → `[1.0, 5.4] %`; None → nothing."""
    return "" if ci is None else f"[{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]\u00a0%"


def p_value(p: float | None) -> str:
    """0.0063 → `p = 0.006`; 0.0002 → `p < 0.001`; None → nothing."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def bare_p(p: float | None) -> str:
    """0.0063 → `0.006`; 0.0002 → `< 0.001`; None → nothing."""
    return p_value(p).removeprefix("p = ").removeprefix("p ")


def count(value: int) -> str:
    """320000 → `320 000`, with narrow spaces that do not break."""
    return f"{value:,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """4321.0 → `1 h 12 min`; 75.4 → `1 min 15 s`; 3.2 → `3.2 s`."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
