"""The line with which a script that changes what is known of a prospect tells so, for `live_events.py` to hear.

In the script, so that no change goes untold and none costs another round trip. Nobody listens to most: then it is a
look into an empty table.
"""

from __future__ import annotations

TELL_NEWS = "redis.call('PUBLISH', (string.gsub(KEYS[2], '^(gk:[^:]+:)v:', '%1n:')), '')\n"
"""KEYS[2] is the prospect's vector, from whose key the channel follows: gk:{tenant}:n:{hmac}."""
