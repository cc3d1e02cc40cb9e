"""What a load run stands on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loadtest.stage import Prepared


def test_prospects_are_the_rows_of_the_book_as_json_takes_them(tmp_path: Path) -> None:
    bundle = tmp_path / "registry" / "acme" / "0123"
    bundle.mkdir(parents=True)
    kinds = {"plan": "category", "fee": "number", "trial": "flag"}
    manifest = {
        "id_column": "account",
        "contract": {"features": [{"name": name, "kind": kind} for name, kind in kinds.items()]},
    }
    (bundle / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    (tmp_path / "acme.csv").write_text("account,left,plan,fee,trial\na1,no,01,9.5,yes\na2,yes,,,0\n", "utf-8")
    prepared = Prepared(tmp_path / "acme.csv", tmp_path / "registry", bundle)
    assert prepared.model == "acme"
    assert prepared.prospects() == {"a1": {"plan": "01", "fee": 9.5, "trial": True}, "a2": {"trial": False}}
