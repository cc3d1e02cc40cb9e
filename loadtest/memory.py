"""Memory over requests: a line through it, and a picture of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 760.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 120.0, 40.0, 48.0
COLOURS = ("#0b62a4", "#b4540a")


class Sample(NamedTuple):
    """Resident memory in MB of each process, by its name, after so many requests."""

    requests: int
    mb: Mapping[str, float]


class Line(NamedTuple):
    """A straight line through memory, from one number of requests to another."""

    first: int
    last: int
    start_mb: float
    end_mb: float

    @property
    def mb_per_million(self) -> float:
        """Its slope, in MB per million requests; what is below a kilobyte is the arithmetic's."""
        return round((self.end_mb - self.start_mb) / (self.last - self.first) * 1e6, 3)


def fitted(samples: Sequence[Sample]) -> dict[str, Line]:
    """For each process the line of least squares."""
    requests = np.array([sample.requests for sample in samples], float)
    first, last = samples[0].requests, samples[-1].requests
    lines = {}
    for name in samples[0].mb:
        slope, start = np.polyfit(requests - first, [sample.mb[name] for sample in samples], 1)
        lines[name] = Line(first, last, float(start), float(start + slope * (last - first)))
    return lines


def drawn(title: str, samples: Sequence[Sample], lines: Mapping[str, Line]) -> str:
    """An SVG of the samples with their lines. Memory starts at 0 on it, so that what looks flat is flat."""
    x_max = max(sample.requests for sample in samples)
    y_max = 1.15 * max(mb for sample in samples for mb in sample.mb.values())

    def x(requests: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * requests / x_max

    def y(mb: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * mb / y_max

    parts = [_text(LEFT, 22, title, size=15)]
    for mb in _ticks(y_max):
        parts += [
            _stroke([(LEFT, y(mb)), (WIDTH - RIGHT, y(mb))], "#d8d8d8"),
            _text(LEFT - 8, y(mb) + 4, f"{mb:g}", "end"),
        ]
    parts += [_text(x(requests), HEIGHT - BOTTOM + 18, f"{requests:,.0f}", "middle") for requests in _ticks(x_max)]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "requests", "middle"))
    parts.append(_text(LEFT - 8, TOP - 6, "MB", "end"))
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        parts.append(_stroke([(x(sample.requests), y(sample.mb[name])) for sample in samples], colour))
        parts.append(_stroke([(x(line.first), y(line.start_mb)), (x(line.last), y(line.end_mb))], "#000", dashed=True))
        parts.append(_text(WIDTH - RIGHT + 8, y(line.end_mb) + 4, f"{name}, {line.end_mb:.0f} MB", colour=colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" font-family="sans-serif" '
        f'role="img"><title>{title}</title><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _ticks(end: float) -> list[float]:
    """Four to eight round numbers from 0 to `end`."""
    rough = end / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough))
    return [float(tick) for tick in np.arange(0, end, step)]


def _stroke(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'


def _text(x: float, y: float, text: str, anchor: str = "start", *, size: int = 12, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{text}</text>'
