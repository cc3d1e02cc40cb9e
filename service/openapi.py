"""stub"""


def document() -> dict[str, object]:
    """Stub."""
    return {}
