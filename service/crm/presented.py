"""Secrets that a request presents as they are: what proves a webhook of a CRM that signs nothing."""

from __future__ import annotations

import hmac
from collections.abc import Iterable


def is_known(presented: str | bytes, secrets: Iterable[str]) -> bool:
    """Whether this is one of the secrets; an empty one is none. Time tells neither which, nor how much of it fits."""
    given = presented if isinstance(presented, bytes) else presented.encode(errors="surrogatepass")
    fits = [hmac.compare_digest(given, secret.encode()) for secret in secrets if secret]
    return any(fits)
