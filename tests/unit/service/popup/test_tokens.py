"""Pop-up tokens: whatever is not made by us, for this company, action and moment is refused in one way."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import jwt
import msgspec
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from service.errors import Unauthorized
from service.popup.tokens import KEY_BYTES, LIFE_S, REFUSED, SKEW_S, PopupToken, PopupTokens, derived_key, read_keys

NOW = 1_790_000_000.5
B, A = b"b" * 32, b"a" * 32
KEYS = (("b", B), ("a", A))
TOKENS = PopupTokens("acme", KEYS)
TOKEN, TOLD = TOKENS.issue("L-1001", "rep-7", ("read", "decide"), NOW)


def refused(token: bytes | str, now: float = NOW, tokens: PopupTokens = TOKENS) -> bool:
    try:
        tokens.read(token.encode() if isinstance(token, str) else token, "read", now)
    except Unauthorized as error:
        return str(error) == REFUSED  # another text would tell what is wrong
    return False


def signed(claims: object, *, key: bytes = B, algorithm: str = "HS256", **headers: object) -> str:
    """A token with these claims, signed as we would."""
    return jwt.encode(claims, key, algorithm, {"kid": "b", **headers})  # type: ignore[arg-type]


def test_a_token_says_who_may_do_what_to_whom_for_five_minutes() -> None:
    assert not refused(TOKEN, NOW + LIFE_S - 1)
    assert refused(TOKEN, NOW + LIFE_S)
    told = TOKENS.read(TOKEN.encode(), "decide", NOW)
    assert (told.sub, told.prospect, told.act, told.aud) == ("rep-7", "L-1001", ("read", "decide"), "gatekeeper:acme")
    assert TOKENS.issue("L-1001", "rep-7", ("read",), NOW)[1].jti != told.jti


def test_a_token_to_read_does_not_decide() -> None:
    token, _ = TOKENS.issue("L-1001", "rep-7", ("read",), NOW)
    assert not refused(token)
    with pytest.raises(Unauthorized):
        TOKENS.read(token.encode(), "decide", NOW)


def test_clocks_may_differ_a_little() -> None:
    assert not refused(TOKEN, NOW - SKEW_S + 1)
    assert refused(TOKEN, NOW - SKEW_S - 1)


def test_another_company_under_the_same_keys_is_refused() -> None:
    assert refused(TOKEN, tokens=PopupTokens("other", KEYS))


def test_a_key_that_was_replaced_still_verifies_and_one_that_was_withdrawn_does_not() -> None:
    new = (("c", b"c" * 32), *KEYS)
    assert not refused(TOKEN, tokens=PopupTokens("acme", new))
    assert jwt.get_unverified_header(PopupTokens("acme", new).issue("L", "r", ("read",), NOW)[0])["kid"] == "c"
    assert refused(TOKEN, tokens=PopupTokens("acme", (("c", b"c" * 32),)))
    assert refused(TOKEN, tokens=PopupTokens("acme", (("b", b"x" * 32),)))


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"..",
        b"a.b.c",
        b"\xff.\xff.\xff",
        b"x" * 100_000,
        jwt.encode(msgspec.to_builtins(TOLD), None, "none", {"kid": "b"}),  # type: ignore[arg-type]
        signed(msgspec.to_builtins(TOLD), key=b"z" * 32),
        signed(msgspec.to_builtins(TOLD), key=B * 2, algorithm="HS512"),
        signed(msgspec.to_builtins(TOLD), kid="nobody"),
        signed(msgspec.to_builtins(TOLD), crit=["exp"]),
        jwt.encode(msgspec.to_builtins(TOLD), B, "HS256"),
    ],
)
def test_what_another_hand_has_made_is_refused(token: bytes | str) -> None:
    assert refused(token)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": TOLD.iat + 10 * LIFE_S},
        {"exp": str(TOLD.exp)},
        {"exp": None},
        {"iat": TOLD.iat + 3600, "exp": TOLD.exp + 3600},
        {"aud": ["gatekeeper:acme"]},
        {"act": "read"},
        {"act": ["write"]},
        {"act": []},
        {"jti": 5},
        {"sub": None},
    ],
)
def test_claims_that_we_never_make_are_refused_even_under_our_signature(change: dict[str, object]) -> None:
    assert not refused(signed(msgspec.to_builtins(TOLD)))
    assert refused(signed({**msgspec.to_builtins(TOLD), **change}))


_CLAIMS = st.dictionaries(
    st.sampled_from(PopupToken.__struct_fields__),
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=2),
    min_size=1,
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A real token, spoilt in one of many ways."""
    head, claims, signature = TOKEN.encode().split(b".")
    how = draw(st.sampled_from(["byte", "cut", "claims", "head", "swap", "insert"]))
    if how == "byte":
        at = draw(st.integers(0, len(TOKEN) - 1))
        other = draw(st.integers(0, 255).filter(lambda byte: byte != TOKEN.encode()[at]))
        return TOKEN[:at].encode() + bytes([other]) + TOKEN[at + 1 :].encode()
    if how == "cut":
        return TOKEN.encode()[: draw(st.integers(0, len(TOKEN) - 1))]
    if how == "insert":
        at = draw(st.integers(0, len(TOKEN)))
        return TOKEN[:at].encode() + draw(st.binary(min_size=1, max_size=5)) + TOKEN[at:].encode()
    if how == "claims":
        claims = encoded({**msgspec.to_builtins(TOLD), **draw(_CLAIMS)})
    if how == "head":
        names = st.sampled_from(["alg", "kid", "typ", "b64", "crit", "jwk"])
        words: st.SearchStrategy[Any] = st.sampled_from(
            ["none", "None", "HS512", "HS256", "RS256", "a", "", None, 5, ["HS256"], {}]
        )
        head = encoded({"alg": "HS256", "kid": "b", **draw(st.dictionaries(names, words, min_size=1))})
    if how == "swap":
        another, _ = TOKENS.issue(draw(st.text(min_size=1, max_size=9)), "rep-8", ("read", "decide"), NOW)
        claims = another.encode().split(b".")[1]
    return b".".join((head, claims, signature))


def encoded(part: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


@seed(20261121)
@settings(max_examples=1000, deadline=None, database=None)
@given(mutations())
def test_a_thousand_mutations_of_a_token_are_all_refused(token: bytes) -> None:
    same = token.split(b".")[:2] == TOKEN.encode().split(b".")[:2]
    if not (same and _bytes(token) == _bytes(TOKEN.encode())):  # base64 may spell the same signature twice
        assert refused(token)


def _bytes(token: bytes) -> bytes | None:
    try:
        return base64.b64decode(token.split(b".")[2] + b"==", b"-_", validate=True)
    except ValueError:
        return None


def test_keys_are_read_in_either_base64_in_their_order() -> None:
    first, second = secrets.token_bytes(32), secrets.token_bytes(40)
    text = f"new:{base64.b64encode(first).decode()}\n old:{base64.urlsafe_b64encode(second).decode().rstrip('=')}"
    assert read_keys(text) == (("new", first), ("old", second))


def test_without_keys_one_is_made_of_the_id_secret() -> None:
    assert derived_key("a secret of the tests") == derived_key("a secret of the tests")
    assert derived_key("a secret of the tests") != derived_key("another secret of them")
    assert len(derived_key("a secret of the tests")[1]) == KEY_BYTES


def test_every_key_that_does_not_read_is_told_by_its_number_without_its_text() -> None:
    good = base64.b64encode(b"k" * 32).decode()
    with pytest.raises(ValueError, match=r"not so: 2, 3, 4, 5, 6$") as caught:
        read_keys(f"a:{good} b:c2hvcnQ= c {good} a:{good} d:!!!")
    assert "c2hvcnQ" not in str(caught.value)
