"""API keys: known by their digest, held to their scopes."""

from __future__ import annotations

import pytest

from service.errors import Forbidden, SettingsError, Unauthorized
from service.keys import Keyring, digest, keyring_from, new_key


def authorize(ring: Keyring, key: str | None, *, client: str | None = "192.0.2.1", proxied: bool = False) -> str:
    return ring.authorize(b"" if key is None else f"Bearer {key}".encode(), "score", client, proxied=proxied)


def test_a_new_key_is_known_by_its_line_and_two_are_never_the_same() -> None:
    key, line = new_key("crm", ["score"])
    assert key not in line
    assert authorize(keyring_from(line), key) == "crm"
    assert new_key("crm", ["score"])[0] != key


def test_several_keys_serve_at_once_while_one_replaces_another() -> None:
    (old, first), (new, second) = new_key("old", ["score"]), new_key("new", ["admin"])
    ring = keyring_from(f"# rotation\n{first} {second} # until Friday\n")
    assert (authorize(ring, old), authorize(ring, new)) == ("old", "new")


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer ", b"Basic abc", b"Bearer nobody", b"Bearer dev", b"Bearer \xff"])
def test_without_a_known_key_nobody_gets_in(header: bytes) -> None:
    with pytest.raises(Unauthorized):
        keyring_from(new_key("crm", ["score"])[1]).authorize(header, "score", "127.0.0.1", proxied=False)


def test_a_key_may_do_what_its_scopes_say_and_admin_everything() -> None:
    key, line = new_key("crm", ["features"])
    with pytest.raises(Forbidden):
        authorize(keyring_from(line), key)
    key, line = new_key("root", ["admin"])
    assert authorize(keyring_from(line), key) == "root"


@pytest.mark.parametrize(
    ("client", "proxied", "accepted"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("127.0.0.1", True, False),
        ("192.0.2.1", False, False),
        (None, False, False),
        ("localhost", False, False),
    ],
)
def test_the_key_dev_is_for_loopback_alone(client: str | None, proxied: bool, accepted: bool) -> None:  # noqa: FBT001
    ring = keyring_from("", dev=True)
    if accepted:
        assert authorize(ring, "dev", client=client, proxied=proxied) == "dev"
    else:
        with pytest.raises(Unauthorized):
            authorize(ring, "dev", client=client, proxied=proxied)


def test_every_line_that_does_not_read_is_told_without_its_text() -> None:
    lines = ["crm:score:short", f"crm:fly:{digest('x')}", f"c m:score:{digest('x')}", new_key("ok", ["score"])[1]]
    with pytest.raises(SettingsError) as caught:
        keyring_from("\n".join(lines))
    assert len(str(caught.value).splitlines()) == 3  # a blank parts the third into two, of which one reads
    assert "short" not in str(caught.value)


def test_a_key_with_a_scope_that_does_not_exist_is_not_made() -> None:
    with pytest.raises(SettingsError):
        new_key("crm", ["fly"])
