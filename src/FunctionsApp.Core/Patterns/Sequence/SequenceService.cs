using System.Globalization;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Sequence;

/// <summary><c>await a(); await b()</c>: runs operations one after the other; each can use earlier results.</summary>
public sealed class SequenceService(
    OperationCatalog catalog, RequestReader reader, PatternRuns runs, IOptions<LimitsOptions> limits) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "sequence";

    string ITaskPattern.Name => Name;

    /// <summary>Runs the steps in order, up to the first that fails.</summary>
    /// <param name="request">The steps.</param>
    /// <param name="cancellationToken">Stops the running step and the sequence.</param>
    /// <exception cref="ProblemException">
    /// The problem of the step that failed, with its index and the earlier results. Validation precedes the first step
    /// where possible.
    /// </exception>
    public async Task<SequenceResponse> RunAsync(SequenceRequest request, CancellationToken cancellationToken)
    {
        var calls = BindAhead(request.Steps);
        return await runs.RunAsync(
            Name, operation: null, request.TimeoutSeconds, run => RunStepsAsync(request, calls, run, cancellationToken), cancellationToken);
    }

    private async Task<SequenceResponse> RunStepsAsync(
        SequenceRequest request, PendingCall[] calls, PatternRun run, CancellationToken cancellationToken)
    {
        var progress = ProgressReporter.Take();
        var results = new List<RawJson>(request.Steps.Count);
        var timeline = new List<TimelineEntry>(request.Steps.Count);
        var references = new JsonReferences(new EarlierResults(results, run.Memory).Find, limits.Value, run.Memory, run.Limit.Token);
        for (var i = 0; i < request.Steps.Count; i++)
        {
            var (step, started) = (request.Steps[i], run.Clock.ElapsedMs);
            try
            {
                run.Limit.Token.ThrowIfCancellationRequested();
                var result = await calls[i].Bind(references).InvokeAsync(Name, run.Limit.Token);
                run.Memory.HoldResult(result.Utf8.Length);
                results.Add(result);
                timeline.Add(new TimelineEntry(i, step.Operation, started, run.Clock.ElapsedMs));
                progress?.Report(i + 1, request.Steps.Count);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                throw new ProblemException(WithResults(run.Describe(exception, "The sequence", step.Operation), i, results));
            }
        }

        return new SequenceResponse(results, timeline, run.Clock.ElapsedMs);
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        var sequence = reader.Read<SequenceRequest>(request.Utf8);
        BindAhead(sequence.Steps);
        runs.CheckTimeout(sequence.TimeoutSeconds);
        return null;
    }

    async Task<TaskOutcome> ITaskPattern.RunAsync(string? operation, RawJson request, CancellationToken cancellationToken) =>
        TaskOutcome.Succeeded(await RunAsync(reader.Read<SequenceRequest>(request.Utf8), cancellationToken));

    /// <summary>Adds the first results to the problem of a step, up to <see cref="Problem.MaxResultBytes"/>.</summary>
    private static Problem WithResults(Problem problem, int step, List<RawJson> results)
    {
        var bytes = 0L;
        var kept = results.TakeWhile(result => (bytes += result.Utf8.Length) <= Problem.MaxResultBytes).ToList();
        var omitted = results.Count - kept.Count;
        return problem with
        {
            Index = step,
            Results = [.. kept.Select(static result => result.Utf8)],
            OmittedResults = omitted > 0 ? omitted : null,
        };
    }

    /// <summary>Binds every step that needs no earlier result, to report errors before the first step runs.</summary>
    private PendingCall[] BindAhead(IReadOnlyList<SequenceStep> steps)
    {
        if (steps.Count > limits.Value.MaxCalls)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A sequence has at most {limits.Value.MaxCalls} steps (Limits:MaxCalls), not {steps.Count}.")));
        }

        var calls = new PendingCall[steps.Count];
        ValidationErrors.Collect(
            calls.Length,
            i => calls[i] = new PendingCall(
                catalog.Find<CallableOperation>(steps[i].Operation), steps[i].Input ?? RawJson.EmptyObject,
                string.Create(CultureInfo.InvariantCulture, $"/steps/{i}/input")),
            static (problem, step) => problem with { Index = step, Results = [] });
        return calls;
    }

    /// <summary>The results so far. The first reference to a result parses it.</summary>
    private sealed class EarlierResults(List<RawJson> results, RequestMemory held)
    {
        private readonly Dictionary<string, JsonElement> _parsed = new(StringComparer.Ordinal);

        public JsonElement? Find(string[] tokens) => tokens switch
        {
            ["results"] => Parse($"first {results.Count}", () => RawJson.From(results, CoreJson.TypeInfo<List<RawJson>>())),
            ["results", var token, .. var rest] when JsonPointer.ArrayIndex(token) is { } index && index < results.Count =>
                JsonPointer.Follow(Parse(token, () => results[index]), rest),
            _ => null,
        };

        private JsonElement Parse(string name, Func<RawJson> find)
        {
            if (!_parsed.TryGetValue(name, out var element))
            {
                var value = find();
                held.Hold(value.DocumentBytes);
                element = value.ToElement();
                _parsed.Add(name, element);
            }

            return element;
        }
    }
}
