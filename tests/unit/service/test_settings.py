"""Settings: one table, all faults at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from service.errors import SettingsError
from service.settings import TABLE, Settings, settings_from
from tests.support.docs import DOCS, metrics_page, settings_page


def test_no_environment_gives_the_defaults() -> None:
    settings = settings_from({"HOME": "/somewhere", "GATEKEEPER_MODEL": ""})
    assert msgspec.structs.asdict(settings) == {name: row.default for name, row in TABLE.items()}


def test_the_struct_and_the_table_have_the_same_rows() -> None:
    assert list(TABLE) == list(Settings.__struct_fields__)
    assert all(row.reason for row in TABLE.values())


def test_every_default_is_one_that_its_own_reader_accepts() -> None:
    for name, row in TABLE.items():
        if row.default not in (None, "", False, ()):
            assert row.read(str(row.default)) == row.default, name


def test_what_is_stated_is_read() -> None:
    settings = settings_from({"GATEKEEPER_PORT": "9", "GATEKEEPER_DATA": "/d", "GATEKEEPER_DEV_KEY": "1"})
    assert (settings.port, settings.data, settings.dev_key) == (9, Path("/d"), True)


def test_all_faults_are_told_at_once() -> None:
    environ = {
        "GATEKEEPER_TENANT": "Näme",
        "GATEKEEPER_PORT": "70000",
        "GATEKEEPER_LANGUAGE": "fr",
        "GATEKEEPER_REDIS_URL": "valkey+unix:///x",
        "GATEKEEPER_STORE_TIMEOUT_MS": "1e3",
        "GATEKEEPER_TYPO": "1",
        "GATEKEEPER_BODY_LIMIT_BYTES": "1000000",
        "GATEKEEPER_BATCH_LIMIT_BYTES": "100000",
    }
    with pytest.raises(SettingsError) as caught:
        settings_from(environ)
    faults = str(caught.value).splitlines()
    assert {fault.partition(":")[0] for fault in faults} == environ.keys() - {"GATEKEEPER_BODY_LIMIT_BYTES"}


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"GATEKEEPER_REDIS_URL": "redis://h"}, "GATEKEEPER_ID_SECRET"),
        ({"GATEKEEPER_ID_SECRET": "short"}, "GATEKEEPER_ID_SECRET"),
        ({"GATEKEEPER_BREAKER_PROBE_MS": "20"}, "GATEKEEPER_STORE_TIMEOUT_MS"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        settings_from(environ)


def test_a_faulty_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({"GATEKEEPER_ID_SECRET": "hush"})
    assert "hush" not in str(caught.value)


def test_the_documented_tables_are_those_of_the_code() -> None:
    remedy = "run `python -m tests.support.docs`"
    assert (DOCS / "settings.md").read_text("utf-8") == settings_page(), remedy
    assert (DOCS / "metrics.md").read_text("utf-8") == metrics_page(), remedy
