using System.Diagnostics;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tasks;

/// <summary>
/// <c>create_task</c>, <c>await task</c> and <c>task.cancel()</c>: work that outlives its request. A request is validated as far
/// as possible before its task is accepted.
/// </summary>
public sealed class TaskService(
    ITaskEngine engine, TaskPatterns patterns, WebhookSender webhooks, TimeLimits timeLimits,
    IOptions<TasksOptions> tasks, IOptions<LimitsOptions> limits)
{
    /// <summary>Creates a task of one operation.</summary>
    /// <param name="operation">Its name; io or cpu.</param>
    /// <param name="request">Its input, and how to run it.</param>
    /// <param name="origin">The origin of the request.</param>
    /// <exception cref="ProblemException">
    /// The request is invalid: <c>unknown-operation</c>, <c>wrong-kind</c>, <c>invalid-request</c>, <c>too-large</c>,
    /// <c>destination-not-allowed</c>, <c>callbacks-not-configured</c>, <c>idempotency-key-reused</c>; or the task cannot be
    /// accepted: <c>saturated</c>, <c>storage-failed</c>.
    /// </exception>
    public Task<TaskResponse> CreateAsync(string operation, TaskRequest request, TaskOrigin origin) =>
        CreateAsync(AwaitService.Name, operation, request.Input ?? RawJson.EmptyObject, "/input", request, origin);

    /// <summary>Creates a task of a pattern.</summary>
    /// <param name="request">The pattern's own request, and how to run it.</param>
    /// <param name="origin">The origin of the request.</param>
    /// <inheritdoc cref="CreateAsync(string, TaskRequest, TaskOrigin)" path="/exception"/>
    public Task<TaskResponse> CreateAsync(PatternTaskRequest request, TaskOrigin origin) =>
        patterns.Names.Contains(request.Pattern, StringComparer.Ordinal)
            ? CreateAsync(request.Pattern, request.Operation, request.Request, "/request", request, origin)
            : throw new ProblemException(Problem.InvalidRequest("/pattern", $"must be one of '{string.Join("', '", patterns.Names)}'"));

    /// <summary>Creates a task of a callback that has a URL.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">Its input and continuations.</param>
    /// <param name="origin">The origin of the request.</param>
    /// <inheritdoc cref="CreateAsync(string, TaskRequest, TaskOrigin)" path="/exception"/>
    public Task<TaskResponse> CreateAsync(string operation, CallbackRequest request, TaskOrigin origin)
    {
        var options = new TaskOptions { OnSuccess = AsUrl(request.OnSuccess), OnError = AsUrl(request.OnError) };
        return CreateAsync(
            CallbackService.Name, operation, RawJson.From(request, CoreJson.TypeInfo<CallbackRequest>()), pointer: "", options, origin);

        static TaskContinuation? AsUrl(Continuation? continuation) =>
            continuation?.Url is { } url ? new TaskContinuation { Url = url } : null;
    }

    /// <summary>Creates a task of any pattern.</summary>
    /// <param name="pattern">The name of the pattern.</param>
    /// <param name="operation">The operation, if the pattern runs one.</param>
    /// <param name="input">The operation's input, or the pattern's request.</param>
    /// <param name="pointer">The JSON pointer of the input in the request.</param>
    /// <param name="options">How to run it.</param>
    /// <param name="origin">The origin of the request.</param>
    /// <inheritdoc cref="CreateAsync(string, TaskRequest, TaskOrigin)" path="/exception"/>
    public async Task<TaskResponse> CreateAsync(
        string pattern, string? operation, RawJson input, string pointer, TaskOptions options, TaskOrigin origin)
    {
        string? running;
        try
        {
            running = patterns.Find(pattern)!.Check(operation, input);
        }
        catch (ProblemException exception) when (exception.Problem.Errors is not null)
        {
            throw new ProblemException(exception.Problem.Below(pointer));
        }

        if (operation is not null && running is null)
        {
            throw new ProblemException(Problem.InvalidRequest("/operation", $"must not be given: a {pattern} runs no single operation"));
        }

        timeLimits.Check(options.TimeoutSeconds, "/timeoutSeconds");
        return await RespondAsync(await engine.CreateAsync(new TaskDefinition
        {
            Pattern = pattern,
            Operation = running,
            TimeoutSeconds = options.TimeoutSeconds,
            Retry = options.Retry,
            TtlSeconds = options.TtlSeconds ?? tasks.Value.DefaultTtlSeconds,
            OnSuccess = options.OnSuccess is { } success ? webhooks.Check(success.Url, "/onSuccess/url") : null,
            OnError = options.OnError is { } error ? webhooks.Check(error.Url, "/onError/url") : null,
            Path = origin.Path,
            IdempotencyKey = origin.IdempotencyKey,
            Fingerprint = origin.Fingerprint,
            TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } parent } ? parent : null,
            CallChain = RequestContext.Get<CallChain>()?.Text,
        }, input));
    }

    /// <summary><c>await task</c>: reads a task, and waits a limited time for its end.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="waitSeconds">The maximum wait; 0 to <c>Limits:MaxWaitSeconds</c>, absent means no wait.</param>
    /// <param name="cancellationToken">Ends the wait; the task continues.</param>
    /// <exception cref="ProblemException"><c>unknown-task</c>, <c>invalid-request</c>.</exception>
    public async Task<TaskResponse> GetAsync(string id, double? waitSeconds, CancellationToken cancellationToken)
    {
        var max = limits.Value.MaxWaitSeconds;
        if (waitSeconds is { } seconds && !(seconds >= 0 && seconds <= max))
        {
            throw new ProblemException(Problem.InvalidRequest("/waitSeconds", $"must be from 0 to {max}"));
        }

        var view = await engine.FindAsync(id) ?? throw new ProblemException(Problem.UnknownTask());
        if (waitSeconds > 0)
        {
            using var limit = timeLimits.StartWait(waitSeconds.Value, cancellationToken);
            while (!view.Record.IsFinished && !limit.RanOut)
            {
                view = await NextAsync(id, view.Revision, limit) ?? view;
            }
        }

        return await RespondAsync(view.Record);
    }

    /// <summary><c>task.cancel()</c>: a queued task never starts, and a running attempt is stopped.</summary>
    /// <param name="id">Its id.</param>
    /// <exception cref="ProblemException"><c>unknown-task</c>, <c>already-finished</c>, <c>storage-failed</c>.</exception>
    public async Task<TaskResponse> CancelAsync(string id)
    {
        var (record, _) = await engine.CancelAsync(id) ?? throw new ProblemException(Problem.UnknownTask());
        return record.IsFinished
            ? throw new ProblemException(Problem.AlreadyFinished($"The task has already {Ended(record.State)}."))
            : TaskResponse.Of(record);
    }

    /// <summary>Yields a task as it is, and after each change until its end. A slow reader gets only the last of several changes.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="after">The last event that the caller already knows; 0 for none.</param>
    /// <param name="cancellationToken">Ends the enumeration; the task continues.</param>
    /// <returns>Nothing if the caller already knows the end of the task. The enumeration also ends after the maximum time limit.</returns>
    /// <exception cref="ProblemException"><c>unknown-task</c>, while enumerating.</exception>
    public async IAsyncEnumerable<TaskEvent> WatchAsync(string id, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var limit = timeLimits.StartWait(limits.Value.MaxTimeoutSeconds, cancellationToken);
        while (await NextAsync(id, after, limit) is { } view && view.Revision > after)
        {
            yield return new TaskEvent(view.Revision, await RespondAsync(view.Record));
            after = view.Record.IsFinished ? long.MaxValue : view.Revision;
        }
    }

    /// <summary>Lists tasks, newest first.</summary>
    /// <param name="request">The filter.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c>.</exception>
    public async Task<TaskList> ListAsync(TaskListRequest request)
    {
        var page = await engine.ListAsync(
            new TaskQuery(request.Status, request.Operation, request.Limit ?? TaskListRequest.DefaultLimit, request.Cursor));
        return new TaskList([.. page.Items.Select(static record => TaskResponse.Of(record))], page.NextCursor);
    }

    /// <summary>Reads the delivery state of a task's webhook.</summary>
    /// <param name="id">Its id.</param>
    /// <exception cref="ProblemException"><c>unknown-task</c>.</exception>
    public async Task<DeliveryList> GetDeliveriesAsync(string id)
    {
        var (record, _) = await engine.FindAsync(id) ?? throw new ProblemException(Problem.UnknownTask());
        return Deliveries(record);
    }

    /// <summary>Sends the webhook of a task again at once, and retries by the schedule if that fails.</summary>
    /// <param name="id">Its id.</param>
    /// <exception cref="ProblemException"><c>unknown-task</c>, <c>nothing-to-deliver</c>, <c>storage-failed</c>.</exception>
    public async Task<DeliveryList> RedeliverAsync(string id)
    {
        var record = await engine.RedeliverAsync(id) ?? throw new ProblemException(Problem.UnknownTask());
        return record.Delivery is not null
            ? Deliveries(record)
            : throw new ProblemException(Problem.NothingToDeliver(record.IsFinished
                ? $"The task has {Ended(record.State)}, and has no URL for that outcome."
                : "The task has not ended yet."));
    }

    private static string Ended(TaskState state) => state switch
    {
        TaskState.Succeeded => "succeeded",
        TaskState.Failed => "failed",
        _ => "been cancelled",
    };

    private static DeliveryList Deliveries(TaskRecord record) => record.Delivery is { } delivery
        ? new DeliveryList(delivery.Attempts, TaskMessage.IdOf(record.Id), delivery.Url, delivery.State, delivery.NextAttemptAt)
        : new DeliveryList([]);

    /// <summary>Returns the next view of a task; null after the time limit.</summary>
    private async ValueTask<TaskView?> NextAsync(string id, long after, TimeLimit limit)
    {
        try
        {
            return await engine.WaitAsync(id, after, limit.Token) ?? throw new ProblemException(Problem.UnknownTask());
        }
        catch (OperationCanceledException) when (limit.RanOut)
        {
            return null;
        }
    }

    /// <summary>Adds the outcome. If the task expires before that is read, it is unknown, as it is to any later request.</summary>
    private async Task<TaskResponse> RespondAsync(TaskRecord record) => TaskResponse.Of(
        record,
        record.State is TaskState.Succeeded or TaskState.Failed
            ? await engine.ReadOutcomeAsync(record.Id) ?? throw new ProblemException(Problem.UnknownTask())
            : null);
}
