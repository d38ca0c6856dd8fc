"""Which address a request came from: its connection's, or what proxies that are listed say of it."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from meter.gateway.asgi import Scope

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]

IPV6_PREFIX = 64
"""What one caller has of IPv6: a network of this length, any of whose addresses can be theirs (RFC 6177)."""

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}", re.ASCII)


def peer(scope: Scope) -> Address | None:
    """The address at the other end of a request's connection; None where it has none, as a Unix socket."""
    client = scope.get("client")
    return _address(client[0]) if client else None


def is_listed(address: Address, networks: Networks) -> bool:
    """Whether an address is in one of the networks."""
    return any(address in network for network in networks)


def caller_address(scope: Scope, proxies: Networks) -> Address | None:
    """The address of whoever sent a request: the last one on its way that is not a listed proxy's.

    ``X-Forwarded-For`` is read from its end, where each listed proxy has written whom it heard. What anybody else
    wrote stands before that, and is believed by nobody; nor is what a hop says that is no address.
    """
    address = peer(scope)
    hops = _hops(scope)
    while address is not None and is_listed(address, proxies) and hops:
        before = _address(hops.pop())
        if before is None:
            return address
        address = before
    return address


def shared_by_one(address: Address) -> str:
    """The network that one caller's addresses share: an IPv4 address, or the /64 of an IPv6 one."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), IPV6_PREFIX), strict=False))


def _hops(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for value in values for hop in value.split(",")]


def _address(written: str) -> Address | None:
    """Read an address, with a port or without; one of IPv4 that is written as IPv6 is the same as the plain one."""
    found = _WITH_PORT.fullmatch(written)
    try:
        address = ip_address((found[1] or found[2] if found else written).partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
