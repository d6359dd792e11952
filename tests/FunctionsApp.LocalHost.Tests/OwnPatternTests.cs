using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>A pattern of another assembly: a class, a function and a registration.</summary>
public sealed class OwnPatternTests
{
    [Fact]
    public async Task An_own_pattern_is_served_and_runs_as_a_task()
    {
        await using var host = await OwnHost.StartAsync(static services => services.AddTaskPattern<TwicePattern>().AddFunctionsOf<TwicePattern>());

        Assert.Equal((200, "81"), await host.PostAsync("twice/math.square", "3"));
        var created = JsonDocument.Parse((await host.PostAsync("tasks", """{"pattern":"twice","operation":"math.square","request":3}""")).Body).RootElement;
        var task = JsonDocument.Parse(await host.Http.GetStringAsync(new Uri($"tasks/{created.GetProperty("id").GetString()}?waitSeconds=60", UriKind.Relative))).RootElement;
        Assert.Equal(
            ("twice", "succeeded", 81), (task.GetProperty("pattern").GetString(), task.GetProperty("status").GetString(), task.GetProperty("result").GetInt32()));
        Assert.Contains(
            "must be one of 'gather', 'map', 'sequence', 'twice'", (await host.PostAsync("tasks", """{"pattern":"await","request":{}}""")).Body, StringComparison.Ordinal);
        Assert.Contains("\"twice\"", await host.Http.GetStringAsync(new Uri("openapi.json", UriKind.Relative)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_functions_with_one_name_stop_the_startup()
    {
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(
            () => OwnHost.StartAsync(static services => services.AddFunctionsOf<TwicePattern>().AddFunctionsOf<TwiceFunctions>()));

        Assert.Matches(@"^Two functions are named '\w+'\.$", exception.Message);
    }
}

/// <summary>Runs an operation with a number, and again with the result.</summary>
public sealed class TwicePattern(AwaitService awaiting) : ITaskPattern
{
    public string Name => "twice";

    public string? Check(string? operation, RawJson request) => operation ?? throw new ProblemException(Problem.InvalidRequest("/operation", "is required"));

    public async Task<TaskOutcome> RunAsync(string? operation, RawJson request, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 2; i++)
        {
            request = (await awaiting.RunAsync(operation!, RawJson.FromUtf8(Encoding.UTF8.GetBytes($"{{\"x\":{request}}}")), null, cancellationToken)).Result;
        }

        return TaskOutcome.Succeeded(request);
    }
}

public sealed class TwiceFunctions(FunctionInvoker invoker, TwicePattern pattern)
{
    [Function("Twice")]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Function, "post", Route = "twice/{operation}")] HttpRequest request, string operation) =>
        invoker.InvokeAsync(request, async call => Results.Ok(JsonElement.Parse((await pattern.RunAsync(operation, await call.ReadInputAsync(), call.Cancelled)).Value.ToString()!)));
}
