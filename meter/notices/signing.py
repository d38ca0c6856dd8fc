"""The headers by which a receiver knows that a webhook is ours (Standard Webhooks 1.0)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook


class Signer:
    """Signs with each of some secrets, so that one can be replaced by another while both are known."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Take the secrets, each as ``whsec_`` and base64."""
        self._hooks = tuple(Webhook(secret) for secret in secrets)

    def headers(self, letter: str, second: int, body: str) -> dict[str, str]:
        """Sign one attempt: the id stays the same at every attempt, the timestamp is that of this one."""
        moment = datetime.fromtimestamp(second, UTC)
        return {
            "webhook-id": letter,
            "webhook-timestamp": str(second),
            "webhook-signature": " ".join(hook.sign(letter, moment, body) for hook in self._hooks),
        }
