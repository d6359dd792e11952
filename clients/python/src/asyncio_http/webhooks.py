"""Webhooks: verify the message that the server posts when a task ends (Standard Webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any


class WebhookVerificationError(Exception):
    """The message is not genuine, or too old: respond with 401 and ignore it."""


def verify_webhook(
    body: bytes, headers: Mapping[str, str], secrets: str | Iterable[str], tolerance: float = 300
) -> dict[str, Any]:
    """Returns the message `{"type", "timestamp", "data": task}` if one of the secrets signed it.

    body: the bytes as they arrived. headers: in any case. secrets: one key or several, each `whsec_` and base64.
    tolerance: by how many seconds `webhook-timestamp` may differ from the clock.
    Raises WebhookVerificationError, and ValueError if a secret is invalid.
    A message can arrive more than once: remember `webhook-id`.
    """
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    fields = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent_at, signatures = (fields["webhook-" + name] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise WebhookVerificationError(f"The header {error} is missing.") from None

    # isdecimal alone accepts the digits of other scripts too.
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12):
        raise WebhookVerificationError("webhook-timestamp is not a number of seconds.")
    if abs(time.time() - int(sent_at)) > tolerance:
        raise WebhookVerificationError("webhook-timestamp differs from the clock by more than the tolerance.")

    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    given = [value.encode() for version, _, value in (s.partition(",") for s in signatures.split()) if version == "v1"]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise WebhookVerificationError("No signature matches.")

    message = json.loads(body)
    if not isinstance(message, dict):
        raise WebhookVerificationError("The body is not an object.")
    return message


def _key(secret: str) -> bytes:
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if not key:
        raise ValueError("A secret is empty.")
    return key
