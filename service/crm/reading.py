"""Reads a company's CRM accounts: a folder with one `<crm>.toml` each, beside the files that hold their secrets."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from models.errors import nearest
from service.crm.account import Account, Field, Form, Name, Rules
from service.crm.catalogue import CRMS
from service.crm.written import WRITTEN
from service.errors import SettingsError
from service.settings import LANGUAGES

Table = dict[str, Any]

_TABLES = ("account", "options", "features", "write_back")
_TEXTS = {
    "secrets_file": Form(r".+", "the name of a file beside this one"),
    "token_file": Form(r".+", "the name of a file beside this one"),
    "public_url": Form(r"https?://[!-~]+", "the URL to which the CRM sends its webhooks"),
    "api_url": Form(r"https?://[!-~]+", "the base URL of the CRM's interface"),
    "prefix": Form(r"[!-~]{0,64}", "at most 64 visible ASCII characters"),
    "language": Form("|".join(LANGUAGES), "one of " + ", ".join(LANGUAGES)),
}
_ACCOUNT = (*_TEXTS, "ids")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def read_accounts(folder: Path) -> dict[Name, Account]:
    """The accounts that `folder` states, by the CRM's name.

    Raises:
        SettingsError: listing every fault of every file: file, key, what was expected or the nearest right name.
    """
    if not folder.is_dir():
        raise SettingsError(f"GATEKEEPER_CRM_DIR: {folder}: expected a folder with one TOML file per CRM")
    accounts: dict[Name, Account] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        if path.stem not in CRMS:
            faults.append(f"{path.name}: is no CRM that we know{_hint(path.stem, CRMS)}")
            continue
        try:
            stated = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            faults.append(f"{path.name}: does not read: {error}")
            continue
        reader = _Reader(path, CRMS[path.stem].RULES, stated)
        accounts[path.stem] = reader.account()
        faults += reader.faults
    if faults:
        raise SettingsError("\n".join(faults))
    return accounts


class _Reader:
    """One account's file, and the faults found in it so far."""

    def __init__(self, path: Path, rules: Rules, stated: Table) -> None:
        self.faults: list[str] = []
        self._path = path
        self._rules = rules
        self._tables: dict[str, Table] = {name: {} for name in _TABLES}
        for name, table in stated.items():
            if name not in _TABLES:
                self._fault(name, f"is no table of an account{_hint(name, _TABLES)}")
            elif not isinstance(table, dict):
                self._fault(name, "expected a table")
            else:
                self._tables[name] = table

    def account(self) -> Account:
        """The account, to be used when there are no faults."""
        account, rules = self._tables["account"], self._rules
        self._known("account", account, _ACCOUNT)
        texts: dict[str, Any] = {key: self._text(f"account.{key}", account.get(key), _TEXTS[key]) for key in _TEXTS}
        for key in ("secrets_file", *rules.needs):
            if key not in account:
                self._fault(f"account.{key}", f"is missing: expected {_expected(key)}")
        for key in ("public_url", "api_url"):
            self._safe(f"account.{key}", texts[key])
        secrets = self._lines("account.secrets_file", texts.pop("secrets_file"))
        for number, secret in enumerate(secrets, start=1):
            if re.fullmatch(rules.secret.pattern, secret) is None:
                self._fault("account.secrets_file", f"secret {number}: expected {rules.secret.expected}")
        tokens = self._lines("account.token_file", texts.pop("token_file"))
        if len(tokens) > 1:
            self._fault("account.token_file", "expected one line, the token")
        if texts["api_url"] and rules.token and "token_file" not in account:
            self._fault("account.token_file", "is missing: the CRM's interface at api_url wants a token")
        if "token_file" in account and not rules.token:
            self._fault("account.token_file", "is not known here: nothing wants a token")
        return Account(
            crm=self._path.stem,
            secrets=tuple(secrets),
            token="".join(tokens[:1]),
            ids=self._ids(account.get("ids", [])),
            features=self._features(),
            write_back=self._write_back(called=bool(texts["api_url"])),
            options=self._options(),
            **{key: text for key, text in texts.items() if text},
        )

    def _ids(self, found: object) -> frozenset[str]:
        if not isinstance(found, list) or not all(type(each) in {int, str} and each != "" for each in found):
            self._fault("account.ids", f"expected {_expected('ids')}")
            return frozenset()
        if "ids" in self._rules.needs and "ids" in self._tables["account"] and not found:
            self._fault("account.ids", f"is empty: expected {_expected('ids')}")
        return frozenset(str(each) for each in found)

    def _options(self) -> dict[str, str]:
        stated, forms = self._tables["options"], self._rules.options
        self._known("options", stated, forms)
        for key, form in forms.items():
            if form.required and key not in stated:
                self._fault(f"options.{key}", f"is missing: expected {form.expected}")
        return {key: self._text(f"options.{key}", stated[key], form) for key, form in forms.items() if key in stated}

    def _features(self) -> dict[str, Field]:
        features = {}
        for name, stated in self._tables["features"].items():
            at = f"features.{name}"
            whole = {"field": stated} if isinstance(stated, str) else stated
            if not isinstance(whole, dict) or not isinstance(whole.get("field"), str) or not whole["field"]:
                self._fault(at, "expected the CRM's field, or { field = ..., values = { ... } }")
                continue
            self._known(at, whole, ("field", "values"))
            values = whole.get("values", {})
            if not isinstance(values, dict) or not all(
                isinstance(v, str | bool | int | float) for v in values.values()
            ):
                self._fault(f"{at}.values", "expected what each of the CRM's values is called by the model")
                continue
            features[name] = Field(whole["field"], values)
        if not self._tables["features"] and not self._rules.own_names:
            self._fault("features", "is missing: expected which of the CRM's fields is which feature")
        return features

    def _write_back(self, *, called: bool) -> dict[str, str]:
        stated = self._tables["write_back"]
        self._known("write_back", stated, WRITTEN)
        for name, field in stated.items():
            if not isinstance(field, str) or not field:
                self._fault(f"write_back.{name}", "expected the CRM's field")
        if len(set(map(str, stated.values()))) < len(stated):
            self._fault("write_back", "expected a field of its own for each")
        if stated and not called:
            self._fault("write_back", "nothing can be written without account.api_url")
        if called and not stated and self._rules.own_names:
            return {name: name for name in WRITTEN}
        return dict(stated)

    def _lines(self, at: str, name: str) -> list[str]:
        """The lines of a file that keeps secrets; none where the name is empty."""
        if not name:
            return []
        path = self._path.parent / name
        try:
            lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
            if path.stat().st_mode & stat.S_IROTH:
                structlog.get_logger().warning(
                    "crm_secret_readable", file=name, text="others on this machine can read it"
                )
        except (OSError, UnicodeDecodeError) as error:
            self._fault(at, f"{name}: cannot be read: {getattr(error, 'strerror', None) or 'expected UTF-8'}")
            return []
        if not lines:
            self._fault(at, f"{name}: is empty")
        return lines

    def _text(self, at: str, text: object, form: Form) -> str:
        if text is None:
            return ""
        if not isinstance(text, str) or re.fullmatch(form.pattern, text) is None:
            self._fault(at, f"expected {form.expected}")
            return ""
        return text

    def _safe(self, at: str, url: str) -> None:
        try:
            host = urlsplit(url).hostname
        except ValueError:
            host = None
        if url and not host:
            self._fault(at, "expected a URL with a host")
        elif url.startswith("http:") and host not in _LOOPBACK:
            self._fault(at, "expected https: secrets and personal data travel there")

    def _known(self, at: str, stated: Mapping[str, object], names: Iterable[str]) -> None:
        for key in stated.keys() - set(names):
            self._fault(f"{at}.{key}", f"is not known here{_hint(key, names)}")

    def _fault(self, at: str, reason: str) -> None:
        self.faults.append(": ".join(part for part in (self._path.name, at, reason) if part))


def _expected(key: str) -> str:
    return _TEXTS[key].expected if key in _TEXTS else "a list of the CRM accounts whose events are taken"


def _hint(name: str, known: Iterable[str]) -> str:
    return nearest(name, known) or f"; expected one of {', '.join(known)}"
