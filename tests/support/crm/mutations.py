"""Ways to change a signed request a little: what hypothesis draws from, for every CRM that signs."""

from __future__ import annotations

from hypothesis import strategies as st


def changed(genuine: bytes) -> st.SearchStrategy[bytes]:
    """Other bytes than `genuine`: near it, such as with one bit flipped, cut or repeated, or anything at all."""
    places = st.integers(0, max(len(genuine) - 1, 0))
    spellings = {
        genuine.swapcase(),
        genuine.replace(b"+", b"-").replace(b"/", b"_"),
        genuine.rstrip(b"="),
        genuine + b"==",
        b"",
    } - {genuine}
    near = [
        st.tuples(places, st.integers(0, 7)).map(lambda at: _flipped(genuine, *at)),
        places.map(lambda at: genuine[:at] + genuine[at + 1 :]),
        st.tuples(places, st.binary(min_size=1, max_size=4)).map(
            lambda at: genuine[: at[0]] + at[1] + genuine[at[0] :]
        ),
        st.sampled_from([b" ", b"\n", b"\0", b"=", b"==", b",", b"%2F"]).map(lambda end: genuine + end),
        st.sampled_from([b" ", b"\t", b"+", b"0", b"-"]).map(lambda start: start + genuine),
        st.sampled_from(sorted(spellings)),
        st.binary(max_size=64),
        st.integers(0, 10**40).map(lambda number: b"%d" % number),
        st.text(max_size=20).map(lambda text: text.encode()),
    ]
    return st.one_of(near).filter(lambda found: found != genuine)


def other_key(genuine: bytes) -> st.SearchStrategy[bytes]:
    """Another key than `genuine` for HMAC, which fills short keys up with zero bytes (RFC 2104)."""
    return changed(genuine).filter(lambda found: found.rstrip(b"\0") != genuine.rstrip(b"\0"))


def _flipped(genuine: bytes, place: int, bit: int) -> bytes:
    found = bytearray(genuine or b"\0")
    found[place] ^= 1 << bit
    return bytes(found)
