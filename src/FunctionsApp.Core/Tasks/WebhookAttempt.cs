using FunctionsApp.Core.Json;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks;

/// <summary>Sends the webhook of a task once, and decides whether and when to retry.</summary>
public sealed partial class WebhookAttempt(
    Lazy<WebhookSender> sender, DeliverySchedule schedule, ProblemDescriber describer, TimeProvider time, ILogger<WebhookAttempt> logger)
{
    /// <summary>Sends the webhook.</summary>
    /// <param name="record">The task, with its delivery.</param>
    /// <param name="outcome">Its outcome; null if there is none, or it is larger than <see cref="TaskMessage.MaxOutcomeBytes"/>.</param>
    /// <param name="stopping">Aborts the attempt.</param>
    /// <returns>The delivery after the attempt.</returns>
    public async Task<Delivery> RunAsync(TaskRecord record, RawJson? outcome, CancellationToken stopping)
    {
        var (delivery, startedAt) = (record.Delivery!, time.GetUtcNow());
        using var watch = AppTelemetry.Start("webhook", operation: null, record.Definition.TraceParent);

        // All webhooks count as one caller: a stranger may request any number of them.
        RequestContext.Set(new CallChain(record.Definition.CallChain, caller: this));
        WebhookResult result;
        try
        {
            var message = TaskMessage.Write(record, outcome);
            result = await sender.Value.SendAsync(delivery.Url, TaskMessage.IdOf(record.Id), message, stopping);
        }
        catch (Exception exception) when (!stopping.IsCancellationRequested)
        {
            // An error in the app is a failed attempt too: otherwise the webhook would be pending for ever.
            var error = describer.Describe(exception, $"the webhook of task {record.Id}").Detail;
            result = new WebhookResult(WebhookOutcome.Failed, Error: error) { StartedAt = startedAt };
        }

        var retryAt = schedule.Due(delivery.Sent - delivery.EarlierAttempts + 2, time.GetUtcNow(), result.RetryAfter);
        var after = TaskLifecycle.AfterDelivery(delivery, result, retryAt);
        if (result.Outcome != WebhookOutcome.Delivered)
        {
            watch.Fail("upstream-failed");
            Log(record.Id, HostName.AsWritten(delivery.Url), result.Error ?? "", after.NextAttemptAt);
        }

        return after;
    }

    private void Log(string id, string host, string error, DateTimeOffset? nextAttemptAt)
    {
        if (nextAttemptAt is { } due)
        {
            LogFailed(logger, id, host, error, due);
        }
        else
        {
            LogGivenUp(logger, id, host, error);
        }
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Warning,
        Message = "The webhook of task {Id} to {Host} failed: {Error} Next attempt: {NextAttemptAt:O}")]
    private static partial void LogFailed(ILogger logger, string id, string host, string error, DateTimeOffset nextAttemptAt);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning,
        Message = "The webhook of task {Id} to {Host} failed: {Error} No attempt is left")]
    private static partial void LogGivenUp(ILogger logger, string id, string host, string error);
}
