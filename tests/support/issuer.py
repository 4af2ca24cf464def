"""An OAuth issuer on loopback: real keys, real signatures, its key set and metadata over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.support.serving import serving

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def public(key: PrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    """The public half of `key`, as a key set holds it."""
    if isinstance(key, rsa.RSAPrivateKey):
        data = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        data = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        data = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**data, "kid": kid, **more}


@dataclass
class Issuer:
    """What it answers by path, and what it was asked for."""

    port: int = 0
    documents: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(
        self, *keys: dict[str, Any], metadata: str = "/.well-known/oauth-authorization-server"
    ) -> None:
        """Serve these keys, and metadata that lead to them."""
        self.documents = {"/jwks": json.dumps({"keys": keys}).encode()}
        named = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}
        self.documents[metadata] = json.dumps(named).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Good claims with `changes`; None takes one away."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "http://127.0.0.1:8000/mcp",
            "sub": "user-1",
            "client_id": "agent-1",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "scope": "openid read events invites campaigns",
            "email": "ann@cis.test",
            "email_verified": True,
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(
        self,
        key: Any = EC_KEY,
        kid: str | None = "ec",
        algorithm: str = "ES256",
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token signed with `key`; `changes` are of its claims."""
        headers = {"typ": "at+jwt", **({"kid": kid} if kid else {}), **(header or {})}
        return jwt.encode(self.claims(**changes), key, algorithm, headers=headers)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.asked.append(path)
        body = self.documents.get(path)
        status = "200 OK" if body is not None else "404 Not Found"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body or b'')}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + (body or b""))
        await writer.drain()


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that publishes one key of each kind."""
    issuer = Issuer()
    async with serving(issuer.answer) as issuer.port:
        issuer.publish(
            public(RSA_KEY, "rsa"), public(EC_KEY, "ec", use="sig", alg="ES256"), public(ED_KEY, "ed")
        )
        yield issuer
