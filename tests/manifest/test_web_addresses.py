"""Web addresses of images that fal can never reach are known as such without asking anybody."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.web_addresses import unreachable

HERE = [
    "http://localhost/a.png",
    "http://localhost:8000/a.png",
    "https://LOCALHOST./a.png",
    "http://app.localhost/a.png",
    "http://127.0.0.1/a.png",
    "http://127.1.2.3:5000/a.png",
    "http://127.1/a.png",
    "http://2130706433/a.png",
    "http://0x7f000001/a.png",
    "http://0x7F.1/a.png",
    "http://0177.0.0.1/a.png",
    "http://0x7f.0.0.0x1/a.png",
    "http://127.0.0.1./a.png",
    "http://0/a.png",
    "http://0.0.0.0/a.png",
    "http://[::1]/a.png",
    "http://[::]/a.png",
    "http://[0:0:0:0:0:0:0:1]:80/a.png",
    "http://[::ffff:127.0.0.1]/a.png",
    "http://[::ffff:7f00:1]/a.png",
    "http://[64:ff9b::7f00:1]/a.png",
    "http://[::127.0.0.1]/a.png",
    "http://１２７.0.0.1/a.png",
    "http://127。0。0。1/a.png",
    "http://%6c%6fcalhost/a.png",
    "http://user:word@127.0.0.1/a.png",
    "http://localhost.localdomain/a.png",
]
NEAR = [
    "http://10.0.0.5/a.png",
    "http://172.16.9.9/a.png",
    "http://192.168.0.10/a.png",
    "http://192.168.257/a.png",
    "http://3232235521/a.png",
    "http://100.64.0.1/a.png",
    "http://169.254.169.254/a.png",
    "http://[fe80::1]/a.png",
    "http://[fe80::1%25eth0]/a.png",
    "http://[fd00::1]/a.png",
    "http://[::ffff:10.0.0.1]/a.png",
    "http://[2002:a00:1::]/a.png",
    "http://[2001:db8::1]/a.png",
    "http://192.0.2.7/a.png",
    "http://224.0.0.1/a.png",
    "http://255.255.255.255/a.png",
    "http://nas.local/a.png",
    "http://studio.internal/a.png",
    "http://fritz.box.lan/a.png",
    "http://router.home.arpa/a.png",
    "http://pics.intranet/a.png",
    "http://files.corp/a.png",
    "http://nas/a.png",
    "http://server:8080/a.png",
    "http://cdn.test/a.png",
    "http://abc.onion/a.png",
]
OPEN = [
    "https://example.com/a.png",
    "https://EXAMPLE.com.:443/a.png",
    "https://8.8.8.8/a.png",
    "https://[2606:4700::1111]/a.png",
    "https://[::ffff:8.8.8.8]/a.png",
    "https://bücher.example.com/ü.png",
    "https://my_bucket.s3.amazonaws.com/a.png?X-Amz-Signature=0%2F1",
    "https://localhost.example.com/a.png",
    "https://127.0.0.1.nip.io/a.png",
    "https://user:word@cdn.example.org/a.png",
    "https://10.example.org/a.png",
    "https://local.dev/a.png",
    "https://internal.example.com/a.png",
    "https://x.y/1",
]
NO_HOST = ["https://a..b/c.png", "https://.com/a.png", "https://1.2.3.4.5/a.png", "https://256.1.1.1/a.png"]
NO_ADDRESS = ["https://example.com:99999/a.png", "https://example.com:0/a.png", "https://example.com:x/a.png"]


@pytest.mark.parametrize("url", HERE)
def test_this_computer_is_never_reached_however_it_is_spelled(url: str) -> None:
    """By name, by number, in octal, hexadecimal or wide letters, as version 4 inside version 6."""
    assert "this computer itself" in str(unreachable(url))
    assert "which is uploaded" in str(unreachable(url))


@pytest.mark.parametrize("url", NEAR)
def test_a_network_of_ones_own_is_never_reached(url: str) -> None:
    """Private, link-local, reserved, and names that only one network knows."""
    found = unreachable(url)
    assert found is not None
    assert found.startswith("is out of fal's reach, for ")
    assert "this computer itself" not in found


@pytest.mark.parametrize("url", OPEN)
def test_whatever_may_be_reached_is_left_to_fal(url: str) -> None:
    """Nothing is asked of anybody, and names that only look like the others are fine."""
    assert unreachable(url) is None


@pytest.mark.parametrize("url", [*NO_HOST, *NO_ADDRESS])
def test_an_address_that_cannot_be_one_is_said(url: str) -> None:
    """With what to do."""
    found = unreachable(url)
    assert found is not None
    assert found.startswith(("names ", "is no address"))


@given(st.ip_addresses(v=4), st.sampled_from(["plain", "decimal", "hexadecimal", "octal", "mapped"]))
def test_every_spelling_of_an_address_is_judged_alike(address: ipaddress.IPv4Address, spelling: str) -> None:
    """The verdict is of the address, not of how it is written."""
    written = {
        "plain": str(address),
        "decimal": str(int(address)),
        "hexadecimal": hex(int(address)),
        "octal": ".".join(f"0{byte:o}" for byte in address.packed),
        "mapped": f"[::ffff:{address}]",
    }[spelling]
    public = address.is_global and not address.is_multicast and not address.is_reserved
    assert (unreachable(f"http://{written}/a.png") is None) == public


@given(st.text(max_size=40).map("http://".__add__))
def test_any_text_is_judged(url: str) -> None:
    """Total: no address raises."""
    found = unreachable(url)
    assert found is None or found
