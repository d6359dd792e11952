using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.IntegrationTests.Telemetry;

/// <summary>A span as it was received.</summary>
public sealed record Span(string TraceId, string SpanId, string ParentId, string Name, int Kind, ulong Start, ulong End, IReadOnlyDictionary<string, string> Tags, bool IsError);

/// <summary>
/// A collector of OpenTelemetry (OTLP over HTTP, https://opentelemetry.io/docs/specs/otlp/), and an ingestion endpoint of Azure Monitor, that
/// keeps what it is sent.
/// </summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<byte[]> _bodies = new();

    private OtlpReceiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(ReceiveAsync);
    }

    public string Endpoint => _app.Urls.First();

    /// <summary>Every span so far.</summary>
    public ConcurrentQueue<Span> Spans { get; } = new();

    /// <summary>The names of all metrics so far.</summary>
    public ConcurrentDictionary<string, byte> Metrics { get; } = new(StringComparer.Ordinal);

    /// <summary>All that was received, as text: what must not be in it can be looked for.</summary>
    public string Text => string.Concat(_bodies.Select(Encoding.Latin1.GetString));

    public static async Task<OtlpReceiver> StartAsync()
    {
        var receiver = new OtlpReceiver();
        await receiver._app.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var bytes = body.ToArray();
        if (context.Request.Headers.ContentEncoding == "gzip")
        {
            using var packed = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            using var unpacked = new MemoryStream();
            await packed.CopyToAsync(unpacked);
            bytes = unpacked.ToArray();
        }

        _bodies.Enqueue(bytes);
        if (context.Request.Path == "/v2.1/track")
        {
            // Azure Monitor: an item of JSON a line.
            var items = bytes.AsSpan().Count((byte)'\n') + 1;
            await context.Response.WriteAsJsonAsync(new { itemsReceived = items, itemsAccepted = items, errors = Array.Empty<string>() });
            return;
        }

        if (context.Request.Path == "/v1/traces")
        {
            // resource_spans, scope_spans, spans
            foreach (var span in Protobuf.Follow(bytes, 1, 2, 2))
            {
                Spans.Enqueue(ReadSpan(span.Bytes));
            }
        }
        else if (context.Request.Path == "/v1/metrics")
        {
            // resource_metrics, scope_metrics, metrics, name
            foreach (var name in Protobuf.Follow(bytes, 1, 2, 2, 1))
            {
                Metrics[name.Text] = 0;
            }
        }

        context.Response.ContentType = "application/x-protobuf";
    }

    private static Span ReadSpan(ReadOnlyMemory<byte> message)
    {
        var fields = Protobuf.Read(message);
        Field One(int number) => fields.Find(field => field.Number == number);
        var tags = fields.Where(static field => field.Number == 9)
            .Select(static tag => (Protobuf.Follow(tag.Bytes, 1).Single().Text, Value(Protobuf.Follow(tag.Bytes, 2).Single().Bytes)))
            .ToDictionary(static tag => tag.Item1, static tag => tag.Item2, StringComparer.Ordinal);
        return new Span(One(1).Hex, One(2).Hex, One(4).Hex, One(5).Text, (int)One(6).Value, One(7).Value, One(8).Value, tags,
            Protobuf.Follow(message, 15, 3).Any(static code => code.Value == 2));
    }

    private static string Value(ReadOnlyMemory<byte> value) => Protobuf.Read(value) is [var only, ..]
        ? only.Number == 1 ? only.Text : only.Value.ToString(CultureInfo.InvariantCulture)
        : "";
}
