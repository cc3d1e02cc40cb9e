"""The scripts of a write-back: who may do it now, and what becomes of it afterwards.

KEYS[1] is always the person's pending write-backs, KEYS[2] the lock that whoever writes for this person holds.
"""

from __future__ import annotations

from service.bars import BAR_OF

_NEWEST = """
local crm, revision, token = ARGV[1], ARGV[2], ARGV[3]
local function newest() return redis.call('HGET', KEYS[1], 'rev:' .. crm) == revision end
local function unlock() if redis.call('GET', KEYS[2]) == token then redis.call('DEL', KEYS[2]) end end
local function forget()
    redis.call('HDEL', KEYS[1], 'rev:' .. crm, 'record:' .. crm, 'fetch:' .. crm, 'why:' .. crm)
    if redis.call('HLEN', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
end
"""

TAKE = (
    BAR_OF
    + _NEWEST
    + """
if not newest() then return {'superseded'} end
if bar_of(KEYS[3]) then forget() return {'barred'} end
local paused = redis.call('PTTL', KEYS[4])
if paused > 0 then return {'paused', paused} end
if not redis.call('SET', KEYS[2], token, 'NX', 'PX', ARGV[4]) then return {'busy'} end
return {'taken', unpack(redis.call('HMGET', KEYS[1], 'prospect_id', 'record:' .. crm, 'fetch:' .. crm))}
"""
)
"""KEYS: pending, lock, vector, the CRM's pause. ARGV: CRM, revision, token, life of the lock in ms."""

SETTLE = (
    _NEWEST
    + """
unlock()
if newest() then
    forget()
    redis.call('ZREM', KEYS[3], ARGV[4])
end
return 1
"""
)
"""Written. KEYS: pending, lock, dead letters. ARGV: CRM, revision, token, the letter."""

LATER = (
    _NEWEST
    + """
unlock()
if tonumber(ARGV[6]) > 0 then redis.call('SET', KEYS[4], '', 'PX', ARGV[6]) end
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[5])
return 1
"""
)
"""To be tried again. KEYS: pending, lock, jobs for later, the CRM's pause.

ARGV: CRM, revision, token, when (s), the job, ms to leave the CRM alone."""

BURY = (
    _NEWEST
    + """
unlock()
if newest() then
    redis.call('HSET', KEYS[1], 'why:' .. crm, ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[7])
    redis.call('ZADD', KEYS[3], ARGV[5], ARGV[6])
end
return 1
"""
)
"""Given up. KEYS: pending, lock, dead letters. ARGV: CRM, revision, token, why, now (s), the letter, its life in ms."""

TEND = """
for _, job in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, 100)) do
    redis.call('XADD', KEYS[2], '*', 'data', job)
    redis.call('ZREM', KEYS[1], job)
end
local stale = redis.pcall('XAUTOCLAIM', KEYS[2], ARGV[2], 'tend', ARGV[3], '0-0', 'COUNT', 100)
if stale.err then return 0 end
for _, entry in ipairs(stale[2]) do
    redis.call('XADD', KEYS[2], '*', 'data', entry[2][2])
    redis.call('XACK', KEYS[2], ARGV[2], entry[1])
    redis.call('XDEL', KEYS[2], entry[1])
end
return #stale[2]
"""
"""Queue again what is due, and what nobody finished. KEYS: jobs for later, jobs. ARGV: now (s), the group, how long a
job may take (ms). Answers how many had been left unfinished."""
