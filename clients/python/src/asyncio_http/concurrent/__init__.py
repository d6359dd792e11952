"""`from asyncio_http.concurrent import futures` in place of `from concurrent import futures`."""

from . import futures as futures
