"""The registry: which bundle and which policy of a model are live."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from models.bundle import open_bundle
from models.errors import BundleError, PolicyError
from models.policy import DEFAULT, Policy, read_policy

CURRENT, POLICY = "current", "policy.toml"


def live_version(model: Path) -> str | None:
    """The version that `model/current` names, or None when nothing is live yet."""
    try:
        return (model / CURRENT).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def activate(folder: Path) -> None:
    """Make the bundle at `folder` the live one, once it opens; readers see the old name or the new, never half of one.

    Raises:
        BundleError: the bundle must not serve.
    """
    folder = folder.resolve()
    open_bundle(folder)
    with tempfile.NamedTemporaryFile(
        "w", dir=folder.parent, prefix=".current-", delete=False, encoding="utf-8"
    ) as file:
        file.write(folder.name + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft = Path(file.name)
    draft.chmod(0o644)
    draft.replace(folder.parent / CURRENT)


def live_policy(model: Path) -> Policy:
    """The policy that `model/policy.toml` states, or the default one where there is no such file.

    Raises:
        PolicyError: the file does not state a policy.
    """
    try:
        return read_policy((model / POLICY).read_text("utf-8"))
    except FileNotFoundError:
        return DEFAULT
    except UnicodeDecodeError as error:
        raise PolicyError(f"{model / POLICY}: is not UTF-8") from error


def only_model(registry: Path) -> Path:
    """The folder of the registry's one model.

    Raises:
        BundleError: there is none, or more than one to choose from.
    """
    found = sorted(path.parent for path in registry.glob(f"*/{CURRENT}"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise BundleError(f"{registry}: expected one live model, found {names}; name it or fit one")
    return found[0]
