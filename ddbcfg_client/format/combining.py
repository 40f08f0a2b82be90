"""CRC-32 of bytes whose parts have known CRC-32s.

The CRC-32 of ``a + b`` is that of ``a``, advanced over ``len(b)`` zero bytes, xor that of ``b``.
To advance it by n bytes is to multiply it by x^8n modulo the polynomial, where bit 31 of a number
is the coefficient of x^0.
"""

from __future__ import annotations

from functools import lru_cache

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


def combined(first: int, second: int, size: int) -> int:
    """Return the CRC-32 of ``a + b`` from that of ``a``, that of ``b``, and the bytes in ``b``."""
    return _product(_power(size), first) ^ second if first else second


def _product(a: int, b: int) -> int:
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@lru_cache(maxsize=64)  # few sizes of parts are current at a time
def _power(size: int) -> int:
    """Return x^(8 * size)."""
    power, square = _ONE, 1 << 23  # 1 and x^8
    while size:
        if size & 1:
            power = _product(power, square)
        square = _product(square, square)
        size >>= 1
    return power
