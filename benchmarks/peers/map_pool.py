"""multiprocessing.Pool, made beforehand: maps one of the works below once for each line read, answered with the milliseconds."""
import hashlib
import sys
import time
from multiprocessing import Pool


def square(x):
    return x * x


def pbkdf2(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations).hex()


def main():
    work, count = sys.argv[1], int(sys.argv[2])
    with Pool() as pool:
        if work == "square":
            run = lambda: pool.map(square, range(count))
        else:
            items = [(f"password-{i}", f"salt-{i}", int(sys.argv[3])) for i in range(count)]
            run = lambda: pool.starmap(pbkdf2, items)

        for _ in sys.stdin:
            started = time.perf_counter()
            run()
            print((time.perf_counter() - started) * 1000, flush=True)


if __name__ == "__main__":
    main()
