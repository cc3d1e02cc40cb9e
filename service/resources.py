"""What a running service holds, and what its handlers reach for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from litestar.connection import ASGIConnection

from service.access import Access, Exporter
from service.admission import Admission
from service.consent import Consents
from service.erasure import Eraser, Erasure
from service.features import FeatureStore
from service.holdout import Holdout
from service.keys import Keyring, read_keys
from service.ledger.ledger import Ledger
from service.live import LiveModel
from service.metrics import Metrics
from service.persons import Persons
from service.recording import Recording
from service.scoring import Scoring
from service.settings import Settings
from service.store import Store
from service.ticks import Ticks


class Resources:
    """The live parts of one application, made from its settings without touching the network.

    Raises:
        SettingsError: keys that do not read, or no store to speak to.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics(settings.metrics_dir)
        self.live = LiveModel(settings.registry, settings.model, self.metrics)
        self.store = Store(settings, self.metrics)
        self.features = FeatureStore(
            self.store,
            settings.tenant,
            settings.id_secret or "",
            timedelta(days=settings.features_ttl_days),
            self.metrics,
        )
        tombstone = timedelta(days=settings.tombstone_days)
        self.persons = Persons(settings.tenant, settings.id_secret or "")
        self.erasers: list[Eraser] = []
        self.exporters: dict[str, Exporter] = {}
        self.consents = Consents(self.store, self.persons, tombstone)
        self.erasure = Erasure(self.store, self.persons, tombstone, self.erasers)
        self.access = Access(self.store, self.persons, settings, self.exporters)
        self.ledger = Ledger(settings)
        self.erasers.append(self.ledger.erase)
        self.exporters["ledger"] = self.ledger.export
        self.recording = Recording(self.store, settings.tenant, self.metrics)
        self.scoring = Scoring(self.features, Holdout(settings.holdout_percent), self.recording, self.metrics)
        self.admission = Admission(settings.burst_requests, settings.standing_requests)
        self.ticks = Ticks(
            self.scoring,
            lambda: self.now(),  # noqa: PLW0108 - a clock may be stopped
            settings.deadline_ms / 1000,
            self.admission,
        )
        self.keyring: Keyring = read_keys(settings)
        self.draining = False

    def reread_keys(self) -> None:
        """Take over what the keys' file says now.

        Raises:
            SettingsError: it does not read; the old keys stay.
        """
        self.keyring = read_keys(self.settings)

    def now(self) -> datetime:
        """The time that handlers hand to what depends on it."""
        return datetime.now(UTC)


def resources_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Resources:
    """The resources of the application that serves `connection`."""
    resources: Resources = connection.app.state.resources
    return resources
