using System.Diagnostics;
using System.Globalization;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Operations;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>Items that compute, on every core.</summary>
internal static class MapRows
{
    private const int Keys = 400;
    private const int Iterations = 20_000;
    private const int Squares = 1_000_000;
    private const int Primes = 100_000;

    /// <summary>Left to itself, Parallel.For adds threads to long items, and that costs it some percent.</summary>
    private static readonly ParallelOptions AThreadACore = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    public static IEnumerable<Row> All =>
    [
        Pbkdf2,
        Square,
        PythonClient,
        IsPrime($"`primes.isPrime` of {Primes:N0} 19-digit primes", RandomPrimes, speed: 0.93),
        IsPrime($"`primes.isPrime` of {Primes:N0} odd 19-digit numbers", RandomNumbers, speed: 0.6),
        Streamed,
        StreamedMemory,
    ];

    private static Row Pbkdf2 => new("map", $"`pbkdf2` of {Keys} passwords, {Iterations:N0} iterations", Metric.Milliseconds)
    {
        How = "One `POST api/map/pbkdf2`; the peers derive the same keys with `hashlib.pbkdf2_hmac` and `crypto.pbkdf2Sync`.",
        Bound = "The same `libcrypto` derives the keys of C# and of Python. It allocates and frees memory for each iteration; by `perf`, that takes 18 % of the time in a process with threads and 15 % in one without, as those of Python's pool are. Node has an OpenSSL of its own.",
        Runs = 11,
        EnterAsync = static async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost);
            var inputs = Enumerable.Range(0, Keys).Select(static i => new Pbkdf2Input($"password-{i}", $"salt-{i}", Iterations)).ToArray();
            return
            [
                host.Post("map/pbkdf2", Body(inputs.Select(static input =>
                    $$"""{"password":"{{input.Password}}","salt":"{{input.Salt}}","iterations":{{input.Iterations}}}"""))),
                Limit(new Pbkdf2Operation(), inputs) with { Goal = Goal.Speed(0.97) },
                stage.Python("Pool.starmap in-process", "map_pool.py", "pbkdf2", Keys, Iterations) with { Goal = Goal.Speed(1) },
                stage.Node("worker_threads in-process", "map_workers.mjs", "pbkdf2", Keys, Iterations) with { Goal = Goal.Speed(1) },
            ];
        },
    };

    private static Row Square => new("map", $"`math.square` of {Squares:N0} items", Metric.Milliseconds)
    {
        How = "One `POST api/map/math.square`, from the first byte of the request to the last of the response, on a raw socket: a client that copies the response takes as long as the server; the peers map the same numbers to a list.",
        Bound = "Of 50 ms, receiving 7 MB and splitting it take 12, computing 24 to 30, and sending 13 MB 7. The ends are the work of one thread beside the client's. An item takes 35 ns of a core; the limit's, which reads and writes nothing, takes 20.",
        WarmUps = 60,
        Runs = 21,
        EnterAsync = static async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost);
            var numbers = Enumerable.Range(0, Squares).ToArray();
            return
            [
                host.Post("map/math.square", Body(numbers)),
                Limit(new MathSquareOperation(), [.. numbers.Select(static number => new MathSquareInput((Number)number))]) with { Goal = Goal.Speed(0.2) },
                stage.Python("Pool.map in-process", "map_pool.py", "square", Squares) with { Goal = Goal.Speed(4.5) },
                stage.Node("worker_threads in-process", "map_workers.mjs", "square", Squares) with { Goal = Goal.Speed(1) },
            ];
        },
    };

    private static Row PythonClient => new("map", $"`Pool.map` of {Squares:N0} squares, from Python", Metric.Milliseconds)
    {
        How = "`pool.map` from the call to the list of results: that of `asyncio_http`, which sends one request, beside that of `multiprocessing`. The request alone is the row above, so the difference is the client's share.",
        WarmUps = 3,
        EnterAsync = static async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost);
            return
            [
                stage.Python("asyncio_http Pool.map", "map_client.py", host.Client.BaseAddress!.GetLeftPart(UriPartial.Authority), Squares),
                stage.Python("multiprocessing Pool.map", "map_pool.py", "square", Squares),
            ];
        },
    };

    private static Row Streamed => new("map", $"`math.square` of {Squares:N0} lines of NDJSON", Metric.ItemsPerSecond)
    {
        How = "One `POST api/map/math.square` of a number a line; the results are counted while the upload still runs.",
        WarmUps = 20,
        Runs = 11,
        EnterAsync = static async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost);
            return
            [
                await StreamedMap.WhyMissingAsync(host) is { } why
                    ? Contestant.Absent(ServerApp.LocalHost.Name, why)
                    : new(ServerApp.LocalHost.Name, async () => Squares / await StreamedMap.RunAsync(host, Squares)) { Goal = Goal.Value(6 * Squares) },
            ];
        },
    };

    private static Row StreamedMemory => new("map", "memory of an NDJSON map", Metric.Mebibytes)
    {
        How = "The most memory resident at once (`VmHWM`) in a new LocalHost that has served one such request.",
        WarmUps = 0,
        EnterAsync = static async stage =>
        {
            var why = OperatingSystem.IsLinux() ? await StreamedMap.WhyMissingAsync(await stage.StartAsync(ServerApp.LocalHost)) : "only Linux reports it";
            return [Memory(10_000_000), Memory(1_000_000) with { Goal = Goal.Most("memory", 1.1) }];

            Contestant Memory(int items)
            {
                var name = $"{ServerApp.LocalHost.Name}, {items:N0} items";
                return why is null ? new(name, () => PeakMemoryAsync(items)) : Contestant.Absent(name, why);
            }
        },
    };

    private static Row IsPrime(string work, Func<long[]> numbers, double speed) => new("map", work, Metric.Milliseconds)
    {
        How = "One `POST api/map/primes.isPrime` of numbers from 10^18 to 2^63, always the same.",
        WarmUps = 60,
        Runs = 21,
        EnterAsync = async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost);
            var items = numbers();
            return
            [
                host.Post("map/primes.isPrime", Body(items)),
                Limit(new PrimesIsPrimeOperation(), [.. items.Select(static item => new PrimesIsPrimeInput(item))]) with { Goal = Goal.Speed(speed) },
            ];
        },
    };

    /// <summary>What the cores can do at best: the very operation, with inputs that need no reading and results that need no writing.</summary>
    private static Contestant Limit<TInput, TOutput>(ICpuOperation<TInput, TOutput> operation, TInput[] inputs) => new("C#: Parallel.For in-process, the limit", () =>
    {
        var started = Stopwatch.GetTimestamp();
        var results = new TOutput[inputs.Length];
        Parallel.For(0, inputs.Length, AThreadACore, i => results[i] = operation.Compute(inputs[i], CancellationToken.None));
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        GC.KeepAlive(results);
        return Task.FromResult(elapsed);
    });

    private static async Task<double> PeakMemoryAsync(int items)
    {
        await using var host = await Server.StartAsync(ServerApp.LocalHost);
        await StreamedMap.RunAsync(host, items);
        return host.PeakMemory;
    }

    private static long[] RandomNumbers()
    {
        var random = new Random(20_240_607);
        return [.. Enumerable.Range(0, Primes).Select(_ => random.NextInt64(1_000_000_000_000_000_000, long.MaxValue - 2_000) | 1)];
    }

    private static long[] RandomPrimes()
    {
        var numbers = RandomNumbers();
        var isPrime = new PrimesIsPrimeOperation();

        // The next prime is never far: below 2^63 no two are more than 1,550 apart.
        Parallel.For(0, numbers.Length, i =>
        {
            while (!isPrime.Compute(new PrimesIsPrimeInput(numbers[i]), CancellationToken.None))
            {
                numbers[i] += 2;
            }
        });
        return numbers;
    }

    /// <summary>The request of a map of these items.</summary>
    internal static byte[] Body<T>(IEnumerable<T> items) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"items":[{{string.Join(',', items)}}]}"""));
}
