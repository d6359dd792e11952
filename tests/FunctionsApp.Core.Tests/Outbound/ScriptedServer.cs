using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;

namespace FunctionsApp.Core.Tests.Outbound;

/// <summary>A request as it reached the server; header names in any case.</summary>
public sealed record Received(string Method, string Url, Dictionary<string, string> Headers, string? Body);

/// <summary>Answers one request after the other as it was told; the last answer stays.</summary>
public sealed class ScriptedServer : HttpMessageHandler
{
    private readonly Lock _gate = new();
    private readonly List<Received> _requests = [];
    private readonly Queue<Func<CancellationToken, Task<HttpResponseMessage>>> _answers = new();
    private Func<CancellationToken, Task<HttpResponseMessage>> _last = null!;

    public IReadOnlyList<Received> Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests];
            }
        }
    }

    public bool IsHanging { get; private set; }

    public void Answer(int status, Action<HttpResponseHeaders>? headers = null, byte[]? body = null) =>
        Answer(status, headers, () => new ByteArrayContent(body ?? []));

    /// <summary>The body is made anew for each answer: whoever has read one disposes of it.</summary>
    public void Answer(int status, Action<HttpResponseHeaders>? headers, Func<HttpContent> body) => _answers.Enqueue(_ =>
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = body() };
        headers?.Invoke(response.Headers);
        return Task.FromResult(response);
    });

    public void Redirect(int status, string location) =>
        Answer(status, headers => headers.TryAddWithoutValidation("Location", location));

    public void Fail(Exception exception) => _answers.Enqueue(_ => Task.FromException<HttpResponseMessage>(exception));

    public void Hang() => _answers.Enqueue(async token =>
    {
        IsHanging = true;
        await Task.Delay(Timeout.Infinite, token);
        throw new UnreachableException();
    });

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var content = request.Content?.Headers ?? Enumerable.Empty<KeyValuePair<string, IEnumerable<string>>>();
        var received = new Received(
            request.Method.Method, request.RequestUri!.AbsoluteUri,
            request.Headers.Concat(content).ToDictionary(static header => header.Key, static header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase),
            request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken));
        Func<CancellationToken, Task<HttpResponseMessage>> response;
        lock (_gate)
        {
            _requests.Add(received);
            response = _last = _answers.TryDequeue(out var next) ? next : _last;
        }

        return await response(cancellationToken);
    }
}
