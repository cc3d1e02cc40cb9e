"""Progress bars on stderr, silent when nobody is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


def say(sentence: str) -> None:
    """Tell the person at the terminal; stdout stays for what another program reads."""
    Console(stderr=True).print(sentence, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bar(what: str) -> Iterator[Callable[[float], None]]:
    """A bar named `what`; call what it yields with the share of the work that is done, 0..1. Until then it pulses."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=None)
        yield lambda share: progress.update(task, completed=share, total=1.0)


def share(progress: Callable[[float], None], part: int, parts: int) -> Callable[[float], None]:
    """For one of several equal parts of the work, numbered from 0: its own share, told as one of the whole."""
    return lambda done: progress((part + done) / parts)
