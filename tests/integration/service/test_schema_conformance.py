"""Whatever the OpenAPI document lets a client send, and much that it does not, is answered as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, Config
from schemathesis.core import NotSet
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from service import openapi
from service.keys import new_key
from tests.support.server import Service, running

EXAMPLES = 60
SECRET = "a-secret-of-the-URL"  # noqa: S105
CRMS = {
    "salesforce": '[account]\nids = ["00D000000000062EAA"]\n',
    "kintone": '[account]\nids = ["12"]\n',
}
GENERATION = {"deterministic": True, "with-security-parameters": False}
UNCHECKED = {
    "allow_header_conformance": {"enabled": False},  # of several handlers of one path, the framework names the first's
}
CONFIG = {"generation": GENERATION, "checks": UNCHECKED, "parameters": {"path.secret": SECRET}}
ALL = schemathesis.openapi.from_dict(openapi.document(), config=Config.from_dict(CONFIG))
SCHEMA = ALL.exclude(path_regex="/events$")  # an answer without an end: test_events.py reads it


@pytest.fixture(scope="module")
def keyed(small_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A service that two CRMs know, and an admin key for it."""
    key, line = new_key("schemathesis", ["admin"])
    folder, crms = tmp_path_factory.mktemp("schema"), tmp_path_factory.mktemp("crms")
    for crm, account in CRMS.items():
        (crms / "secrets").write_text(SECRET, "utf-8")
        text = f'{account}secrets_file = "secrets"\n[features]\nseats = "Seats__c"\n'
        (crms / f"{crm}.toml").write_text(text, "utf-8")
    env = {"GATEKEEPER_API_KEYS": line, "GATEKEEPER_CRM_DIR": str(crms)}
    with running(folder, small_registry, "dev", env=env) as service:
        yield service, key


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_describes(case: Case[Any], keyed: tuple[Service, str]) -> None:
    service, key = keyed
    case.call_and_validate(
        base_url=str(service.client.base_url),
        headers={"Authorization": f"Bearer {key}"},
        excluded_checks=_beyond_the_document(case),
    )


def _beyond_the_document(case: Case[Any]) -> list[Any]:
    """Checks that cannot hold: the live model says which features there are, and an entry of a batch fails alone."""
    refused = [positive_data_acceptance] if not isinstance(case.body, NotSet) else []
    return [*refused, negative_data_rejection] if case.path.endswith("/batch") else refused
