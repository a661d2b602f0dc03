"""Hosts out on the internet, and those that no address of others may lead to."""

import pytest

from batch.downloads.public_hosts import is_public_address, may_be_public


@pytest.mark.parametrize("address", ["142.250.1.1", "2607:f8b0::1", "8.8.8.8"])
def test_an_address_out_on_the_internet_is_public(address: str) -> None:
    """In either version."""
    assert is_public_address(address)
    assert may_be_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "64:ff9b::a00:1"),
        *("", "localhost", "127.1", "0x7f.1", "2130706433"),
    ],
)
def test_an_address_of_this_machine_or_a_private_network_is_not(address: str) -> None:
    """Nor one that wraps such an address, nor what is no address at all."""
    assert not is_public_address(address)
    assert not may_be_public(address)


@pytest.mark.parametrize(
    "host",
    ["LOCALHOST", "localhost.", "a.localhost", "nas.local", "metadata.google.internal", "router.lan", "[::1]"],
)
def test_a_name_that_is_local_by_itself_is_refused(host: str) -> None:
    """Before anybody is asked what it resolves to."""
    assert not may_be_public(host)


@pytest.mark.parametrize("host", ["v3.fal.media", "example.com", "local.example.com", "localhost.example.org"])
def test_any_other_name_is_looked_at_when_it_is_connected_to(host: str) -> None:
    """What it resolves to decides."""
    assert may_be_public(host)
