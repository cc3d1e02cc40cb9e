"""The store's scripts: each changes the raw features and their vector as one step.

Both keys of a prospect are handed to every script: KEYS[1] the hash of raw features, KEYS[2] the vector, or the bar
that stands in its place, which all of them leave there (`bars.py`).
Fields of the hash: `@rev`; `@as_of`, the time of the last write; `@put`, that of the last one that replaced all;
`:name` for each feature, and `~name` for the time of one changed since. The signs keep a feature called `@rev` apart.
"""

from __future__ import annotations

from service.bars import BAR_OF
from service.news_script import TELL_NEWS

PUT = (
    BAR_OF
    + """
local bar = bar_of(KEYS[2])
if bar == 'erased' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '@rev', ARGV[2], '@as_of', ARGV[3], '@put', ARGV[3])
for i = 5, #ARGV, 1000 do redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV))) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if not bar then redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[1]) end
"""
    + TELL_NEWS
    + "return 1\n"
)
"""ARGV: time to live in ms, revision, as_of, vector, then field and value of each feature, which
go in by five hundred, as all at once may be more than Lua's stack holds. 0: erased, nothing is done."""

PATCH = (
    BAR_OF
    + """
local bar = bar_of(KEYS[2])
if bar == 'erased' then return 0 end
redis.call('HSET', KEYS[1], '@rev', ARGV[2], '@as_of', ARGV[3])
local current = redis.call('GETRANGE', KEYS[2], 0, 7) == string.sub(ARGV[4], 1, 8)
    and redis.call('STRLEN', KEYS[2]) == tonumber(ARGV[5])
for i = 6, #ARGV, 4 do
    if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
    else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    redis.call('HSET', KEYS[1], '~' .. string.sub(ARGV[i], 2), ARGV[3])
    if current then redis.call('SETRANGE', KEYS[2], tonumber(ARGV[i + 2]), ARGV[i + 3]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if current then
    redis.call('SETRANGE', KEYS[2], 0, ARGV[4])
    redis.call('PEXPIRE', KEYS[2], ARGV[1])
elseif not bar then redis.call('DEL', KEYS[2]) end
"""
    + TELL_NEWS
    + "return 1\n"
)
"""ARGV: time to live in ms, revision, as_of, head of the vector, its length in bytes, then for each column its field,
its value (empty: missing), its offset in the vector and its four bytes. A vector of another contract is dropped.
One that is made missing keeps its time, so that nothing older brings it back. 0: erased, nothing is done."""

RENEW = (
    BAR_OF
    + """
if bar_of(KEYS[2]) or redis.call('HGET', KEYS[1], '@rev') ~= ARGV[1] then return 0 end
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('SET', KEYS[2], ARGV[2], 'PX', left) end
return 1
"""
)
"""ARGV: the revision that was read, and the vector encoded from it. Does nothing when raw features changed since."""
