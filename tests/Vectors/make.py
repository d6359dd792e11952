"""Makes sums.json, descriptions.json and powers.json: exact answers by Python's fractions and decimal, rounded once.

    python3 tests/Vectors/make.py

The vectors are the same in each run. A double is written as repr does, so that it reads back as itself.
"""

import decimal
import fractions
import json
import math
import pathlib
import random
import statistics
import struct

decimal.getcontext().prec = 200
decimal.getcontext().Emin = -999_999
decimal.getcontext().Emax = 999_999


def any_double(rng):
    """A finite double with random bits."""
    while True:
        (value,) = struct.unpack("<d", rng.getrandbits(64).to_bytes(8, "little"))
        if math.isfinite(value):
            return value


def near(rng):
    return rng.choice([-1, 1]) * math.ldexp(rng.random(), rng.randint(-60, 60))


def rounded(value):
    """The double nearest to a fraction; None if it is out of range."""
    try:
        return float(value)
    except OverflowError:
        return None


def sums():
    rng = random.Random(24)
    tiny, huge = 5e-324, 1.7976931348623157e308
    lists = [
        [], [0.1] * 10, [1e308, 1e308, -1e308, -1e308], [huge, huge, -huge], [huge, huge], [-huge, -huge, -1.5],
        [huge, math.ldexp(1, 970)], [huge, math.ldexp(1, 970), -tiny], [1e16, 1.0, 1e-16], [1e100, 1.0, -1e100],
        [tiny] * 3, [tiny, -tiny], [tiny, 2.2250738585072014e-308], [-0.0], [-0.0, -0.0], [0.0, -0.0],
        [9007199254740992.0, 1.0, tiny], [9007199254740992.0, -0.5, -tiny], [1.0, 1.1102230246251565e-16, tiny],
        [9007199254740993, 0.5], [9007199254740993, 9007199254740993, 0.5], [9223372036854775807, 0.5], [-9223372036854775808, 1e-300],
        [9223372036854775807] * 3 + [0.25], [9223372036854775807, 9223372036854775807, -1e19], [18446744073709551616.0, -9223372036854775808, 1],
        [9223372036854775807, 1], [9223372036854775807] * 5, [9007199254740993, 9223372036854775807, 9223372036854775807],
        [9223372036854775807, 1, -1], [-9223372036854775808, -9223372036854775808, 9223372036854775807, 1],
    ]
    for _ in range(80):
        count = rng.randint(1, 30)
        values = [rng.choice([any_double, near, near])(rng) for _ in range(count)]
        if rng.random() < 0.5:
            values += [-value for value in values[: rng.randint(1, count)]]
            values.append(near(rng))
        if rng.random() < 0.5:
            values += [rng.getrandbits(rng.randint(1, 64)) - (1 << 63) for _ in range(rng.randint(1, 9))]
        rng.shuffle(values)
        lists.append(values)
    return [{"values": values, "sum": total(values)} for values in lists]


def total(values):
    exact = sum(map(fractions.Fraction, values))
    if all(isinstance(value, int) for value in values) and -(1 << 63) <= exact < 1 << 63:
        return int(exact)
    return rounded(exact)


def descriptions():
    rng = random.Random(25)
    lists = [
        [1.0, 2.0, 3.0], [0.1] * 10, [1e308, 1e308, 1e308], [-1e308, 1e308], [0.0, 1e-200], [5e-324, 1.5e-323], [5e-324] * 3,
        [1e-308, 2e-308, 4e-308], [1e16, 1.0, -1e16], [1e16 + 2 * i for i in range(9)], [0.1, 0.3], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2],
        [1e9 + i / 10 for i in range(100)], [1e15 + i / 8 for i in range(50)], [-0.1, 1e17, 0.3, -1e17], [1.0] * 7 + [1.0000000000000002],
        [1.7976931348623157e308, 1.7976931348623155e308], [1e-160, 2e-160, 4e-160, 1e-170], [1.0, 1e-320, 1e-310],
    ]
    for _ in range(80):
        center = rng.choice([0, 1, 1e6, 1e12, 1e15, -1e9]) * rng.random()
        width = math.ldexp(1, rng.randint(-40, 10))
        lists.append([center + width * rng.gauss(0, 1) for _ in range(rng.randint(2, 60))])
    lists += [[any_double(rng) / 4 for _ in range(rng.randint(2, 20))] for _ in range(15)]
    return [description(values) for values in lists]


def description(values):
    exact = sorted(map(fractions.Fraction, values))
    count = len(exact)
    try:
        mean = statistics.fmean(values)
    except OverflowError:
        mean = float(sum(exact) / 2**64) / count * 2.0**64

    def percentile(quarters):
        lower, part = divmod(quarters * (count - 1), 4)
        return float(exact[lower] if part == 0 else exact[lower] + (exact[lower + 1] - exact[lower]) * part / 4)

    return {
        "values": values,
        "mean": mean,
        "standardDeviation": root(statistics.variance(exact)),
        "percentiles": [percentile(quarters) for quarters in (1, 2, 3)],
    }


def root(fraction):
    return float((decimal.Decimal(fraction.numerator) / fraction.denominator).sqrt())


def powers():
    rng = random.Random(26)
    pairs = [
        (10, 23), (10, 22), (3, 40), (7, 300), (9007199254740993, 2), (9007199254740993, 3), (-9007199254740993, 3), (9223372036854775807, 16),
        (-9223372036854775808, 2), (2, -1074), (2, -1075), (2, -1076), (-2, -1075), (2, 1023), (2, 1024), (3, -2), (3, -1), (10, -5), (7, -20),
        (10, -323), (10, -324), (10, 308), (10, 309), (9007199254740993, 0.5), (9007199254740993, -1), (9223372036854775807, 0.5),
        (2.25, 0.5), (1.5, 40.0), (0.1, 2), (0.1, 3), (1.1, 10.0), (0.5, 1074), (0.5, 1075), (16.0, 0.25), (16.0, 0.75), (81.0, -0.25), (2.0, 0.5),
        (1.0000000000000002, 1.5), (1.0000000000000002, 3152000000000000000.0), (0.9999999999999999, 6e18), (0.9999999999999999, 1e300),
        (1.0000000000000002, 1e300), (5e-324, 0.5), (5e-324, 0.015625), (1.7976931348623157e308, 1e-300), (1.7976931348623157e308, -1.0),
        (1.7976931348623157e308, 5e-324), (0.3, 1e-17), (4.0, 9007199254740992.0), (4.0, -9007199254740992.0), (10.0, 0.30102999566398120),
        (2.2250738585072014e-308, 1.0000000000000002), (-1.5, 3.0), (-1.5, 3), (-0.1, -7.0), (1.0, 1e308), (0.5, 9223372036854775807), (3, 9223372036854775807),
    ]
    for _ in range(100):
        integer = rng.getrandbits(rng.randint(3, 63)) + 2
        pairs.append((integer, rng.randint(1, 30)))
        pairs.append((math.ldexp(rng.random() + 0.5, rng.randint(-300, 300)), rng.choice([-1, 1]) * math.ldexp(rng.random(), rng.randint(-3, 2))))
        pairs.append((math.ldexp(rng.random() + 0.5, rng.randint(-3, 3)), rng.choice([-1, 1]) * math.ldexp(rng.random(), rng.randint(3, 10))))
        pairs.append((math.ldexp(rng.random() + 0.5, rng.randint(-3, 3)), rng.randint(-40, 40)))
    return [{"x": x, "y": y, "power": power(x, y)} for x, y in pairs]


def power(x, y):
    """None if the power is out of range."""
    if isinstance(x, int) and isinstance(y, int) and 0 <= y < 2000 and -(1 << 63) <= x**y < 1 << 63:
        return x**y
    if abs(y) < 3000 and y == int(y):
        return rounded(fractions.Fraction(x) ** int(y))
    if y * math.log2(abs(x)) > 1100:
        return None
    result = float(decimal.Decimal(abs(x)) ** decimal.Decimal(y)) * (-1 if x < 0 and y % 2 == 1 else 1)
    return result if math.isfinite(result) else None


def main():
    for make in (sums, descriptions, powers):
        lines = ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in make())
        (pathlib.Path(__file__).parent / f"{make.__name__}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
