"""The live model: serves what the registry says is current, and goes on serving it when the next one is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import structlog

from models.assess import Assessor
from models.bundle import Bundle, open_bundle
from models.errors import BundleError, GatekeeperError
from models.registry import live_policy, live_version, only_model
from service.errors import NoModel
from service.metrics import Metrics

log = structlog.get_logger()


class LiveModel:
    """Follows one model of the registry. A request takes `assessor` once and keeps it to its end.

    Args:
        registry: folder of models.
        model: name of the one to serve; None for the only live one.
        metrics: where refusals and swaps are counted.
    """

    def __init__(self, registry: Path, model: str | None, metrics: Metrics) -> None:
        self._registry = registry
        self._folder = registry / model if model else None
        self._metrics = metrics
        self._assessor: Assessor | None = None
        self.refused: str | None = None
        """Why what the registry names does not serve; None when it does."""

    @property
    def assessor(self) -> Assessor:
        """What serves now.

        Raises:
            NoModel: nothing does.
        """
        if self._assessor is None:
            raise NoModel("no bundle serves yet; `python -m training fit` writes one")
        return self._assessor

    @property
    def serves(self) -> bool:
        return self._assessor is not None

    def refresh(self) -> None:
        """Look at the registry once; swap when it names another version or policy that passes every check. Blocks."""
        try:
            fresh = self._changed()
        except GatekeeperError as error:
            self._refuse(str(error).replace(str(self._registry), "registry"))
            return
        self.refused = None
        if fresh is not None:
            self._assessor = fresh
            self._metrics.swapped()
            log.info("model.live", version=fresh.bundle.manifest.version, policy=fresh.policy.hash)

    async def follow(self, poll_ms: int) -> None:
        """Refresh every `poll_ms`, off the event loop, until cancelled."""
        while True:
            await asyncio.sleep(poll_ms / 1000)
            await asyncio.to_thread(self.refresh)

    def _changed(self) -> Assessor | None:
        """An assessor for what the registry names, or None when that serves already.

        Raises:
            GatekeeperError: whatever is wrong with it.
        """
        with _stage("registry"):
            folder = self._folder or only_model(self._registry)
            version = live_version(folder)
        if version is None:
            raise BundleError(f"{folder}: names no live version")
        with _stage("policy"):
            policy = live_policy(folder)
        serving = self._assessor
        bundle: Bundle
        if serving is not None and serving.bundle.folder == folder / version:
            if serving.policy.hash == policy.hash:
                return None
            bundle = serving.bundle
        else:
            with _stage(f"bundle {version}"):
                bundle = open_bundle(folder / version)
        with _stage(f"policy with bundle {version}"):
            fresh = Assessor(bundle, policy)
        with _stage(f"first assessments by bundle {version}"):
            _warm(fresh)
        self._folder = folder
        return fresh

    def _refuse(self, why: str) -> None:
        if why != self.refused:
            self._metrics.refused()
            log.error(
                "model.refused", why=why, serving=self._assessor.bundle.manifest.version if self._assessor else None
            )
        self.refused = why


@contextlib.contextmanager
def _stage(name: str) -> Iterator[None]:
    """Translate what is no error of ours: foreign files make parsers raise anything, and the old model serves on."""
    try:
        yield
    except GatekeeperError:
        raise
    except Exception as error:
        raise GatekeeperError(f"{name}: {type(error).__name__}") from error


def _warm(assessor: Assessor) -> None:
    """Run the paths of one and of many once, so that the first request finds memory and caches in place."""
    for n in (1, 16):
        assessor.assess(np.tile(assessor.contract.blank(), (n, 1)))
