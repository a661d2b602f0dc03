"""fal's own client with the guard under all of its ways to the network: its queue and its uploads."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import fal_client
import httpx
from fal_client.auth import AuthCredentials
from fal_client.client import CDN_URL, REST_URL, AsyncCDNTokenManager, CDNToken

from batch.core.object_lifecycle import ObjectLifecycle
from batch.fal.uploads import UploadBody

USER_AGENT = fal_client.client.USER_AGENT


class _TokenManager(AsyncCDNTokenManager):
    """Fetches the tokens of uploads; fal-client does it with an httpx client of its own."""

    def __init__(self, credentials: AuthCredentials, guarded: httpx.AsyncClient) -> None:
        super().__init__(credentials)
        self._guarded = guarded

    async def _refresh_token(self) -> CDNToken:
        response = await self._guarded.post(self._url, headers=self._headers, json={})
        said = response.json()
        expires_at = datetime.fromisoformat(said["expires_at"])
        return CDNToken(said["token"], said["token_type"], said["base_url"], expires_at)


class GuardedSdk(fal_client.AsyncClient):
    """fal's client; whatever it asks for goes by one guarded httpx client."""

    def __init__(self, credentials: AuthCredentials, guarded: httpx.AsyncClient, timeout: float) -> None:
        super().__init__(default_timeout=timeout)
        self._credentials = credentials
        self._guarded = guarded
        self._tokens = _TokenManager(credentials, guarded)

    async def send_file(self, body: UploadBody, lifecycle: ObjectLifecycle | None, seconds: float) -> str:
        """Sends a file as `upload` does: to fal's CDN, and where that fails to its storage; streamed, once each.

        Args:
            seconds: the longest that each way is waited for.
        """
        kept = lifecycle.upload_headers if lifecycle else {}
        try:
            return await self._to_cdn(body, kept, seconds)
        except Exception:  # noqa: BLE001 - as fal-client does: whatever it was, the other way may be open
            return await self._to_storage(body, kept, seconds)

    async def _to_cdn(self, body: UploadBody, kept: Mapping[str, str], seconds: float) -> str:
        token = await self._tokens.get_token()
        headers = {
            "Authorization": f"{token.token_type} {token.token}",
            "Content-Type": body.media_type,
            "X-Fal-File-Name": body.name,
            **kept,
        }
        said = await self._send("POST", f"{CDN_URL}/files/upload", body, headers, seconds)
        return str(said.json()["access_url"])

    async def _to_storage(self, body: UploadBody, kept: Mapping[str, str], seconds: float) -> str:
        begun = await self._guarded.post(
            f"{REST_URL}/storage/upload/initiate?storage_type=gcs",
            json={"file_name": body.name, "content_type": body.media_type},
            headers={"Accept": "application/json", **kept},
        )
        said = begun.json()
        await self._send("PUT", said["upload_url"], body, {"Content-Type": body.media_type}, seconds)
        return str(said["file_url"])

    async def _send(
        self, method: str, url: str, body: UploadBody, headers: Mapping[str, str], seconds: float
    ) -> httpx.Response:
        """The wire reads the file itself, piece by piece."""
        length = {"Content-Length": str(body.size)}
        request = self._guarded.build_request(
            method, url, headers={**headers, **length}, timeout=seconds, extensions={"file": body.source}
        )
        return await self._guarded.send(request)

    @property
    async def _auth(self) -> AuthCredentials:
        return self._credentials  # given as `key`, those of a login would go out as `Key`, not as `Bearer`

    @property
    async def _client(self) -> httpx.AsyncClient:
        return self._guarded

    @property
    async def _token_manager(self) -> _TokenManager:
        return self._tokens

    @asynccontextmanager
    async def _cdn_client(self) -> AsyncIterator[httpx.AsyncClient]:
        yield self._guarded
