"""Webhooks: those that the host sends, and those that somebody forges."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import queue
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import host

from asyncio_http import Client, WebhookVerificationError, verify_webhook

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes.").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret, not the same one").decode()
BODY = json.dumps({"type": "task.succeeded", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "7"}}).encode()


# `openssl dgst -sha256 -mac HMAC` made it of `msg_1.1700000000.{"type":"task.failed"}`.
KNOWN_SIGNATURE = "v1,khtshhUpsPmLS7KCHMC+wPfLJk/8DuHanI/hr2Gy8gQ="


# What a stranger can put into a header, and what frameworks make of it.
STRANGE = ("\ud800", "\udcff", "\udfff\ud800", "\u0663", "\uff11", "\0", "é", "\U0010ffff", "\u2028", "-", "1" * 5000)
# Bodies that a sender with the key can sign.
SIGNED = (
    *(b"", b" ", b"{", b"nonsense", b"{'a':1}", b'{"a":1} x', b"\xff", b'{"a":"\xe9"}', b'{"a":"\xed\xa0\x80"}', b"\0"),
    *(b"[]", b"7", b'"text"', b"null", b"NaN", b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"1" * 5000 + b"}"),
)


def setUpModule() -> None:
    if host.IS_OWN:
        host.url()


def signature(secret: str = SECRET, sent_at: int | str | None = None, body: bytes = BODY) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"msg_7.{int(time.time()) if sent_at is None else sent_at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(given: str | None = None, sent_at: int | str | None = None) -> dict[str, str]:
    return {
        "Webhook-Id": "msg_7",
        "webhook-timestamp": str(int(time.time()) if sent_at is None else sent_at),
        "WEBHOOK-SIGNATURE": signature(sent_at=sent_at) if given is None else given,
    }


class VerifyTests(unittest.TestCase):
    def refuses(self, *arguments: Any, **options: Any) -> None:
        with self.assertRaises(WebhookVerificationError):
            verify_webhook(*arguments, **options)

    def test_signature_that_openssl_made(self) -> None:
        given = {"webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": KNOWN_SIGNATURE}
        body = b'{"type":"task.failed"}'
        self.assertEqual({"type": "task.failed"}, verify_webhook(body, given, SECRET, tolerance=1e10))
        self.refuses(body, given, SECRET)

    def test_message_is_returned(self) -> None:
        self.assertEqual("7", verify_webhook(BODY, headers(), SECRET)["data"]["id"])
        self.assertEqual("7", verify_webhook(BODY, headers(), SECRET.removeprefix("whsec_"))["data"]["id"])

    def test_one_of_several_secrets_and_signatures_is_enough(self) -> None:
        both = f"v1a,AAAA {signature(OTHER)} v1, v1,ä {signature()}"
        for secrets in (SECRET, OTHER, [SECRET, OTHER], (OTHER, SECRET)):
            self.assertEqual("7", verify_webhook(BODY, headers(both), secrets)["data"]["id"])
        self.assertEqual("7", verify_webhook(BODY, headers(), iter([OTHER, SECRET]))["data"]["id"])

    def test_forged_message_is_refused(self) -> None:
        self.refuses(BODY + b" ", headers(), SECRET)
        self.refuses(BODY, headers(), OTHER)
        self.refuses(BODY, {**headers(), "Webhook-Id": "msg_8"}, SECRET)
        self.refuses(BODY, headers(), [])
        for given in (
            "",
            "v1,",
            "v1",
            signature().replace("v1,", "v2,"),
            signature().replace("v1,", ""),
            signature() + "A",
        ):
            self.refuses(BODY, headers(given), SECRET)

    def test_old_message_is_refused(self) -> None:
        now = int(time.time())
        for sent_at in (now - 400, now + 400):
            self.refuses(BODY, headers(sent_at=sent_at), SECRET)
            self.assertEqual("7", verify_webhook(BODY, headers(sent_at=sent_at), SECRET, tolerance=500)["data"]["id"])
        for sent_at_text in ("", "now", "1e9", "-1", "٣", "9" * 5000):
            self.refuses(BODY, headers(sent_at=sent_at_text), SECRET)

    def test_missing_header_is_refused(self) -> None:
        for name in headers():
            self.refuses(BODY, {other: value for other, value in headers().items() if other != name}, SECRET)

    def test_header_that_is_no_text_of_ascii_is_refused(self) -> None:
        for name, value in headers().items():
            for strange in STRANGE:
                for given in (strange, value + strange, f"v1,{strange}", f"{value} v1,{strange} "):
                    # A signature among others may be anything.
                    if name != "WEBHOOK-SIGNATURE" or not given.startswith(f"{value} "):
                        with self.subTest(name, given=given):
                            self.refuses(BODY, {**headers(), name: given}, SECRET)
            for other in (None, 7, [value], (value, value), {"a": value}, object(), b"\xff\xfe"):
                with self.subTest(name, given=other):
                    self.refuses(BODY, {**headers(), name: other}, SECRET)
        for strange in STRANGE:
            among = {**headers(f"v1,{strange} {signature()} {strange}"), strange: strange}
            self.assertEqual("7", verify_webhook(BODY, among, SECRET)["data"]["id"])

    def test_repeated_header_is_refused(self) -> None:
        for name in headers():
            self.refuses(BODY, {**headers(), name.title(): headers()[name], name.upper(): "another"}, SECRET)

    def test_headers_and_body_may_be_bytes_or_text(self) -> None:
        encoded = {name.encode(): value.encode() for name, value in headers().items()}
        bodies: list[Any] = [BODY, bytearray(BODY), memoryview(BODY), BODY.decode()]
        for body in bodies:
            given: list[Any] = [headers(), encoded]
            for each in given:
                self.assertEqual("7", verify_webhook(body, each, SECRET)["data"]["id"])
        self.refuses("\ud800", headers(), SECRET)

    def test_signed_body_that_is_not_an_object_of_json_is_refused(self) -> None:
        for body in SIGNED:
            with self.subTest(body[:20]):
                self.refuses(body, headers(signature(body=body)), SECRET)

    def test_invalid_secret_is_an_error_of_the_receiver(self) -> None:
        for secret in (
            "",
            "whsec_",
            "whsec_ä",
            "whsec_not base64",
            "whsec_AAA",
            "whsec_\ud800",
            None,
            b"whsec_AAAA",
            7,
        ):
            for secrets in (secret, [SECRET, secret]):
                # Whatever arrives, the receiver learns of its mistake.
                for given in (headers(), {}):
                    with self.subTest(secret), self.assertRaises(ValueError):
                        verify_webhook(BODY, given, secrets)  # type: ignore[arg-type]

    def test_tolerance_is_a_number_of_seconds(self) -> None:
        for tolerance in (float("nan"), -1, -0.001, float("-inf")):
            with self.subTest(tolerance), self.assertRaises(ValueError):
                verify_webhook(BODY, headers(), SECRET, tolerance)
        for tolerance in (float("inf"), 10**400):
            old = headers(sent_at=7)
            self.assertEqual("7", verify_webhook(BODY, old, SECRET, tolerance)["data"]["id"])


@unittest.skipUnless(host.IS_OWN, "the host of FUNCTIONS_BASE_URL has another signing key")
class HostTests(unittest.IsolatedAsyncioTestCase):
    async def test_message_of_the_host_is_genuine(self) -> None:
        received: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.put((self.rfile.read(int(self.headers["content-length"])), dict(self.headers.items())))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Receiver) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            async with Client(host.url(), host.KEY) as client:
                task = client.create_task(client.call("echo", value="é"), on_success=url)
                self.assertEqual("é", await task)
                failed = client.create_task(client.call("fail", message="broken"), on_success=url, on_error=url)
                await failed.accepted()
                messages = []
                for _ in range(2):
                    message = await asyncio.to_thread(received.get, timeout=60)
                    messages.append(verify_webhook(*message, [SECRET, host.SIGNING_KEY]))
                failed.cancel()
            server.shutdown()
        found = {message["data"]["id"]: message for message in messages}
        self.assertEqual(("task.succeeded", "é"), (found[str(task.id)]["type"], found[str(task.id)]["data"]["result"]))
        self.assertEqual("task.failed", found[str(failed.id)]["type"])


if __name__ == "__main__":
    unittest.main()
