"""The URL of a store: one server, or a cluster; and how many replicas are waited for."""

import pytest

from meter.ledger.address import Address, read
from meter.ledger.promise import LedgerUnavailable


def shown(store: Address) -> tuple[object, ...]:
    return [f"{node}" for node in store.nodes], store.replicas, store.options.get("password"), store.options.get("path")


@pytest.mark.parametrize(
    ("url", "means"),
    [
        pytest.param("redis://h:7000/0", ([], 0, None, None), id="one server"),
        pytest.param("redis://h:7000?cluster=true", (["h:7000"], 0, None, None), id="a cluster by one of its nodes"),
        pytest.param("redis://h?cluster=false", ([], 0, None, None), id="no cluster"),
        pytest.param("redis://a:1,b,[::1]:3", (["a:1", "b:6379", "::1:3"], 0, None, None), id="a cluster by several"),
        pytest.param("rediss://u:p%2Cw@a:1,b:2/0?replicas=2", (["a:1", "b:2"], 2, "p,w", None), id="with a password"),
        pytest.param("unix:///run/s?replicas=1", ([], 1, None, "/run/s"), id="a socket, and a replica"),
        pytest.param("unix://u:w@/run/s", ([], 0, "w", "/run/s"), id="a socket with a password"),
    ],
)
def test_a_url_says_where_the_store_is(url: str, means: tuple[object, ...]) -> None:
    assert shown(read(url)) == means


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        pytest.param("http://h", "must specify one of the following schemes", id="another protocol"),
        pytest.param("redis://h?cluster=yes", "cluster takes true or false", id="a switch that is none"),
        pytest.param("redis://h?replicas=many", "replicas takes a number from 0 to 9", id="a number that is none"),
        pytest.param("unix:///run/s?cluster=true", "a cluster has no Unix socket", id="a cluster on a socket"),
        pytest.param("redis://a:1,b:x", "Port could not be cast", id="a node with a port that is none"),
    ],
)
def test_a_url_that_cannot_be_is_refused_with_the_fix(url: str, flaw: str) -> None:
    with pytest.raises(LedgerUnavailable, match=rf"{flaw}.* for a cluster redis://host:port\?cluster=true") as caught:
        read(url)

    assert not caught.value.fate_unknown
