"""asyncio_http.Pool, made beforehand: maps squares at the server once for each line read, answered with the milliseconds."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "python" / "src"))

from asyncio_http import Pool


def main():
    url, count = sys.argv[1], int(sys.argv[2])
    with Pool(url) as pool:
        for _ in sys.stdin:
            started = time.perf_counter()
            pool.map("math.square", range(count))
            print((time.perf_counter() - started) * 1000, flush=True)


if __name__ == "__main__":
    main()
