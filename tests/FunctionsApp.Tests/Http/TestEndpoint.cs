using System.Text;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Tests.Http;

/// <summary>The endpoint of the app's own composition, one request to it, and what is sent in response, on a clock that stands still.</summary>
internal sealed class TestEndpoint : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly MemoryStream _body = new();

    public TestEndpoint()
    {
        _services = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(Time).AddSingleton<IHostApplicationLifetime>(Lifetime)
            .AddFunctionsApp(new ConfigurationBuilder().Build()).BuildServiceProvider();
        Context.RequestServices = _services;
        Context.Response.Body = _body;
    }

    public FakeTimeProvider Time { get; } = new();

    public ApplicationLifetime Lifetime { get; } = new(NullLogger<ApplicationLifetime>.Instance);

    public DefaultHttpContext Context { get; } = new();

    public HttpRequest Request => Context.Request;

    public HttpResponse Response => Context.Response;

    public string Sent => Encoding.UTF8.GetString(_body.ToArray());

    public T Service<T>()
        where T : notnull => _services.GetRequiredService<T>();

    /// <summary>Runs a function that answers the request.</summary>
    public Task<IResult> RunAsync(Func<FunctionRequest, Task<IResult>> response) => Service<FunctionInvoker>().InvokeAsync(Request, response);

    /// <summary>Runs a function that streams <paramref name="lines"/>.</summary>
    public Task<IResult> StreamAsync(IAsyncEnumerable<StreamLine> lines, ResponseFormat? format = null, double? timeoutSeconds = 600) =>
        RunAsync(call => Task.FromResult(call.Stream(lines, static line => line, timeoutSeconds, format)));

    /// <summary>What a function sees of the request.</summary>
    public async Task<T> SeeAsync<T>(Func<FunctionRequest, T> look)
    {
        var seen = default(T);
        await RunAsync(call =>
        {
            seen = look(call);
            return Task.FromResult(Results.Empty);
        });
        return seen!;
    }

    /// <summary>Runs a function, and sends its answer.</summary>
    public async Task SendAsync(Task<IResult> response) => await (await response).ExecuteAsync(Context);

    public void Dispose() => _services.Dispose();
}
