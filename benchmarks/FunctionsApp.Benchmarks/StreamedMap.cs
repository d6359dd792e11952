using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace FunctionsApp.Benchmarks;

/// <summary>
/// A map over NDJSON: one thread writes the items while another counts the results, both in constant memory. Lines are counted,
/// not parsed, so that the client leaves the cores to the server; only the last one, the summary, is read.
/// </summary>
internal static class StreamedMap
{
    private const int ChunkBytes = 64 * 1024;

    /// <summary>What a chunk's size takes: eight digits and the end of the line.</summary>
    private const int ChunkHead = 10;

    /// <summary>More than the longest line.</summary>
    private const int TailBytes = 4 * 1024;

    /// <summary>Why a server cannot do it; null when it can.</summary>
    public static async Task<string?> WhyMissingAsync(Server server)
    {
        using var content = new StringContent("1\n", mediaType: new("application/x-ndjson"));
        using var response = await server.Client.PostAsync(new Uri("map/math.square", UriKind.Relative), content);
        return response.StatusCode == HttpStatusCode.UnsupportedMediaType ? "not available" : null;
    }

    /// <summary>Maps <c>math.square</c> over 0, 1, 2, …</summary>
    /// <returns>The seconds from the first byte sent to the last one received.</returns>
    public static async Task<double> RunAsync(Server server, int items)
    {
        using var connection = new RawConnection(server.Port);
        var started = Stopwatch.GetTimestamp();
        var upload = Task.Run(() => Upload(connection, items));

        // First this, for it knows what the server answered when that ended the upload as well.
        await Task.Run(() => Download(connection, items));
        await upload;
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static void Upload(RawConnection connection, int items)
    {
        connection.Send(
            "POST /api/map/math.square HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"u8);
        var buffer = new byte[ChunkBytes];
        for (var item = 0; item < items;)
        {
            // Room for one more number, its end of line, and that of the chunk.
            var end = ChunkHead;
            for (; item < items && end < buffer.Length - 16; item++)
            {
                Utf8Formatter.TryFormat(item, buffer.AsSpan(end), out var digits);
                end += digits;
                buffer[end++] = (byte)'\n';
            }

            Utf8Formatter.TryFormat(end - ChunkHead, buffer, out _, new('x', 8));
            "\r\n"u8.CopyTo(buffer.AsSpan(ChunkHead - 2));
            "\r\n"u8.CopyTo(buffer.AsSpan(end));
            connection.Send(buffer.AsSpan(0, end + 2));
        }

        connection.Send("0\r\n\r\n"u8);
    }

    private static void Download(RawConnection connection, int items)
    {
        var status = connection.ReadHead();
        var lines = 0L;
        Span<byte> tail = new byte[TailBytes];
        var tailLength = 0;
        for (var piece = connection.ReadBody(); !piece.IsEmpty; piece = connection.ReadBody())
        {
            lines += piece.Count((byte)'\n');

            // The end of what has come so far, for the summary may arrive in two pieces.
            var last = piece[Math.Max(0, piece.Length - TailBytes)..];
            var kept = Math.Min(tailLength, TailBytes - last.Length);
            tail[(tailLength - kept)..tailLength].CopyTo(tail);
            last.CopyTo(tail[kept..]);
            tailLength = kept + last.Length;
        }

        var text = tail[..tailLength].TrimEnd((byte)'\n');
        var line = text[(text.LastIndexOf((byte)'\n') + 1)..];
        if (status != (int)HttpStatusCode.OK || lines != items + 1 || !line.StartsWith("{\"summary\":{"u8) || JsonElement.Parse(line).GetProperty("summary").ValueKind != JsonValueKind.Object)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"{items} items were responded with status {status} and {lines} lines, the last one: {Encoding.UTF8.GetString(line)}"));
        }
    }
}
