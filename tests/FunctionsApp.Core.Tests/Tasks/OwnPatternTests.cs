using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Tasks;

/// <summary>A pattern of another assembly than Core runs as a task once it is registered.</summary>
public sealed class OwnPatternTests : TaskTests
{
    [Fact]
    public async Task A_registered_pattern_is_found_by_its_name()
    {
        var request = new PatternTaskRequest { Pattern = "twice", Operation = "math.square", Request = RawJson.FromUtf8("3"u8.ToArray()) };

        var ended = await EndOfAsync((await Service.CreateAsync(request, Origin)).Id);

        Assert.Equal(("twice", "math.square", TaskState.Succeeded, "81"), (ended.Pattern, ended.Operation, ended.Status, ended.Result.ToString()));
    }

    [Fact]
    public async Task A_name_that_is_not_registered_is_refused_with_those_that_are()
    {
        var request = new PatternTaskRequest { Pattern = "await", Request = RawJson.EmptyObject };

        var exception = await Assert.ThrowsAsync<ProblemException>(() => Service.CreateAsync(request, Origin));

        Assert.Equal("/pattern must be one of 'gather', 'map', 'sequence', 'twice'.", exception.Problem.Detail);
    }

    protected override void Configure(IServiceCollection services) => services.AddTaskPattern<TwicePattern>();

    /// <summary>Runs an operation with a number, and again with what it came to.</summary>
    private sealed class TwicePattern(AwaitService awaiting) : ITaskPattern
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
}
