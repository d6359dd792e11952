using System.Diagnostics;
using System.Reflection;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations.Tests;

/// <summary>A cpu operation lets go of its thread soon after it is cancelled, whatever it is at.</summary>
public class CpuCancellationTests
{
    /// <summary>The goal is 50 ms; test machines have other things to do as well.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromMilliseconds(500);

    /// <summary>A request's default limit, 10 MiB, leaves so much for one string.</summary>
    private const int MaxText = 10_000_000;

    /// <summary>The heaviest inputs that are admitted; all of them take much longer than it is waited before they are cancelled.</summary>
    private static readonly Dictionary<string, Func<Action<CancellationToken>>> Long = new(StringComparer.Ordinal)
    {
        ["primes.count, every number"] = static () => Run(new PrimesCountOperation(), new PrimesCountInput(0, long.MaxValue)),
        ["primes.count, sieved to the root"] = static () => Run(new PrimesCountOperation(), new PrimesCountInput(0, 99_000_000_000_000)),
        ["primes.count, the largest numbers"] = static () => Run(new PrimesCountOperation(), new PrimesCountInput(1L << 62, long.MaxValue)),

        // From a little beyond 1/4 no orbit escapes in so few steps, and none comes back to where it was.
        ["fractal.tile"] = static () =>
            Run(new FractalTileOperation(), new FractalTileInput(0.25 + 1e-9, 0, 1e-12, 0, 0, 1, 1, 1_024, 65_535)),
        ["pbkdf2, many iterations"] = static () =>
            Run(new Pbkdf2Operation(), new Pbkdf2Input("password", "salt", 10_000_000, 1_024, "sha512")),
        ["compress, gzip"] = static () => Compress("gzip", 9),
        ["compress, zlib"] = static () => Compress("zlib", 9),
        ["compress, brotli 5"] = static () => Compress("brotli", 5),
        ["compress, brotli 9"] = static () => Compress("brotli", 9),
        ["compress, brotli 11"] = static () => Compress("brotli", 11),
        ["text.count, many words"] = static () =>
            Run(new TextCountOperation(), new TextCountInput(string.Join(' ', Enumerable.Range(100_000, MaxText / 7)))),
    };

    /// <summary>
    /// These are the heaviest, too, but take too little time for being cancelled reliably while they run: the first four a
    /// few milliseconds at most, so that they need not look at the token, the others some tens. They end within the bound anyway.
    /// </summary>
    private static readonly Dictionary<string, Func<Action<CancellationToken>>> Short = new(StringComparer.Ordinal)
    {
        ["math.square"] = static () => Run(new MathSquareOperation(), new MathSquareInput(long.MaxValue)),
        ["math.pow"] = static () => Run(new MathPowOperation(), new MathPowInput(-1L, long.MaxValue)),
        ["primes.isPrime"] = static () => Run(new PrimesIsPrimeOperation(), new PrimesIsPrimeInput(9_223_372_036_854_775_783)),
        ["primes.factor"] = static () => Run(new PrimesFactorOperation(), new PrimesFactorInput(3_037_000_493L * 3_037_000_453)),
        ["hash"] = static () => Run(new HashOperation(), new HashInput(Base64: new byte[MaxText * 3 / 4], Algorithm: "sha512")),
        ["stats.describe"] = static () =>
        {
            var random = new Random(10);
            double[] values = [.. Enumerable.Range(0, 1_000_000).Select(_ => random.NextDouble())];
            return Run(new StatsDescribeOperation(), new StatsDescribeInput(values));
        },
        ["pbkdf2, a long salt"] = static () => Run(new Pbkdf2Operation(), new Pbkdf2Input("password", Cycle("s"), 1, 1_024, "sha512")),
        ["text.count, one word"] = static () => Run(new TextCountOperation(), new TextCountInput(Cycle("a"))),
        ["text.count, apostrophes"] = static () => Run(new TextCountOperation(), new TextCountInput(Cycle("a'"))),
        ["text.count, empty lines"] = static () => Run(new TextCountOperation(), new TextCountInput(Cycle("\n"))),
        ["text.count, one character"] = static () => Run(new TextCountOperation(), new TextCountInput(Cycle("\u0301")[..(MaxText / 2)])),
    };

    public static TheoryData<string> LongInputs() => [.. Long.Keys];

    public static TheoryData<string> ShortInputs() => [.. Short.Keys];

    [Theory]
    [MemberData(nameof(LongInputs))]
    public void Stops_soon_after_it_is_cancelled(string input)
    {
        EnsureSoon(TimeSpan.FromMilliseconds(15), Long[input], static exception => exception is OperationCanceledException);
    }

    [Theory]
    [MemberData(nameof(ShortInputs))]
    public void Ends_soon_without_cancellation(string input)
    {
        EnsureSoon(TimeSpan.FromMilliseconds(1), Short[input], static exception => exception is null or OperationCanceledException);
    }

    [Fact]
    public void Every_cpu_operation_is_tested()
    {
        var names = BuiltInOperationsTests.Registered()
            .Where(static type => type.GetInterfaces().Any(static contract =>
                contract.IsGenericType && contract.GetGenericTypeDefinition() == typeof(ICpuOperation<,>)))
            .Select(static type => type.GetCustomAttribute<OperationAttribute>()!.Name);

        Assert.Equal(
            names.Order(StringComparer.Ordinal),
            Long.Keys.Concat(Short.Keys).Select(static name => name.Split(',')[0]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    private static Action<CancellationToken> Compress(string algorithm, int level) =>
        Run(new CompressOperation(), new CompressInput(Base64: TwoLetters(), Algorithm: algorithm, Level: level));

    private static Action<CancellationToken> Run<TInput, TOutput>(ICpuOperation<TInput, TOutput> operation, TInput input) =>
        token => operation.Compute(input, token);

    /// <summary>Several times, as a busy machine may keep either thread waiting.</summary>
    private static void EnsureSoon(TimeSpan running, Func<Action<CancellationToken>> compute, Func<Exception?, bool> isExpected)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (exception, latency) = CancelAfter(running, compute());
            if (isExpected(exception) && latency < Bound)
            {
                return;
            }

            Assert.True(attempt < 5, $"It took {latency.TotalMilliseconds:N0} ms: {exception}");
        }
    }

    /// <summary>How the computation ends, and how long after it was cancelled.</summary>
    private static (Exception? Exception, TimeSpan Latency) CancelAfter(TimeSpan running, Action<CancellationToken> compute)
    {
        using var cancellation = new CancellationTokenSource();
        using var started = new ManualResetEventSlim();
        var (exception, ended) = ((Exception?)null, 0L);
        var thread = new Thread(() =>
        {
            started.Set();
            exception = Record.Exception(() => compute(cancellation.Token));
            ended = Stopwatch.GetTimestamp();
        });
        thread.Start();
        started.Wait();
        thread.Join(running);

        var cancelled = Stopwatch.GetTimestamp();
        cancellation.Cancel();
        thread.Join();
        return (exception, Stopwatch.GetElapsedTime(cancelled, ended));
    }

    private static string Cycle(string part) =>
        string.Create(MaxText, part, static (text, part) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = part[i % part.Length];
            }
        });

    /// <summary>Bytes that have matches everywhere, which compressors take longest for.</summary>
    private static byte[] TwoLetters()
    {
        var bytes = new byte[MaxText * 3 / 4];
        new Random(11).GetItems("ab"u8, bytes);
        return bytes;
    }
}
