"""Settings of the HTTP gateway: `SOHOA_GATEWAY__REQUIRE_TLS=true` and so on."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class GatewaySettings(BaseModel):
    """How the gateway listens, what it lets in and how long it waits."""

    model_config = ConfigDict(frozen=True)

    issuer: str = Field(default="sohoa-gateway", description="`iss` of the tokens this gateway gives out")
    audience: str = Field(default="sohoa-api", description="`aud` of the tokens this gateway takes")
    token_lifetime_s: int = Field(default=300, ge=30, le=3600, description="how long a token is good for")
    token_keys: Path | None = Field(
        default=None, description="folder of signing keys (PEM, Ed25519) of tokens; else home/keys/tokens"
    )
    require_tls: bool | None = Field(
        default=None, description="refuse what did not come by TLS; not set: unless bound to loopback"
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="addresses whose X-Forwarded-Proto and X-Forwarded-For are believed",
    )
    max_page_bytes: int = Field(
        default=64 * 2**20, description="one page's image; A4 at 600 dpi in colour is 4 MB as JPEG"
    )
    max_json_bytes: int = Field(default=2**20, description="any other body")
    looks_per_file: int = Field(
        default=4, ge=0, description="pages of a multi-page file whose verdict the upload's answer brings"
    )
    piecemeal_files: int = Field(
        default=8, ge=1, description="files of one station that may be here in part at once; oldest go first"
    )
    piecemeal_days: float = Field(default=7.0, gt=0, description="how long part of a file waits for the rest")
    header_timeout_s: float = Field(default=20.0, description="from connecting to the end of the headers")
    body_idle_timeout_s: float = Field(
        default=45.0, description="without a byte of a body; a rural line is down for 20 s at a time"
    )
    body_least_bytes_per_s: int = Field(
        default=1024, description="average below which a body is given up, after `body_grace_s`"
    )
    body_grace_s: float = 60.0
    requests_per_s: float = Field(default=30.0, description="of one key, over time; per gateway process")
    request_burst: int = Field(default=120, description="of one key at once")
    failed_logins_per_minute: int = Field(default=20, description="of one address, before it has to wait")
    streams_per_key: int = Field(default=8, description="event streams and long polls of one key at once")
    stream_max_s: float = Field(default=300.0, description="after which an event stream is ended")
    look_every_s: float = Field(default=0.2, description="how often watched dossiers are looked at")
    idempotency_days: int = Field(default=30, description="how long an Idempotency-Key is remembered")
    least_free_bytes: int = Field(
        default=2**30, description="free space in home below which /readyz says so and uploads are refused"
    )
    decoders: int = Field(default=0, ge=0, description="pages looked at at once; 0 means one per core")
