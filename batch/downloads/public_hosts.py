"""Tells hosts out on the internet from this machine and private networks."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "intranet")


def is_public_address(text: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one out on the internet; False where it is no address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and (inner := _inside(address)) is not None:
        address = inner
    return address.is_global and not address.is_multicast


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The older address that stands in a newer one, where connections end up at it."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def may_be_public(host: str) -> bool:
    """Whether a host may be public by its name alone: what it resolves to is looked at when it is connected to."""
    name = host.strip("[]").rstrip(".").casefold()
    if not name or "%" in name:
        return False
    if ":" in name or name.replace(".", "").isdigit():
        return is_public_address(name)
    last = name.rpartition(".")[2]
    if last == name or last[:1].isdigit() or name.endswith(".home.arpa"):  # 0x7f.1 is an address to some
        return False
    return last not in _LOCAL_NAMES
