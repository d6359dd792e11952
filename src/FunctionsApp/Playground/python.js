"use strict";
// The same request as a Python program that needs no server: what asyncio and multiprocessing make of it. An operation that is not
// written out here, such as one of your own, is called at the server, by the Python client.

const PYTHON = {
  "delay": { io: true, code: "async def delay(seconds, result=None):\n    return await asyncio.sleep(seconds, result)" },
  "echo": { io: true, code: "async def echo(value):\n    return value" },
  "fail": { io: true, code: "async def fail(message, after_seconds=0):\n    await asyncio.sleep(after_seconds)\n    raise RuntimeError(message)" },
  "http.request": {
    io: true, uses: ["urllib.request"],
    code: "async def http_request(url, method=\"GET\", **options):\n    def send():\n        request = urllib.request.Request(url, method=method)\n        with urllib.request.urlopen(request, timeout=30) as answer:\n            return {\"status\": answer.status, \"body\": answer.read()}\n    return await asyncio.to_thread(send)",
  },
  "text.format": { io: true, code: "async def text_format(template, values):\n    return template.format_map(values)" },
  "greet": { stream: true, code: "async def greet(name=\"World\", pause_seconds=1):\n    yield f\"Hello, {name}!\"\n    await asyncio.sleep(pause_seconds)\n    yield f\"Goodbye, {name}!\"" },
  "count": { stream: true, code: "async def count(count, interval_seconds=0, start=0, step=1):\n    for i in range(count):\n        await asyncio.sleep(interval_seconds)\n        yield start + i * step" },
  "http.lines": { stream: true, uses: ["urllib.request"], code: "async def http_lines(url, **options):\n    with await asyncio.to_thread(urllib.request.urlopen, url) as answer:\n        while line := await asyncio.to_thread(answer.readline):\n            yield line.decode().rstrip(\"\\r\\n\")" },
  "math.square": { code: "def math_square(x):\n    return x * x" },
  "math.pow": { code: "def math_pow(x, y):\n    return x ** y" },
  "hash": { uses: ["hashlib"], code: "def hash_(text, algorithm=\"sha256\"):\n    return hashlib.new(algorithm, text.encode()).hexdigest()" },
  "pbkdf2": { uses: ["hashlib"], code: "def pbkdf2(password, salt, iterations=600_000, length=32, algorithm=\"sha256\"):\n    return hashlib.pbkdf2_hmac(algorithm, password.encode(), salt.encode(), iterations, length).hex()" },
  "primes.isPrime": { uses: ["math"], code: "def primes_is_prime(n):\n    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))" },
  "primes.factor": { code: "def primes_factor(n):\n    factors, d = [], 2\n    while d * d <= n:\n        while n % d == 0:\n            factors.append(d)\n            n //= d\n        d += 1\n    return factors + [n] if n > 1 else factors" },
  "primes.count": { uses: ["math"], code: "def primes_count(from_, to):\n    sieve = bytearray([1]) * max(to, 2)\n    sieve[:2] = b\"\\0\\0\"\n    for i in range(2, math.isqrt(len(sieve)) + 1):\n        if sieve[i]:\n            sieve[i * i::i] = bytes(len(range(i * i, len(sieve), i)))\n    return sum(sieve[from_:to])" },
  "stats.describe": { uses: ["statistics"], code: "def stats_describe(values):\n    return {\"count\": len(values), \"mean\": statistics.mean(values), \"min\": min(values),\n            \"median\": statistics.median(values), \"max\": max(values)}" },
  "text.count": { uses: ["collections"], code: "def text_count(text, top=10):\n    words = text.lower().split()\n    return {\"characters\": len(text), \"words\": len(words), \"lines\": text.count(\"\\n\") + 1,\n            \"top\": collections.Counter(words).most_common(top)}" },
  "compress": { uses: ["zlib"], code: "def compress(text, algorithm=\"gzip\", level=6):\n    return len(zlib.compress(text.encode(), 6))" },
  "fractal.tile": {
    code: "def fractal_tile(center_x, center_y, scale, column, row, columns, rows, size, max_iterations=1000):\n    pitch = scale / (columns * size)\n    def steps(x, y):\n        c, z = complex(x, y), 0j\n        for n in range(max_iterations):\n            if abs(z) > 2:\n                return n\n            z = z * z + c\n        return max_iterations\n    left = center_x + (column * size + 0.5 - columns * size / 2) * pitch\n    top = center_y - (row * size + 0.5 - rows * size / 2) * pitch\n    return [[steps(left + x * pitch, top - y * pitch) for x in range(size)] for y in range(size)]",
  },
};

const PYTHON_WORDS = new Set(["from", "in", "is", "as", "if", "or", "and", "not", "for", "hash", "lambda", "with", "while", "class", "global", "pass", "try", "def", "del", "import"]);

function pythonName(name) {
  const snake = name.replaceAll(".", "_").replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase()).replace(/\W/g, "_");
  return PYTHON_WORDS.has(snake) ? snake + "_" : snake;
}

function pythonValue(value) {
  // A reference of a sequence or a callback: the place in what came before.
  if (typeof value?.$ref === "string" && Object.keys(value).length === 1) {
    const [root, ...path] = value.$ref.replace(/^#\//, "").split("/");
    return root + path.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `[${JSON.stringify(part)}]`)).join("");
  }
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (JSON.isRawJSON?.(value)) return value.rawJSON;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, v]) => `${JSON.stringify(name)}: ${pythonValue(v)}`).join(", ")}}`;
  return JSON.stringify(value);
}

const pythonArguments = (input) => Object.entries(input ?? {}).map(([name, value]) => `${pythonName(name)}=${pythonValue(value)}`).join(", ");

const CLIENT = `asyncio_http.Client(${JSON.stringify(location.origin)})`;

/** Collects the imports and functions of a program while its main part is written. */
class PythonProgram {
  constructor() {
    this.imports = new Set();
    this.definitions = new Map();
  }

  uses(...modules) {
    modules.forEach((module) => this.imports.add(module));
  }

  define(operation) {
    const name = pythonName(operation);
    const known = PYTHON[operation];
    this.uses(...(known.uses ?? []));
    if (known.io || known.stream) this.uses("asyncio");
    this.definitions.set(name, known.code);
    return { name, ...known };
  }

  /** An awaitable: a computation runs in a process of its own, so that the loop is free. */
  call({ operation, input }) {
    if (!PYTHON[operation]) {
      this.uses("asyncio_http");
      this.definitions.set("at_server", `async def at_server(operation, input):\n    async with ${CLIENT} as c:\n        return await c.call(operation, **input)`);
      return `at_server(${JSON.stringify(operation ?? "")}, ${pythonValue(input ?? {})})`;
    }
    const { name, io, stream } = this.define(operation);
    if (io || stream) return `${name}(${pythonArguments(input)})`;
    this.uses("asyncio", "concurrent.futures", "functools");
    this.hasPool = true;
    return `in_pool(${name}${Object.keys(input ?? {}).length ? ", " + pythonArguments(input) : ""})`;
  }

  /** The program whose coroutine main has these lines. */
  main(lines) {
    this.uses("asyncio");
    if (this.hasPool) {
      this.definitions.set("in_pool", "def in_pool(function, **arguments):\n    return asyncio.get_running_loop().run_in_executor(pool, functools.partial(function, **arguments))");
      lines = ["global pool", "with concurrent.futures.ProcessPoolExecutor() as pool:", ...lines.map((line) => "    " + line)];
    }
    return this.text(`async def main():\n${lines.map((line) => "    " + line).join("\n")}`, "asyncio.run(main())");
  }

  text(main, start) {
    return [
      [...this.imports].sort().map((module) => `import ${module}`).join("\n"),
      ...this.definitions.values(),
      main,
      `if __name__ == "__main__":\n    ${start}`,
    ].filter(Boolean).join("\n\n") + "\n";
  }
}

const python = {
  await(operation, input, timeout) {
    const program = new PythonProgram();
    const call = program.call({ operation, input });
    return program.main([timeout ? `print(await asyncio.wait_for(${call}, timeout=${timeout}))` : `print(await ${call})`]);
  },

  sequence({ steps = [], timeoutSeconds }) {
    const program = new PythonProgram();
    const calls = steps.map((step) => `results.append(await ${program.call(step)})`);
    const body = timeoutSeconds ? [`async with asyncio.timeout(${timeoutSeconds}):`, ...calls.map((line) => "    " + line)] : calls;
    return program.main(["results = []", ...body, "print(results)"]);
  },

  callback(operation, { input, onSuccess, onError, timeoutSeconds }) {
    const program = new PythonProgram();
    const work = program.call({ operation, input });
    const next = (continuation, outcome) => continuation.operation
      ? `print(await ${program.call({ operation: continuation.operation, input: continuation.input ?? { value: { $ref: "#/" + outcome } } })})`
      : `print("to deliver to", ${JSON.stringify(continuation.url ?? "")}, ${outcome})`;
    return program.main([
      "try:",
      timeoutSeconds ? `    result = await asyncio.wait_for(${work}, timeout=${timeoutSeconds})` : `    result = await ${work}`,
      "except Exception as exception:",
      ...(onError ? ["    error = {\"type\": type(exception).__name__, \"detail\": str(exception)}", `    ${next(onError, "error")}`] : ["    raise"]),
      "else:",
      `    ${onSuccess ? next(onSuccess, "result") : "print(result)"}`,
    ]);
  },

  gather({ calls = [], returnExceptions, maxConcurrency, timeoutSeconds, returnWhen }) {
    const program = new PythonProgram();
    const lines = calls.map((call) => {
      const awaitable = program.call(call);
      const limited = call.timeoutSeconds ? `asyncio.wait_for(${awaitable}, timeout=${call.timeoutSeconds})` : awaitable;
      return `    ${maxConcurrency ? `turn(lambda: ${limited})` : limited},`;
    });
    const body = [];
    if (maxConcurrency) {
      body.push(`semaphore = asyncio.Semaphore(${maxConcurrency})`, "async def turn(call):", "    async with semaphore:", "        return await call()");
    }
    if (returnWhen && returnWhen !== "allCompleted") {
      body.push("calls = [asyncio.ensure_future(call) for call in (", ...lines, ")]");
      body.push("done, pending = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)", "for call in pending:", "    call.cancel()", "print(done.pop().result())");
    } else {
      body.push("results = await asyncio.gather(", ...lines, ...(returnExceptions ? ["    return_exceptions=True,"] : []), ")", "print(results)");
    }
    return program.main(timeoutSeconds ? [`async with asyncio.timeout(${timeoutSeconds}):`, ...body.map((line) => "    " + line)] : body);
  },

  map(operation, { items = [], starmap, chunkSize, workers, ordered = true, reduce }) {
    const program = new PythonProgram();
    const isKnown = Boolean(PYTHON[operation]);
    const name = isKnown ? program.define(operation).name : JSON.stringify(operation);
    program.uses(isKnown ? "multiprocessing" : "asyncio_http");
    const areObjects = isKnown && items[0] !== null && typeof items[0] === "object" && !Array.isArray(items[0]);
    let apply = name;
    if (areObjects) {
      program.definitions.set("compute", `def compute(item):\n    return ${name}(**item)`);
      apply = "compute";
    }
    const pool = isKnown ? `with multiprocessing.Pool(${workers ?? ""}) as pool:`
      : `with asyncio_http.Pool(${JSON.stringify(location.origin)}${workers ? `, processes=${workers}` : ""}) as pool:`;
    const method = starmap ? "starmap" : ordered ? "map" : "imap_unordered";
    const call = `pool.${method}(${apply}, items${chunkSize ? `, chunksize=${chunkSize}` : ""})`;
    const aggregate = { sum: "sum(", min: "min(", max: "max(", count: "len(" }[reduce];
    const use = aggregate
      ? [`print(${aggregate}${method === "imap_unordered" ? `list(${call})` : call}))`]
      : method === "imap_unordered" ? [`for result in ${call}:`, "    print(result)"] : [`print(${call})`];
    return program.text(`def main():\n    items = ${this.items(items, areObjects)}\n    ${pool}\n${use.map((line) => "        " + line).join("\n")}`, "main()");
  },

  items(items, areObjects) {
    const literal = (item) => (areObjects ? `{${Object.entries(item).map(([key, value]) => `${JSON.stringify(pythonName(key))}: ${pythonValue(value)}`).join(", ")}}` : pythonValue(item));
    const { columns, rows } = items[0] ?? {};
    if (columns > 1 && items.length === columns * rows) {
      // The tiles of one picture.
      const { column, row, ...common } = items[0];
      return `[\n        dict(${pythonArguments(common)}, column=column, row=row)\n        for row in range(${rows}) for column in range(${columns})]`;
    }
    const line = items.map(literal).join(", ");
    return line.length < 80 ? `[${line}]` : `[\n${items.map((item) => `        ${literal(item)},`).join("\n")}\n    ]`;
  },

  stream(operation, input, timeout) {
    const program = new PythonProgram();
    let body;
    if (PYTHON[operation]) {
      body = [`async for value in ${program.define(operation).name}(${pythonArguments(input)}):`, "    print(value)"];
    } else {
      program.uses("asyncio_http");
      body = [`async with ${CLIENT} as c:`, `    async for value in c.stream(${JSON.stringify(operation)}, **${pythonValue(input ?? {})}):`, "        print(value)"];
    }
    return program.main(timeout ? [`async with asyncio.timeout(${timeout}):`, ...body.map((line) => "    " + line)] : body);
  },

  task(operation, { input, timeoutSeconds }) {
    const program = new PythonProgram();
    const { io, stream } = PYTHON[operation] ?? { io: true };
    const call = program.call({ operation, input });
    const limited = timeoutSeconds ? `asyncio.wait_for(${call}, timeout=${timeoutSeconds})` : call;

    // create_task takes only coroutines, and the pool returns a future.
    return program.main([
      `task = ${(io || stream) ? "asyncio.create_task" : "asyncio.ensure_future"}(${limited})`,
      "print(\"not done yet\" if not task.done() else \"done\")",
      "print(await task)",
    ]);
  },
};
