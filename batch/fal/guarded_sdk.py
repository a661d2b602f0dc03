"""fal's own client with the guard under all of its ways to the network: its queue and its uploads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import fal_client
import httpx
from fal_client.auth import AuthCredentials
from fal_client.client import AsyncCDNTokenManager, CDNToken

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
