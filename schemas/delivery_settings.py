"""Settings of delivery to one-stop systems: `SOHOA_DELIVERY__ATTEMPTS=10` and so on."""

from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.delivery import AdapterName


class PortalSettings(BaseModel):
    """What the national portal's `DongBoHoSoMC` asks for beside the record."""

    model_config = ConfigDict(frozen=True)

    unit_code: str = Field(default="", description="`madonvi`, e.g. 000.00.00.H21")
    session_file: Path | None = Field(default=None, description="file that holds the portal's `session`")


class DeliverySettings(BaseModel):
    """Where deliveries may go, how long they wait, how often they are tried."""

    model_config = ConfigDict(frozen=True)

    adapter: AdapterName = Field(
        default="webhook", description="of a new endpoint, where none is named; portal: DongBoHoSoMC"
    )
    allowed_networks: tuple[str, ...] = Field(
        default=(), description="private or loopback networks that endpoints may lie in, e.g. 10.20.0.0/16"
    )
    ca_file: Path | None = Field(
        default=None, description="certificate authorities (PEM) of receivers, in place of the system's"
    )
    attempts: int = Field(default=16, ge=1, description="before a delivery is dead; 16 take about a day")
    first_delay_s: float = Field(default=5.0, gt=0, description="after the first failure; doubles each time")
    max_delay_s: float = Field(default=6 * 3600.0, gt=0)
    timeout_s: float = Field(default=15.0, gt=0, description="for one attempt from name to last byte")
    answer_bytes: int = Field(default=64 * 2**10, ge=0, description="of an answer's body; more is not read")
    lease_s: float = Field(default=60.0, gt=0, description="how long a process may hold a delivery")
    at_once: int = Field(default=8, ge=1, description="deliveries under way in one process")
    at_once_per_endpoint: int = Field(default=4, ge=1)
    poll_s: float = Field(default=1.0, gt=0, description="how often the ledger is asked for work")
    secrets: Path | None = Field(
        default=None,
        description="folder of webhook secrets, one below for each endpoint; else home/keys/webhooks",
    )
    gateway_address: str | None = Field(
        default=None, description="https://... of the gateway as one-stop systems reach it"
    )
    link_days: float = Field(default=30.0, gt=0, description="how long a file's address is good for")
    link_key: Path | None = Field(
        default=None, description="file of the key that links are made from; else home/keys/links.key"
    )
    receipt_keys: Path | None = Field(
        default=None, description="folder of keys (PEM, Ed25519) that sign receipts; else home/keys/receipts"
    )
    portal: PortalSettings = PortalSettings()

    @field_validator("allowed_networks")
    @classmethod
    def _check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks

    @model_validator(mode="after")
    def _check_lease(self) -> Self:
        if self.lease_s < 2 * self.timeout_s:
            raise ValueError("lease_s must be at least twice timeout_s, or two processes might send at once")
        return self
