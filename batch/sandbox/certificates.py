"""Issues certificates for any host name, from an authority that only this sandbox has."""

import os
import ssl
from pathlib import Path

import trustme

CA_FILE = "ca.pem"
KEY_FILE = "ca.key"


class Certificates:
    """TLS contexts by host name. The authority is kept in `folder`: started again, it is trusted as before."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / CA_FILE
        key_file = folder / KEY_FILE
        if self.ca_file.exists() and key_file.exists():
            self._authority = trustme.CA.from_pem(self.ca_file.read_bytes(), key_file.read_bytes())
        else:
            self._authority = trustme.CA(organization_name="kling-batch sandbox")
            _write_private(key_file, self._authority.private_key_pem.bytes())
            self.ca_file.write_bytes(self._authority.cert_pem.bytes())
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, *names: str) -> ssl.SSLContext:
        """What a server of these names needs; the first one is the key."""
        found = self._contexts.get(names[0])
        if found is None:
            found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            found.set_alpn_protocols(["http/1.1"])
            self._authority.issue_cert(*names).configure_cert(found)
            self._contexts[names[0]] = found
        return found


def _write_private(path: Path, data: bytes) -> None:
    """For the owner's eyes only, from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
