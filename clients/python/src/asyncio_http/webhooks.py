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
    body: bytes | str, headers: Mapping[str, str], secrets: str | Iterable[str], tolerance: float = 300
) -> dict[str, Any]:
    """Returns the message `{"type", "timestamp", "data": task}` if one of the secrets signed it.

    body: the bytes as they arrived. headers: in any case. secrets: one key or several, each `whsec_` and base64.
    tolerance: by how many seconds `webhook-timestamp` may differ from the clock; infinity accepts any age.
    Raises WebhookVerificationError for any other message, and ValueError if a secret or the tolerance is invalid.
    A message can arrive more than once: remember `webhook-id`.
    """
    if not tolerance >= 0:
        raise ValueError(f"The tolerance is 0 seconds or more, not {tolerance}.")
    if isinstance(secrets, (str, bytes)) or not isinstance(secrets, Iterable):
        secrets = [secrets]
    keys = [_key(secret) for secret in secrets]
    message_id, sent_at, signatures = (_header(headers, f"webhook-{name}") for name in ("id", "timestamp", "signature"))

    # isdecimal alone accepts the digits of other scripts too.
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12):
        raise WebhookVerificationError("webhook-timestamp is not a number of seconds.")
    if abs(time.time() - int(sent_at)) > tolerance:
        raise WebhookVerificationError("webhook-timestamp differs from the clock by more than the tolerance.")

    content = _bytes(body) if isinstance(body, str) else memoryview(body).tobytes()
    signed = _bytes(f"{message_id}.{sent_at}.") + content
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    given = [_bytes(signature[3:]) for signature in signatures.split(" ") if signature.startswith("v1,")]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise WebhookVerificationError("No signature matches.")

    try:
        message = json.loads(str(content, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise WebhookVerificationError("The body is not JSON.") from error
    if not isinstance(message, dict):
        raise WebhookVerificationError("The body is not an object.")
    return message


def _header(headers: Mapping[str, Any], name: str) -> str:
    values = [value for given, value in headers.items() if _text(given).lower() == name]
    # Of two values the receiver may read another one than the one that is verified here.
    if len(values) != 1 or not isinstance(values[0], (str, bytes)):
        raise WebhookVerificationError(f"The header {name} is missing, or there is more than one.")
    return _text(values[0])


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(text: str) -> bytes:
    # A text from outside may have halves of surrogate pairs, which nobody signs.
    return text.encode("utf-8", "surrogatepass")


def _key(secret: str) -> bytes:
    if not isinstance(secret, str):
        raise ValueError("A secret is a text: `whsec_` and base64.")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if not key:
        raise ValueError("A secret is empty.")
    return key
