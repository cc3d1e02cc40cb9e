"""Renders docs/settings.md and docs/metrics.md: `python -m tests.support.docs` writes them, a test compares them."""

from __future__ import annotations

from pathlib import Path

from service import metrics, settings

DOCS = Path(__file__).parents[2] / "docs"


def settings_page() -> str:
    """The table of settings."""
    rows = [
        f"| `{settings.PREFIX}{name.upper()}` | {_default(row.default)} | {row.unit} | {row.reason} |"
        for name, row in settings.TABLE.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Environment variables, read at start; every fault is reported at once. An empty variable counts as unset.",
            "",
            "| name | default | unit | reason |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def metrics_page() -> str:
    """The table of metrics."""
    rows = [
        f"| `{name}` | {row.kind.__name__.lower()} | {', '.join(row.labels)} | {row.meaning} |"
        for name, row in metrics.TABLE.items()
    ]
    return "\n".join(
        [
            "# Metrics",
            "",
            "`GET /metrics`, in Prometheus' text format, summed over all workers.",
            "",
            "| name | kind | labels | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _default(default: object) -> str:
    if default in (None, "", ()):
        return "unset"
    return f"`{int(default) if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    (DOCS / "settings.md").write_text(settings_page(), "utf-8")
    (DOCS / "metrics.md").write_text(metrics_page(), "utf-8")
