"""Judges web addresses of images offline: whether fal, out on the internet, can ever reach them."""

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote, urlsplit

_UPLOADED = "give the path of the picture's file, which is uploaded, or a public address"

_NOWHERE = {
    **dict.fromkeys(("localhost", "localdomain"), "is this computer itself"),
    **dict.fromkeys(
        ("local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa"), "is known in one network only"
    ),
    **dict.fromkeys(("test", "example", "invalid", "onion"), "is no name of the internet"),
}
"""Ends of host names that the internet's name servers never answer for (RFC 2606, 6761, 6762, 7686, 8375; ICANN)."""

_NAT64 = IPv6Network("64:ff9b::/96")
_LABEL = re.compile(r"[^\s.]{1,63}")


def unreachable(url: str) -> str | None:
    """Why fal can never fetch an http or https address, with the remedy; None where it may. Asks nobody."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no address that can be read: copy it again, whole"
    if port == 0:
        return "names the port 0, which is none: leave it out"
    return unreachable_host(host)


def unreachable_host(host: str) -> str | None:
    """The same by the host alone, as it stands in the address, without brackets."""
    name = _plain(host)
    if (number := _number(name)) is not None:
        why = _not_public(number)
        return why and f"is out of fal's reach, for {_shown(host, str(number))} is {why}: {_UPLOADED}"
    labels = name.split(".")
    if ":" in name or len(name) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        return f"names no host that there can be ({host!r}): copy the address again, whole"
    for end in (labels[-1], ".".join(labels[-2:])):
        if end in _NOWHERE:
            return f"is out of fal's reach, for {name} {_NOWHERE[end]}: {_UPLOADED}"
    if len(labels) == 1:
        return f"is out of fal's reach, for {name}, a name without a dot, is known in one network only: {_UPLOADED}"
    return None


def _plain(host: str) -> str:
    """As a client reads it that goes there: percent signs decoded, wide letters and dots made plain (UTS 46)."""
    name = unicodedata.normalize("NFKC", unquote(host)).casefold()
    return re.sub("[\u3002\uff0e\uff61]", ".", name).removesuffix(".")


def _number(name: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is where it is one by number, in any of the spellings that clients read."""
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    parts = name.split(".")
    if len(parts) > 4 or not all(_PART.fullmatch(part) for part in parts):
        return None
    *bytes_, rest = (_part(part) for part in parts)
    if any(byte > 255 for byte in bytes_) or rest >= 256 ** (4 - len(bytes_)):
        return None
    return IPv4Address(sum(byte << 8 * (3 - at) for at, byte in enumerate(bytes_)) + rest)


_PART = re.compile(r"0x[0-9a-f]{0,16}|[0-9]{1,16}", re.ASCII)


def _part(text: str) -> int:
    """Of an address with numbers as inet_aton(3) reads them: `127`, `0x7f`, `0177`."""
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    octal = text.startswith("0") and set(text) <= set("01234567")
    return int(text, 8 if octal else 10)


def _not_public(number: IPv4Address | IPv6Address) -> str | None:
    if isinstance(number, IPv6Address) and (inner := _inside(number)):
        return _not_public(inner)
    if number.is_unspecified or number.is_loopback or (number.version == 4 and number.packed[0] in (0, 127)):
        return "this computer itself"
    if number.is_link_local:
        return "an address of one cable or machine only (link-local)"
    if number.is_multicast or number.is_reserved:
        return "no address of one computer"
    return None if number.is_global else "an address of a private network"


def _inside(number: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that one of version 6 stands for."""
    if number in _NAT64:
        return IPv4Address(number.packed[-4:])
    compatible = IPv4Address(number.packed[-4:]) if not any(number.packed[:12]) and int(number) > 1 else None
    return number.ipv4_mapped or number.sixtofour or compatible


def _shown(host: str, number: str) -> str:
    return number if host == number else f"{host} ({number})"
