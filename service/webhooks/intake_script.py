"""The scripts by which events change the store: each does all that an event does, or nothing of it.

KEYS[1] and [2] are a prospect's features and vector, or the bar in its place (`bars.py`), which is left there. Of the
fields of the hash (`feature_scripts.py`) `~name` says of when a feature's value is, and `@put` where there is none.
"""

from __future__ import annotations

from service.bars import BAR_OF
from service.news_script import TELL_NEWS

_APPLY = (
    BAR_OF
    + """
local function apply(first, occurred_at, now, revision, ttl_ms)
    local applied, put = 0, redis.call('HGET', KEYS[1], '@put') or '0'
    for i = first, #ARGV, 2 do
        local value_of = '~' .. ARGV[i]
        if tonumber(occurred_at) >= tonumber(redis.call('HGET', KEYS[1], value_of) or put) then
            if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ':' .. ARGV[i])
            else redis.call('HSET', KEYS[1], ':' .. ARGV[i], ARGV[i + 1]) end
            redis.call('HSET', KEYS[1], value_of, occurred_at)
            applied = applied + 1
        end
    end
    if applied > 0 then
        redis.call('HSET', KEYS[1], '@rev', revision, '@as_of', now)
        redis.call('PEXPIRE', KEYS[1], ttl_ms)
        if not bar_of(KEYS[2]) then redis.call('DEL', KEYS[2]) end
        """
    + TELL_NEWS
    + """
    end
    return applied
end
"""
)

INTAKE = (
    _APPLY
    + """
local claim, claims, pending, jobs = KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now, occurred_at, ttl_ms, claim_s = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local digest, revision, crm, prospect_id, record = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local job, answers_back, tells, partial = ARGV[10], ARGV[11] == '1', ARGV[12] == '1', ARGV[13] == '1'
local pending_ms, FIRST = ARGV[14], 15
local barred = bar_of(KEYS[2])
if barred == 'erased' then return {barred} end
local told = redis.call('GET', claim)
if told and barred then return {barred} end
local fetching = redis.call('HGET', pending, 'fetch:' .. crm) == '1'
if told and told ~= '' then return {'told', told} end
if told then return {fetching and 'queued' or 'scored'} end
redis.call('SET', claim, '', 'PX', claim_s * 1000)
redis.call('ZREMRANGEBYSCORE', claims, '-inf', tonumber(now) - claim_s)
redis.call('ZADD', claims, now, digest)
redis.call('PEXPIRE', claims, claim_s * 1000)
fetching = answers_back and (fetching or (partial and redis.call('EXISTS', KEYS[1]) == 0))
local applied = apply(FIRST, occurred_at, now, revision, ttl_ms)
if barred then return {barred} end
if applied == 0 and #ARGV >= FIRST and not fetching then return {'stale'} end
if answers_back and (applied > 0 or fetching or not tells) then
    redis.call('HSET', pending, 'rev:' .. crm, revision, 'record:' .. crm, record, 'prospect_id', prospect_id,
        'fetch:' .. crm, fetching and '1' or '0')
    redis.call('HDEL', pending, 'why:' .. crm)
    redis.call('PEXPIRE', pending, pending_ms)
    redis.call('XADD', jobs, '*', 'data', job)
end
return {fetching and 'queued' or 'scored'}
"""
)
"""One event. KEYS: features, vector, claim, the person's claims, the pending write-back, the stream of jobs.

ARGV: now and when it occurred (s), life of features (ms) and of claims (s), digest of the event, revision, CRM,
prospect, record, the job, whether assessments go back to this CRM, whether the event tells any field, whether it tells
less than the whole record, life of the pending write-back (ms), then name and value as JSON (empty: missing) of each
changed feature.

Answers a bar, under which nothing is queued, nor anything done where it is of an erasure; `told` and what the event
was answered before; or what is to be made of it: `scored`, `queued` when the record has to be fetched first, `stale`
when newer values are known of all that it tells. A claim that is still empty belongs to an event whose answer was
never made: all else was done."""

FETCHED = (
    _APPLY
    + """
local now, occurred_at, ttl_ms, revision = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if bar_of(KEYS[2]) then return 0 end
return apply(5, occurred_at, now, revision, ttl_ms)
"""
)
"""A record that was fetched. KEYS: features, vector. ARGV: now, the record's own time, life of features, revision, then
name and value of each feature. Answers how many were newer than what was known."""

TELL = """
local told = redis.call('GET', KEYS[1])
if told ~= '' then return told end
redis.call('SET', KEYS[1], ARGV[1], 'XX', 'KEEPTTL')
return ARGV[1]
"""
"""KEYS: a claim. ARGV: the outcome. Answers the first outcome that was ever stored, nil when the claim is gone."""
