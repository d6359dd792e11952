"use strict";
// The same request as two Python programs. The first calls the app through the Python client. The second needs no server: it is what
// asyncio and multiprocessing make of it. An operation that is not written out here, such as one of your own, it calls at the server.

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

const PYTHON_WORDS = new Set(["from", "in", "is", "as", "if", "or", "and", "not", "for", "hash", "lambda", "with", "while", "class", "global", "pass", "try", "def", "del", "import",
  "None", "True", "False", "async", "await", "assert", "break", "continue", "elif", "else", "except", "finally", "nonlocal", "raise", "return", "yield"]);

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
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value === "object" && value && !JSON.isRawJSON?.(value)) return `{${Object.entries(value).map(([name, v]) => `${JSON.stringify(name)}: ${pythonValue(v)}`).join(", ")}}`;
  return pythonLiteral(value);
}

/** JSON as Python, in lines of some width. A reference is a dict like any other. */
function pythonLines(value, width) {
  const text = JSON.stringify(value ?? null);
  return formatJson(text, width).map((line) => line.replace(/"(?:[^"\\]|\\.)*"|null|true|false/g, (token) => ({ null: "None", true: "True", false: "False" })[token] ?? token));
}

const pythonLiteral = (value) => pythonLines(value, Infinity)[0];

const pythonArguments = (input) => Object.entries(input ?? {}).map(([name, value]) => `${pythonName(name)}=${pythonValue(value)}`).join(", ");

/** The names of the API. What is no name in Python goes into a dict. */
const apiArguments = (input, valueOf = pythonValue) => (Object.keys(input ?? {}).every((name) => /^[a-z]\w*$/i.test(name) && !PYTHON_WORDS.has(name))
  ? Object.entries(input ?? {}).map(([name, value]) => `${name}=${valueOf(value)}`).join(", ")
  : `**${valueOf(input)}`);

const indented = (lines) => lines.map((line) => "    " + line);

/** Collects the imports and functions of a program while its main part is written. */
class PythonProgram {
  // What has gather, wait_for and create_task.
  loop = "asyncio";

  imports = new Set();

  definitions = new Map();

  uses(...modules) {
    modules.forEach((module) => this.imports.add(module));
  }

  /** The address of the app, and the key. */
  get server() {
    this.uses("asyncio_http", ...(api.key ? ["os"] : []));
    return JSON.stringify(location.origin) + (api.key ? ', os.environ["FUNCTIONS_KEY"]' : "");
  }

  /** Whether the program has the operation as a function of its own. */
  has(operation) {
    return Boolean(PYTHON[operation]);
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
    if (!this.has(operation)) {
      this.definitions.set("at_server", `async def at_server(operation, input):\n    async with asyncio_http.Client(${this.server}) as c:\n        return await c.call(operation, **input)`);
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
      lines = ["global pool", "with concurrent.futures.ProcessPoolExecutor() as pool:", ...indented(lines)];
    }
    return this.text(`async def main():\n${indented(lines).join("\n")}`, "asyncio.run(main())");
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

/** The same program with every operation at the app: a client has the names of asyncio. */
class ClientProgram extends PythonProgram {
  loop = "c";

  isClient = true;

  has() {
    return false;
  }

  call({ operation, input }, valueOf) {
    return `c.call(${[JSON.stringify(operation ?? ""), apiArguments(input, valueOf)].filter(Boolean).join(", ")})`;
  }

  main(lines) {
    return super.main([`async with asyncio_http.Client(${this.server}) as c:`, ...indented(lines)]);
  }
}

const python = {
  await(program, operation, input, timeout) {
    const call = program.call({ operation, input });
    return program.main([timeout ? `print(await ${program.loop}.wait_for(${call}, timeout=${timeout}))` : `print(await ${call})`]);
  },

  sequence(program, { steps = [], timeoutSeconds }) {
    if (program.isClient) {
      // One request: the app puts the earlier results in.
      const calls = steps.map((step) => `    ${program.call(step, pythonLiteral)},`);
      return program.main(["print(await c.sequence(", ...calls, ...(timeoutSeconds ? [`    timeout=${timeoutSeconds},`] : []), "))"]);
    }
    const calls = steps.map((step) => `results.append(await ${program.call(step)})`);
    const body = timeoutSeconds ? [`async with asyncio.timeout(${timeoutSeconds}):`, ...indented(calls)] : calls;
    return program.main(["results = []", ...body, "print(results)"]);
  },

  callback(program, operation, { input, onSuccess, onError, timeoutSeconds }) {
    if (program.isClient && (onSuccess?.url || onError?.url)) return this.task(program, operation, { input, timeoutSeconds, onSuccess, onError });
    const work = program.call({ operation, input });
    const next = (continuation, outcome) => continuation.operation
      ? `print(await ${program.call({ operation: continuation.operation, input: continuation.input ?? { value: { $ref: "#/" + outcome } } })})`
      : `print("to deliver to", ${JSON.stringify(continuation.url ?? "")}, ${outcome})`;
    return program.main([
      "try:",
      timeoutSeconds ? `    result = await ${program.loop}.wait_for(${work}, timeout=${timeoutSeconds})` : `    result = await ${work}`,
      program.isClient ? "except asyncio_http.ProblemError as exception:" : "except Exception as exception:",
      ...(onError ? [`    error = ${program.isClient ? "exception.problem" : '{"type": type(exception).__name__, "detail": str(exception)}'}`, `    ${next(onError, "error")}`] : ["    raise"]),
      "else:",
      `    ${onSuccess ? next(onSuccess, "result") : "print(result)"}`,
    ]);
  },

  gather(program, { calls = [], returnExceptions, maxConcurrency, timeoutSeconds, returnWhen = "allCompleted" }) {
    // The client limits a gather that is one request, which it is if no call has a timeout of its own.
    const isLimitedByApp = program.isClient && returnWhen === "allCompleted" && !calls.some((call) => call.timeoutSeconds);
    const hasSemaphore = maxConcurrency && !isLimitedByApp;
    const lines = calls.map((call) => {
      const awaitable = program.call(call);
      const limited = call.timeoutSeconds ? `${program.loop}.wait_for(${awaitable}, timeout=${call.timeoutSeconds})` : awaitable;
      return `    ${hasSemaphore ? `turn(lambda: ${limited})` : limited},`;
    });
    const body = [];
    if (hasSemaphore) {
      body.push(`semaphore = asyncio.Semaphore(${maxConcurrency})`, "async def turn(call):", "    async with semaphore:", "        return await call()");
    }
    if (returnWhen !== "allCompleted") {
      body.push("calls = [asyncio.ensure_future(call) for call in (", ...lines, ")]");
      body.push("done, pending = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)", "for call in pending:", "    call.cancel()", "print(done.pop().result())");
    } else {
      const options = [returnExceptions && "    return_exceptions=True,", maxConcurrency && isLimitedByApp && `    max_concurrency=${maxConcurrency},`].filter(Boolean);
      body.push(`results = await ${program.loop}.gather(`, ...lines, ...options, ")", "print(results)");
    }
    return program.main(timeoutSeconds ? [`async with asyncio.timeout(${timeoutSeconds}):`, ...indented(body)] : body);
  },

  map(program, operation, request) {
    const { items = [], starmap, chunkSize, workers, maxConcurrency, maxPerSecond, ordered = true, reduce } = request;
    const isIo = PYTHON[operation]?.io ?? (maxConcurrency ?? maxPerSecond) !== undefined;
    const isKnown = program.has(operation);
    if (isIo && isKnown) return this.mapCalls(program, operation, request);
    const name = isKnown ? program.define(operation).name : JSON.stringify(operation);
    if (isKnown) program.uses("multiprocessing");
    const areObjects = isKnown && items[0] !== null && typeof items[0] === "object" && !Array.isArray(items[0]);
    let apply = name;
    if (areObjects) {
      program.definitions.set("compute", `def compute(item):\n    return ${name}(**item)`);
      apply = "compute";
    }
    const pool = isKnown ? `with multiprocessing.Pool(${workers ?? ""}) as pool:`
      : isIo ? `with asyncio_http.ThreadPool(${program.server}${maxConcurrency ? `, processes=${maxConcurrency}` : ""}) as pool:`
        : `with asyncio_http.Pool(${program.server}${workers ? `, processes=${workers}` : ""}) as pool:`;
    const method = starmap ? "starmap" : ordered ? "map" : "imap_unordered";
    const call = `pool.${method}(${apply}, items${chunkSize ? `, chunksize=${chunkSize}` : ""})`;
    const aggregate = { sum: "sum(", min: "min(", max: "max(", count: "len(" }[reduce];
    const use = aggregate
      ? [`print(${aggregate}${method === "imap_unordered" ? `list(${call})` : call}))`]
      : method === "imap_unordered" ? [`for result in ${call}:`, "    print(result)"] : [`print(${call})`];
    return program.text(`def main():\n    items = ${this.items(items, areObjects)}\n    ${pool}\n${indented(indented(use)).join("\n")}`, "main()");
  },

  mapCalls(program, operation, { items = [], starmap, maxConcurrency = 100, reduce }) {
    const { name } = program.define(operation);
    const areObjects = items[0] !== null && typeof items[0] === "object" && !Array.isArray(items[0]);
    const results = "await asyncio.gather(*map(call, items))";
    const aggregate = { sum: "sum(", min: "min(", max: "max(", count: "len(" }[reduce];
    return program.main([
      ...`items = ${this.items(items, areObjects)}`.split("\n").map((line) => line.replace(/^ {4}/, "")),
      `limit = asyncio.Semaphore(${maxConcurrency})`,
      "",
      "async def call(item):",
      "    async with limit:",
      `        return await ${name}(${areObjects ? "**" : starmap ? "*" : ""}item)`,
      "",
      aggregate ? `print(${aggregate}${results}))` : `print(${results})`,
    ]);
  },

  items(items, areArguments) {
    const literal = (item) => (areArguments ? `{${Object.entries(item).map(([key, value]) => `${JSON.stringify(pythonName(key))}: ${pythonValue(value)}`).join(", ")}}` : pythonLiteral(item));
    const { columns, rows } = items[0] ?? {};
    if (columns > 1 && items.length === columns * rows) {
      // The tiles of one picture.
      const { column, row, ...common } = items[0];
      return `[\n        dict(${(areArguments ? pythonArguments : apiArguments)(common)}, column=column, row=row)\n        for row in range(${rows}) for column in range(${columns})]`;
    }
    const line = items.map(literal).join(", ");
    return line.length < 80 ? `[${line}]` : `[\n${items.map((item) => `        ${literal(item)},`).join("\n")}\n    ]`;
  },

  stream(program, operation, input, timeout) {
    let body;
    if (program.has(operation)) {
      body = [`async for value in ${program.define(operation).name}(${pythonArguments(input)}):`, "    print(value)"];
    } else {
      body = [`async for value in ${new ClientProgram().call({ operation, input })}:`, "    print(value)"];
      if (!program.isClient) body = [`async with asyncio_http.Client(${program.server}) as c:`, ...indented(body)];
    }
    return program.main(timeout ? [`async with asyncio.timeout(${timeout}):`, ...indented(body)] : body);
  },

  task(program, operation, task) {
    if (program.isClient) return this.clientTask(program, operation, task);
    const { pattern, request = {} } = task;
    if (pattern) return pattern === "map" ? this.map(program, task.operation ?? request.operation, request) : this[pattern](program, request);
    const { io, stream } = PYTHON[operation] ?? { io: true };
    const call = program.call({ operation, input: task.input });
    const limited = task.timeoutSeconds ? `asyncio.wait_for(${call}, timeout=${task.timeoutSeconds})` : call;

    // create_task takes only coroutines, and the pool returns a future.
    return program.main([
      `task = ${(io || stream) ? "asyncio.create_task" : "asyncio.ensure_future"}(${limited})`,
      "print(\"not done yet\" if not task.done() else \"done\")",
      "print(await task)",
    ]);
  },

  clientTask(program, operation, task) {
    if (task.pattern) {
      // The client creates no tasks of patterns, but it follows them.
      const [first, ...lines] = pythonLines(task, 80);
      return program.main([`body = ${first}`, ...lines, 'created = await c.post("/tasks", body)', 'print(await c.task(created["id"]))']);
    }
    const { input, timeoutSeconds, ttlSeconds, retry, onSuccess, onError } = task;
    const { maxAttempts, initialDelaySeconds, backoff, maxDelaySeconds } = retry ?? {};
    const list = (values) => Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`).join(", ");
    const policy = retry && `asyncio_http.RetryPolicy(${list({ max_attempts: maxAttempts, initial_delay: initialDelaySeconds, backoff, max_delay: maxDelaySeconds })})`;
    const options = Object.entries({
      timeout: timeoutSeconds, retry: policy, ttl: ttlSeconds, on_success: onSuccess && JSON.stringify(onSuccess.url), on_error: onError && JSON.stringify(onError.url),
    }).filter(([, value]) => value !== undefined).map(([name, value]) => `    ${name}=${value},`);
    const call = program.call({ operation, input });
    return program.main([
      ...(options.length ? ["task = c.create_task(", `    ${call},`, ...options, ")"] : [`task = c.create_task(${call})`]),
      "print(await task.accepted())",
      "print(await task)",
    ]);
  },
};
