using System.Text.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Records;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// The orchestration and the activities of tasks as functions, which the Durable Functions extension calls. They are apart from the
/// functions with HTTP triggers: LocalHost reads those, and must not load the extension.
/// </summary>
public static class DurableFunctions
{
    /// <summary>Runs a task from its creation to its end.</summary>
    [Function(TaskNames.Orchestration)]
    public static Task<object?> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context) =>
        new TaskOrchestrator().RunAsync(context, context.GetInput<JsonElement>());

    /// <summary>Makes an attempt.</summary>
    [Function(TaskNames.Attempt)]
    public static Task<AttemptState> AttemptAsync([ActivityTrigger] AttemptInput input, FunctionContext context) =>
        context.InstanceServices.GetRequiredService<AttemptActivity>().RunAsync(input, context.CancellationToken);

    /// <summary>Sends the webhook once.</summary>
    [Function(TaskNames.Delivery)]
    public static Task<Delivery> DeliverAsync([ActivityTrigger] DeliveryInput input, FunctionContext context) =>
        context.InstanceServices.GetRequiredService<DeliveryActivity>().RunAsync(input, context.CancellationToken);
}
