"""What a minute without renewal does to claims on idempotency keys."""

import redis


def lapse(client: redis.Redis) -> int:
    """Put the end of every claim that runs into the past; how many they were."""
    lapsed = 0
    for key in client.scan_iter("{meter:*}:idem:*"):
        state, op, fingerprint, _ = client.get(key).decode().split(" ")
        if state == "running":
            client.set(key, f"running {op} {fingerprint} 1", keepttl=True)
            lapsed += 1
    return lapsed
