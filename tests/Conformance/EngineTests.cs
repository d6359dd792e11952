using System.IO.Pipelines;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Conformance;

/// <summary>What tests of an engine have in common.</summary>
/// <param name="fixture">The engine.</param>
public abstract class EngineTests(EngineFixture fixture)
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static int _keys;

    protected ServiceProvider Services => fixture.Services;

    protected FailureLog Failures => fixture.Failures;

    protected ITaskEngine Engine => fixture.Services.GetRequiredService<ITaskEngine>();

    protected static TaskDefinition Echo { get; } = new() { Pattern = "await", Operation = "echo", Path = "/api/tasks", TtlSeconds = 600 };

    protected static RawJson Json(string text) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(text));

    protected static string NewKey() => FormattableString.Invariant($"key-{Interlocked.Increment(ref _keys)}");

    protected Task<TaskRecord> CreateAsync(TaskDefinition? definition = null, string input = """{"value":1}""") =>
        Engine.CreateAsync(definition ?? Echo, Json(input));

    protected async Task<TaskRecord> UntilAsync(string id, Predicate<TaskRecord> reached)
    {
        using var limit = new CancellationTokenSource(Limit);
        for (var after = 0L; ;)
        {
            var view = (await Engine.WaitAsync(id, after, limit.Token))!.Value;
            if (reached(view.Record))
            {
                return view.Record;
            }

            limit.Token.ThrowIfCancellationRequested();
            after = view.Revision;
        }
    }

    protected Task<TaskRecord> EndAsync(string id) => UntilAsync(id, static record => record.IsFinished);

    protected async Task<Problem> RefusedAsync(Func<Task> request) => (await Assert.ThrowsAsync<ProblemException>(request)).Problem;

    protected async Task<string> OutcomeAsync(string id)
    {
        var outcome = (await Engine.ReadOutcomeAsync(id))!.Value;
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await JsonPipeWriter.SerializeAsync(pipe.Writer, outcome, CoreJson.TypeInfo<RawJson>());
        await pipe.Writer.CompleteAsync();
        return await new StreamReader(pipe.Reader.AsStream()).ReadToEndAsync();
    }

    protected static async Task SeeAsync(Func<Task<bool>> condition, string what)
    {
        for (var waited = TimeSpan.Zero; !await condition(); waited += TimeSpan.FromMilliseconds(100))
        {
            Assert.True(waited < Limit, what);
            await Task.Delay(100);
        }
    }
}
