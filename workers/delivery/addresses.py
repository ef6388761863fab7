"""Where deliveries may go: https, public addresses, or networks that the settings allow.

A name is looked up once an attempt and the connection goes to the very address that was judged, so that a
name server cannot answer otherwise the second time.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore

from schemas.errors import SohoaError, UsageError

_MOST_URL_CHARS = 2000
_NAT64 = ip_network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


class AddressRefusedError(SohoaError):
    """An endpoint's name leads to where nothing may be sent."""

    problem_code = "address_refused"
    advice = "name its network in SOHOA_DELIVERY__ALLOWED_NETWORKS if that is meant"


def check_url(url: str) -> None:
    """May this be an endpoint, as far as it can be told without looking its name up? Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError("the endpoint's URL cannot be read") from error
    if len(url) > _MOST_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("the endpoint's URL has characters that no URL has")
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise UsageError("an endpoint is https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UsageError("an endpoint's URL has no user, password or fragment")
    if parts.scheme == "http" and not _is_loopback_name(parts.hostname):
        raise UsageError("an endpoint is https:// unless it is on this machine")


def judge_address(address: Address, allowed_networks: Iterable[str], *, tls: bool) -> str | None:
    """Why nothing may be sent to this address; None where it may."""
    meant = _unwrap(address)
    if not tls and not meant.is_loopback:
        return "plain http leaves this machine"
    if any(meant in ip_network(network) for network in allowed_networks):
        return None
    if meant.is_loopback:
        return "a loopback address that is not allowed"
    if not meant.is_global or meant.is_multicast or meant.is_reserved or meant.is_unspecified:
        return "a private or special address that is not allowed"
    return None


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were judged, and to nothing else."""

    def __init__(self, allowed_networks: tuple[str, ...], *, tls: bool) -> None:
        self._allowed = allowed_networks
        self._tls = tls
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """To the first judged address that takes the connection. Raises `AddressRefusedError`."""
        addresses = await self._look_up(host, port)
        for address in addresses:
            refused = judge_address(address, self._allowed, tls=self._tls)
            if refused is not None:  # one bad address among good ones is an attack, too
                raise AddressRefusedError(refused)
        failure: httpcore.ConnectError | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError("the name has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise AddressRefusedError("no socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """As the library asks."""
        await asyncio.sleep(seconds)

    async def _look_up(self, host: str, port: int) -> list[Address]:
        try:
            return [ip_address(host.strip("[]"))]
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError("the name cannot be looked up") from error
        return list(dict.fromkeys(ip_address(entry[4][0].partition("%")[0]) for entry in found))


def _unwrap(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
