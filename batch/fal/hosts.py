"""Tells fal's own addresses from all others: the key goes to them only. Pure."""

import re

NAMES = ("fal.run", "fal.ai", "fal.media", "falrun.com")
"""fal's own, with all their subdomains."""
LONGEST = 8000
"""Characters of an address; a longer one is nobody's."""
_NAMED = re.compile(r"/requests/([^/?#]+)")


class FalHosts:
    """Knows fal's hosts.

    Args:
        told: further ones, as a person set them in the environment; each with its port, where it has one.
    """

    def __init__(self, *told: str) -> None:
        names = "|".join(re.escape(name) for name in NAMES)
        others = "".join(f"|{re.escape(name)}" for name in told if name)
        # The whole of what stands before the path, in letters that no two readers of addresses read differently:
        # no name of a user, no backslash, no other alphabet, no dot at the end, no port but the usual one.
        self._own = re.compile(
            rf"https://(?:(?:[a-z0-9-]{{1,63}}\.){{0,8}}(?:{names})(?::443)?{others})(?:[/?#][!-\[\]-~]*)?",
            re.IGNORECASE | re.ASCII,
        ).fullmatch

    def own(self, url: str) -> bool:
        """Whether it is an https address of fal's: nothing else is ever sent the key."""
        return len(url) <= LONGEST and self._own(url) is not None

    def about(self, url: str, request_id: str) -> bool:
        """Whether it is an address of fal's that names no other request than this one."""
        named = _NAMED.search(url)
        return self.own(url) and (named is None or named[1] == request_id)
