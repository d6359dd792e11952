using System.Diagnostics;
using System.Net;

namespace FunctionsApp.Benchmarks;

/// <summary>
/// Keeps a server busy from one thread, which goes round its connections: it takes an answer and sends the next request. While
/// it waits for one connection the server has requests of all others, and neither needs more than two system calls a request.
/// </summary>
internal static class Load
{
    public static double RequestsPerSecond(
        Server server, byte[] request, int connections, TimeSpan duration, HttpStatusCode expected = HttpStatusCode.OK)
    {
        var round = Enumerable.Range(0, connections).Select(_ => new RawConnection(server.Port)).ToArray();
        try
        {
            var responses = 0;
            var started = Stopwatch.GetTimestamp();
            Array.ForEach(round, connection => connection.Send(request));
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                foreach (var connection in round)
                {
                    Check(connection.ReadResponse(), expected);
                    connection.Send(request);
                    responses++;
                }
            }

            Array.ForEach(round, connection => Check(connection.ReadResponse(), expected));
            return (responses + connections) / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
        finally
        {
            Array.ForEach(round, static connection => connection.Dispose());
        }
    }

    private static void Check(int status, HttpStatusCode expected)
    {
        if (status != (int)expected)
        {
            throw new InvalidOperationException($"The server responds {status}.");
        }
    }
}
