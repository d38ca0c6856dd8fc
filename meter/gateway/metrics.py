"""What operators graph. Labels come from the policy alone, never from an account, a key or a path."""

import functools
import os
import re
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

REGISTRY = CollectorRegistry()

CONSUMED = Counter("credits_consumed", "Credits charged for calls.", ["operation", "plan"], registry=REGISTRY)
OBSERVED = Counter("credits_observed", "Credits priced but not taken.", ["operation"], registry=REGISTRY)
REJECTED = Counter("credits_rejected", "Calls refused before the app was called.", ["reason"], registry=REGISTRY)
REFUNDED = Counter(
    "credits_refunded",
    'Credits not charged for how a call ended. Alert on a client\'s errors that cost it nothing: end="4xx".',
    ["operation", "end"],
    registry=REGISTRY,
)
REPLAYED = Counter(
    "credits_replayed", "Retries answered with an earlier call's answer.", ["operation"], registry=REGISTRY
)
DEBIT_SECONDS = Histogram(
    "credits_debit_duration_seconds",
    "From the wish to charge to the ledger's word.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
    registry=REGISTRY,
)
INFLIGHT = Gauge(
    "credits_calls_in_progress", "Metered calls in progress.", registry=REGISTRY, multiprocess_mode="livesum"
)
HOLDS = Gauge(
    "credits_reservation_active", "Calls whose credits are held.", registry=REGISTRY, multiprocess_mode="livesum"
)
EXPIRED = Counter("credits_holds_expired", "Holds that nobody closed in time, so that a sweep did.", registry=REGISTRY)
FACTOR = Gauge(
    "credits_adjustment_factor",
    "The factor that an adjustment last applied.",
    ["adjustment"],
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
SILENT = Gauge(
    "credits_ledger_silent",
    "Workers that refuse calls at once, because the store has been silent.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
STORE_LOSSES = Counter(
    "credits_store_losses", "Times that the store came back older than a worker saw.", registry=REGISTRY
)
OPERATIONS_LOST = Counter(
    "credits_operations_lost", "Operations that a store had acknowledged and lost.", registry=REGISTRY
)
LEASES = Gauge(
    "credits_leases", "Accounts with credits set aside for an outage.", registry=REGISTRY, multiprocess_mode="livesum"
)
UNPOSTED = Gauge(
    "credits_calls_unposted",
    "Calls that were served while the store was away, and are not in its books yet.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
UNPAID = Counter(
    "credits_calls_unpaid",
    "Calls that were served while the store was away, and that nobody pays for in full.",
    registry=REGISTRY,
)
UNDO_PENDING = Gauge(
    "credits_undo_pending", "Operations that wait to be undone.", registry=REGISTRY, multiprocess_mode="livesum"
)
POLICY = Gauge(
    "credits_policy_info", "The policy in force.", ["version"], registry=REGISTRY, multiprocess_mode="livemax"
)


_shown_policies: set[str] = set()


def show_policy(version: str) -> None:
    """Say which policy is in force in this process, and that no other is."""
    for shown in _shown_policies - {version}:
        POLICY.labels(shown).set(0)
    _shown_policies.add(version)
    POLICY.labels(version).set(1)


@functools.cache
def counted(counter: Counter, *labels: str) -> Counter:
    """Give the counter of these labels: looked up once, for there are as many as the policy has names."""
    child: Counter = counter.labels(*labels)
    return child


def exposition() -> tuple[bytes, str]:
    """Write all metrics for Prometheus, of all workers where they share a folder; and the content type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    _forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _forget_the_dead(folder: Path) -> None:
    """Drop what workers said of themselves that do not live any more; what they counted stays."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(re.sub(r".*_(\d+)\.db", r"\1", file.name))
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
