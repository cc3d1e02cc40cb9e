"""The page: all sections in both languages, in one HTML file that loads nothing."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from training.report.blocks import Section, Writer
from training.report.findings import Findings
from training.report.markup import tag
from training.report.sections import (
    calibration,
    effects,
    fairness,
    gains,
    leaks,
    limits,
    making,
    money,
    peers,
    profit,
    quality,
    summary,
    survival,
    worth,
)
from training.report.voice import LANGUAGES, Lang, Voice

SECTIONS: tuple[Writer, ...] = (
    summary.write,
    calibration.write,
    gains.write,
    survival.write,
    effects.write,
    money.write,
    profit.write,
    leaks.write,
    worth.write,
    fairness.write,
    quality.write,
    peers.write,
    limits.write,
    making.write,
)
"""In the order in which they are read."""

NAMES: dict[Lang, str] = {"en": "English", "ja": "日本語"}


def render(findings: Findings) -> bytes:
    """The report as a UTF-8 HTML file. The same findings give the same bytes."""
    name = findings.manifest.name
    style, script = Markup(_resource("page.css")), Markup(_resource("page.js"))  # noqa: S704 - our own files
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"{name}: churn model report · 解約予測モデル報告書"),
        tag("style", style),
    )
    body = tag(
        "body",
        _switch(),
        tag("main", *(_article(findings, lang) for lang in LANGUAGES)),
        tag("script", script),
    )
    return b"<!doctype html>\n" + tag("html", head, body, lang="en").encode()


def _switch() -> Markup:
    """The choice of language: two radio buttons that the style sheet listens to, so that no script is needed."""
    choices = [
        tag(
            "label",
            tag("input", type="radio", name_="lang", id=f"lang-{lang}", checked="" if lang == "en" else None),
            NAMES[lang],
            lang=lang,
        )
        for lang in LANGUAGES
    ]
    legend = tag("legend", "Language · 言語")
    return tag("header", tag("fieldset", legend, *choices, class_="languages"))


def _article(findings: Findings, lang: Lang) -> Markup:
    manifest = findings.manifest
    say = Voice(lang, manifest.currency, manifest.period)
    sections = [write(findings, say) for write in SECTIONS]
    contents = tag(
        "nav",
        tag("h2", say("Contents", "目次")),
        tag("ol", *(tag("li", tag("a", s.title, href=f"#{lang}-{s.key}")) for s in sections)),
        aria_label=say("Contents", "目次"),
    )
    title = tag(
        "header",
        tag("p", say("Churn model report", "解約予測モデル報告書"), class_="kicker"),
        tag("h1", manifest.name),
    )
    return tag("article", title, contents, *(_section(s, lang) for s in sections), lang=lang)


def _section(section: Section, lang: Lang) -> Markup:
    key = f"{lang}-{section.key}"
    heading = tag("h2", section.title, id=f"{key}-title")
    return tag("section", heading, section.body, id=key, aria_labelledby=f"{key}-title")


@cache
def _resource(name: str) -> str:
    return files("training.report").joinpath(name).read_text("utf-8").strip()


def _hash(content: str) -> str:
    """As a content security policy names what it lets in."""
    return "sha256-" + b64encode(hashlib.sha256(content.encode()).digest()).decode()
