using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>Functions of another assembly whose signature or class is not that of the app's own.</summary>
public sealed class OwnFunctionTests
{
    [Fact]
    public async Task A_function_may_take_any_value_that_minimal_APIs_bind()
    {
        await using var host = await StartAsync();

        Assert.Equal("7 up", await host.Http.GetStringAsync(new Uri("own/numbers/6?unit=up", UriKind.Relative)));
    }

    [Fact]
    public async Task An_optional_value_of_the_route_may_be_absent()
    {
        await using var host = await StartAsync();

        Assert.Equal(("none", "some"), (await host.Http.GetStringAsync(new Uri("own/values", UriKind.Relative)), await host.Http.GetStringAsync(new Uri("own/values/some", UriKind.Relative))));
    }

    [Fact]
    public async Task A_service_of_the_request_is_the_same_throughout_it_and_disposed_of_at_its_end()
    {
        await using var host = await StartAsync();

        Assert.Equal("1: True", await host.Http.GetStringAsync(new Uri("own/scoped", UriKind.Relative)));
        Assert.Equal("2: True", await host.Http.GetStringAsync(new Uri("own/scoped", UriKind.Relative)));

        // The request ends after its response.
        Assert.True(SpinWait.SpinUntil(static () => Scoped.Disposed == 2, TimeSpan.FromSeconds(60)), $"{Scoped.Disposed}");
    }

    private static Task<OwnHost> StartAsync() =>
        OwnHost.StartAsync(static services => services.AddFunctionsOf<NumberFunctions>().AddScoped<Scoped>());
}

public sealed class NumberFunctions
{
    [Function("OwnNumber")]
    public Task<IResult> Next([HttpTrigger(AuthorizationLevel.Function, "get", Route = "own/numbers/{number}")] HttpRequest request, int number, string unit) =>
        Task.FromResult(Results.Text($"{number + 1} {unit}"));

    [Function("OwnValue")]
    public Task<IResult> Value([HttpTrigger(AuthorizationLevel.Function, "get", Route = "own/values/{value?}")] HttpRequest request, string? value) =>
        Task.FromResult(Results.Text(value ?? "none"));
}

public sealed class Scoped : IDisposable
{
    private static int _created;

    public static int Disposed { get; private set; }

    public int Number { get; } = ++_created;

    public void Dispose() => Disposed++;
}

public sealed class ScopedFunctions(Scoped scoped)
{
    [Function("OwnScoped")]
    public Task<IResult> Show([HttpTrigger(AuthorizationLevel.Function, "get", Route = "own/scoped")] HttpRequest request) =>
        Task.FromResult(Results.Text($"{scoped.Number}: {ReferenceEquals(scoped, request.HttpContext.RequestServices.GetRequiredService<Scoped>())}"));
}
