"""Bars: what stands in the store in place of a prospect's vector where nobody may score them."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Bar = Literal["no_consent", "erased"]
"""They have said no; or were erased, and then nothing may be stored of them either."""


class Barred(msgspec.Struct, frozen=True):
    """A prospect who must not be scored."""

    why: Bar


BARS: dict[bytes, Barred] = {bar.encode(): Barred(bar) for bar in get_args(Bar)}
"""By what the store holds. Each is shorter than the head of a vector, so that none passes for one."""

BAR_OF = """
local function bar_of(key)
    local head = redis.call('GETRANGE', key, 0, 15)
    return (head == 'no_consent' or head == 'erased') and head
end
"""
"""For scripts: the bar that stands at a vector's key, or false. A vector's first 16 bytes are no bar."""
