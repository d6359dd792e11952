using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.AttackTests.Wire;

/// <summary>
/// An honest client beside an attack: it asks for a small echo and for health in turn. It blocks a thread of its own, so that
/// it measures the host and not the pool that the attack runs on.
/// </summary>
public sealed class Bystander : IDisposable
{
    /// <summary>How long an honest request may take in the worst moment of an attack, in milliseconds.</summary>
    private const int PatienceMs = 20_000;

    private const string Echo = "echo";
    private const string Health = "health";

    private readonly Uri _host;
    private readonly TimeSpan _pause;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Lock _lock = new();
    private readonly List<double> _echoes = [];
    private readonly List<double> _health = [];
    private readonly List<string> _failures = [];
    private readonly byte[] _buffer = new byte[16 * 1024];

    public Bystander(Uri host, TimeSpan pause)
    {
        (_host, _pause) = (host, pause);
        _thread = new Thread(Run) { IsBackground = true, Name = "Bystander" };
        _thread.Start();
    }

    /// <summary>Milliseconds of each echo so far, ascending.</summary>
    public double[] Echoes => Sorted(_echoes);

    /// <summary>Milliseconds of each question for health so far, ascending.</summary>
    public double[] HealthChecks => Sorted(_health);

    /// <summary>What was not answered with 200 within 20 seconds.</summary>
    public string[] Failures
    {
        get
        {
            lock (_lock)
            {
                return [.. _failures];
            }
        }
    }

    /// <summary>What so many percent of the times do not exceed.</summary>
    public static double Percentile(double[] sorted, double percent) =>
        sorted.Length == 0 ? double.PositiveInfinity : sorted[(int)Math.Ceiling(sorted.Length * percent / 100) - 1];

    /// <summary>Forgets what it has seen, to measure anew.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _echoes.Clear();
            _health.Clear();
            _failures.Clear();
        }
    }

    public void Stop()
    {
        _stop.Set();
        _thread.Join(2 * PatienceMs);
    }

    public override string ToString()
    {
        var (echoes, health) = (Echoes, HealthChecks);
        return string.Create(CultureInfo.InvariantCulture,
            $"a bystander's {echoes.Length} echoes: p50 {Percentile(echoes, 50):0.0}, p99 {Percentile(echoes, 99):0.0}, slowest {Percentile(echoes, 100):0.0} ms; ")
            + string.Create(CultureInfo.InvariantCulture,
            $"health: p50 {Percentile(health, 50):0.0}, p99 {Percentile(health, 99):0.0}, slowest {Percentile(health, 100):0.0} ms");
    }

    public void Dispose()
    {
        Stop();
        _stop.Dispose();
    }

    private void Run()
    {
        Socket? socket = null;
        for (var i = 0; !_stop.Wait(_pause); i++)
        {
            var isEcho = i % 2 == 0;
            var watch = Stopwatch.StartNew();
            try
            {
                socket ??= Connect();
                var status = isEcho
                    ? Ask(socket, "POST /api/await/echo", "Content-Type: application/json\r\nContent-Length: 11\r\n", """{"value":1}""")
                    : Ask(socket, "GET /api/health/live", "", "");
                Record(isEcho, watch.Elapsed, status == 200 ? null : string.Create(CultureInfo.InvariantCulture, $"{status}"));
            }
            catch (Exception exception) when (exception is SocketException or EndOfStreamException)
            {
                socket?.Dispose();
                socket = null;
                Record(isEcho, watch.Elapsed, exception.Message);
            }
        }

        socket?.Dispose();
    }

    private Socket Connect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = PatienceMs, SendTimeout = PatienceMs };
        try
        {
            socket.Connect(_host.Host, _host.Port);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request, reads the answer, and gives its status.</summary>
    private int Ask(Socket socket, string line, string headers, string body)
    {
        socket.Send(Encoding.ASCII.GetBytes($"{line} HTTP/1.1\r\nHost: {_host.Authority}\r\n{headers}\r\n{body}"));
        for (var length = 0; ;)
        {
            var received = socket.Receive(_buffer.AsSpan(length));
            length += received > 0 ? received : throw new EndOfStreamException("The connection was cut.");
            var text = Encoding.ASCII.GetString(_buffer, 0, length);
            if (IsWhole(text))
            {
                return int.Parse(text.Split(' ')[1], CultureInfo.InvariantCulture);
            }
        }
    }

    private static bool IsWhole(string text)
    {
        const string Length = "\r\nContent-Length: ";
        var body = text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        if (body < 4)
        {
            return false;
        }

        var length = text.IndexOf(Length, 0, body, StringComparison.OrdinalIgnoreCase);
        return length < 0
            ? text.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal)
            : text.Length - body >= int.Parse(text[(length + Length.Length)..].Split('\r')[0], CultureInfo.InvariantCulture);
    }

    private void Record(bool isEcho, TimeSpan elapsed, string? failure)
    {
        lock (_lock)
        {
            (isEcho ? _echoes : _health).Add(elapsed.TotalMilliseconds);
            if (failure is not null)
            {
                _failures.Add(string.Create(CultureInfo.InvariantCulture, $"{(isEcho ? Echo : Health)} after {elapsed.TotalMilliseconds:0} ms: {failure}"));
            }
        }
    }

    private double[] Sorted(List<double> times)
    {
        lock (_lock)
        {
            return [.. times.Order()];
        }
    }
}
