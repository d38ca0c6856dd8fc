"""Where a request came from: what listed proxies say is believed, and nothing else is."""

from ipaddress import ip_address, ip_network

import pytest

from meter.gateway.addresses import caller_address, shared_by_one
from tests.support.asgi import scope_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


def came_from(client, *forwarded: str, proxies=PROXIES) -> str:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    return str(caller_address(scope_of("GET /", headers, client=(client, 5000)), proxies))


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        pytest.param("192.0.2.1", [], "192.0.2.1", id="nobody says anything"),
        pytest.param("192.0.2.1", ["198.51.100.9"], "192.0.2.1", id="a caller lies"),
        pytest.param("10.0.0.1", ["192.0.2.1"], "192.0.2.1", id="a listed proxy says whom it heard"),
        pytest.param("10.0.0.1", ["198.51.100.9, 192.0.2.1"], "192.0.2.1", id="a caller lies to the proxy"),
        pytest.param("10.0.0.1", ["198.51.100.9", "192.0.2.1"], "192.0.2.1", id="in a header of its own"),
        pytest.param("10.0.0.1", ["10.9.9.9, 192.0.2.1"], "192.0.2.1", id="a caller claims to be a proxy"),
        pytest.param("10.0.0.1", ["192.0.2.1, 10.0.0.2, 10.0.0.3"], "192.0.2.1", id="three proxies in a row"),
        pytest.param("10.0.0.1", ["10.0.0.2"], "10.0.0.2", id="a caller inside"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="the proxy itself calls"),
        pytest.param("10.0.0.1", ["192.0.2.1, unknown"], "10.0.0.1", id="a hop that is no address ends the walk"),
        pytest.param("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1", id="with a port"),
        pytest.param("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7", id="IPv6 with a port"),
        pytest.param("2001:db8:ffff::1", ["2001:db8::7"], "2001:db8::7", id="an IPv6 proxy"),
        pytest.param("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1", id="a proxy on a socket of both kinds"),
        pytest.param("10.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1", id="IPv4 written as IPv6"),
    ],
)
def test_a_caller_is_the_last_one_on_the_way_that_is_no_listed_proxy(client, forwarded, found):
    assert came_from(client, *forwarded) == found


def test_nobody_is_believed_where_no_proxy_is_listed():
    assert came_from("10.0.0.1", "192.0.2.1", proxies=()) == "10.0.0.1"


@pytest.mark.parametrize("client", [None, ("testclient", 50000), ("", 0)], ids=["none", "a name", "a Unix socket"])
def test_a_connection_without_an_address_has_no_caller(client):
    scope = scope_of("GET /", [("X-Forwarded-For", "192.0.2.1")], client=client)

    assert caller_address(scope, PROXIES) is None


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_network_of_64_bits_is_one_caller(one, other, shared):
    assert (shared_by_one(ip_address(one)) == shared_by_one(ip_address(other))) is shared
