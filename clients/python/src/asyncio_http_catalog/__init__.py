"""What names an operation by a string. `python -m asyncio_http stubs URL` makes a stub of this module, for type checkers.

It is a module of its own because a stub of one module can stand in for it, and a stub of a part of a package cannot.
"""

from asyncio_http.catalog import Calls as Calls
from asyncio_http.catalog import Maps as Maps
from asyncio_http.catalog import operation as operation
