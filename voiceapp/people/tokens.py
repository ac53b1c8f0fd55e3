"""Tokens: what a browser or a link proves itself with; only their hashes are kept."""

import hashlib
import secrets


def make_token() -> str:
    """Return 256 random bits, in letters that an address may have."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 (hex) of a token; it is random, so a fast hash is enough."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
