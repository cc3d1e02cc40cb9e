"""What a running service holds, and what its handlers reach for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar.connection import ASGIConnection

from models.contract import Contract
from service.access import Access, Exporter
from service.admission import Admission
from service.consent import Consents
from service.crm.account import Account, Name
from service.crm.mapping import faults
from service.crm.reading import read_accounts
from service.durable import DurableStore
from service.erasure import Eraser, Erasure
from service.errors import SettingsError
from service.features import FeatureStore
from service.holdout import Holdout
from service.keys import Keyring, read_keys
from service.ledger.ledger import Ledger
from service.live import LiveModel
from service.live_events import LiveEvents
from service.metrics import Metrics
from service.popup.tokens import PopupTokens, derived_key
from service.recording import Recording
from service.scoring import Scoring
from service.settings import Settings
from service.store import Store
from service.ticks import Ticks
from service.webhooks.intake import Intake, Life
from service.webhooks.keyspace import Keyspace

DAY_S = 86_400
DAY_MS = 1000 * DAY_S


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
        self.persons = Keyspace(settings.tenant, settings.id_secret or "")
        self.admission = Admission(settings.burst_requests, settings.standing_requests)
        self.durable = DurableStore(settings.redis_url or "", settings.store_connections, self.admission.aside)
        self.erasers: list[Eraser] = []
        self.exporters: dict[str, Exporter] = {}
        self.consents = Consents(self.durable, self.persons, tombstone)
        self.erasure = Erasure(self.durable, self.persons, tombstone, self.erasers)
        self.access = Access(self.store, self.persons, settings, self.exporters)
        self.ledger = Ledger(settings)
        self.erasers.append(self.ledger.erase)
        self.exporters["ledger"] = self.ledger.export
        self.recording = Recording(self.store, settings.tenant, self.metrics)
        self.scoring = Scoring(self.features, Holdout(settings.holdout_percent), self.recording, self.metrics)
        self.ticks = Ticks(
            self.scoring,
            lambda: self.now(),  # noqa: PLW0108 - a clock may be stopped
            settings.deadline_ms / 1000,
            self.admission,
        )
        self.life = Life(
            settings.features_ttl_days * DAY_MS,
            settings.dead_letters_days * DAY_MS,
            settings.answers_ttl_days * DAY_S,
        )
        self.intake = Intake(self.durable, self.persons, self.scoring, self.erasure.erase, self.life, self.metrics)
        self.crms: Mapping[Name, Account] = read_crms(settings)
        self.keyring: Keyring = read_keys(settings)
        self.tokens = PopupTokens(settings.tenant, settings.token_keys or (derived_key(settings.id_secret or ""),))
        self.live_events = LiveEvents(
            settings.redis_url or "", settings.tenant, self.persons.hidden, settings.live_connections, self.metrics
        )
        self.draining = False

    def drain(self) -> None:
        """Take no more, and end what would not end by itself."""
        self.draining = True
        self.live_events.close()

    def reread_keys(self) -> None:
        """Take over what the keys' file says now.

        Raises:
            SettingsError: it does not read; the old keys stay.
        """
        self.keyring = read_keys(self.settings)

    def reread_crms(self) -> None:
        """Take over what the folder of CRM accounts says now.

        Raises:
            SettingsError: it does not read, or does not fit the live model; the old accounts stay.
        """
        crms = read_crms(self.settings)
        if self.live.serves and (faults := crm_faults(crms, self.live.assessor.contract)):
            raise SettingsError("\n".join(faults))
        self.crms = crms

    def now(self) -> datetime:
        """The time that handlers hand to what depends on it."""
        return datetime.now(UTC)


def crm_faults(crms: Mapping[Name, Account], contract: Contract) -> list[str]:
    """What of the CRMs' mappings does not fit the contract."""
    return [fault for account in crms.values() for fault in faults(account, contract)]


def read_crms(settings: Settings) -> Mapping[Name, Account]:
    """The company's accounts with CRMs.

    Raises:
        SettingsError: listing every fault of their files.
    """
    return read_accounts(settings.crm_dir) if settings.crm_dir else {}


def resources_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Resources:
    """The resources of the application that serves `connection`."""
    resources: Resources = connection.app.state.resources
    return resources
