"""Finds fal's key: in the environment, or from fal's own login."""

import httpx
from fal_client.auth import AuthCredentials, MissingCredentialsError, fetch_auth_credentials

from batch.errors import MissingKey


def find_credentials() -> AuthCredentials:
    try:
        found = fetch_auth_credentials()
    except MissingCredentialsError as error:
        raise MissingKey(_NO_KEY) from error
    except httpx.HTTPError as error:
        raise MissingKey(
            f"fal's login could not be renewed ({type(error).__name__}): is there a network? Try again, or set FAL_KEY"
        ) from error
    token = found.token.strip()
    if not token:
        raise MissingKey(_NO_KEY)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise MissingKey("the fal key holds a space or a character that no key has: copy it again into FAL_KEY")
    return AuthCredentials(found.scheme, token)


_NO_KEY = (
    "no fal key: set FAL_KEY (make one at https://fal.ai/dashboard/keys), or try the whole thing "
    "without one: add --sandbox"
)
