using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Tests.Outbound;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Embedded.Tests;

/// <summary>
/// What the tests of tasks need: an engine over a directory of the test's own, which can end and start again, on a clock
/// that stands still, with a probe to run and a scripted receiver of webhooks.
/// </summary>
public abstract class TaskTests : IAsyncLifetime
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    protected static readonly TaskOrigin Origin = new("/api/tasks");

    private readonly string _directory = Directory.CreateTempSubdirectory("tasks").FullName;
    private readonly (string Key, string Value)[] _settings;
    private ServiceProvider? _services;

    protected TaskTests(params (string Key, string Value)[] settings) => _settings =
    [
        ("Tasks:Directory", Path.Combine(_directory, "state")),
        ("Callbacks:SigningKeys:0", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        .. settings,
    ];

    protected ManualTimeProvider Time { get; } = new();

    /// <summary>What the tasks run; another one after each start, as in a new process.</summary>
    protected ProbeOperation Probe { get; private set; } = new();

    /// <summary>What the engine logs.</summary>
    private protected LogBook<TaskStore> Log { get; } = new();

    /// <summary>What is logged of webhooks.</summary>
    private protected LogBook<WebhookAttempt> WebhookLog { get; } = new();

    protected ScriptedServer Receiver { get; } = new();

    protected string StateDirectory => Path.Combine(_directory, "state");

    protected TaskService Service => Get<TaskService>();

    internal EmbeddedTaskEngine Engine => Get<EmbeddedTaskEngine>();

    public Task InitializeAsync()
    {
        Start();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await StopAsync();
        Receiver.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Registers what only some tests need.</summary>
    protected virtual void Configure(IServiceCollection services)
    {
    }

    protected void Start()
    {
        Probe = new ProbeOperation();
        _services = TestServices.Create(Time, services =>
        {
            services.AddEmbeddedTaskEngine();
            services.AddOperation<ProbeOperation>();
            services.AddSingleton(Probe);
            services.AddSingleton<ILogger<TaskStore>>(Log);
            services.AddSingleton<ILogger<WebhookAttempt>>(WebhookLog);
            services.AddSingleton(provider => new OutboundClient(
                provider.GetRequiredService<OutboundGuard>(), provider.GetRequiredService<IOptions<OutboundOptions>>(), Time, Receiver));
            Configure(services);
        }, _settings);
        Engine.Start();
    }

    /// <param name="impatience">Ends the wait for what runs.</param>
    protected async Task StopAsync(CancellationToken impatience = default)
    {
        if (_services is { } services)
        {
            _services = null;
            await services.GetRequiredService<EmbeddedTaskEngine>().StopAsync(impatience).WaitAsync(Limit, CancellationToken.None);
            await services.DisposeAsync();
        }
    }

    /// <summary>The host ends and comes back. Nothing of it says goodbye: what runs is cut off, as its records show.</summary>
    protected async Task RestartAsync()
    {
        await StopAsync();
        Start();
    }

    protected T Get<T>()
        where T : notnull => _services!.GetRequiredService<T>();

    protected static RawJson Raw(string json) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(json));

    protected T Read<T>(string json) => Get<RequestReader>().Read<T>(Encoding.UTF8.GetBytes(json));

    /// <summary>Creates a task of an operation from the request's JSON.</summary>
    protected Task<TaskResponse> CreateAsync(string operation, string json, TaskOrigin? origin = null) =>
        Service.CreateAsync(operation, Read<TaskRequest>(json), origin ?? Origin).WaitAsync(Limit);

    /// <summary>Creates a task of the probe.</summary>
    protected Task<TaskResponse> CreateProbeAsync(string name, string more = "") => CreateAsync("probe", $$$"""{"input":{"name":"{{{name}}}"}{{{more}}}}""");

    /// <summary>Creates a task of the probe that succeeds at once.</summary>
    protected async Task<TaskResponse> EndedProbeAsync(string name, string more = "")
    {
        var task = await CreateProbeAsync(name, more);
        Probe.Succeed(name);
        return await EndOfAsync(task.Id);
    }

    /// <summary>Waits until a task ends, on the real clock: the one that stands still has no part in it.</summary>
    protected async Task<TaskResponse> EndOfAsync(string id)
    {
        await UntilAsync(id, static record => record.IsFinished);
        return await Service.GetAsync(id, waitSeconds: null, CancellationToken.None);
    }

    /// <summary>Waits until a task is in some state.</summary>
    protected async Task<TaskRecord> UntilAsync(string id, Func<TaskRecord, bool> reached)
    {
        using var patience = new CancellationTokenSource(Limit);
        var view = await Engine.WaitAsync(id, 0, patience.Token);
        while (!reached(view!.Value.Record))
        {
            patience.Token.ThrowIfCancellationRequested();
            view = await Engine.WaitAsync(id, view.Value.Revision, patience.Token);
        }

        return view.Value.Record;
    }

    /// <summary>Advances the time in small steps until something has happened.</summary>
    protected async Task AdvanceUntilAsync(Func<bool> happened, TimeSpan step)
    {
        using var patience = new CancellationTokenSource(Limit);
        while (!happened())
        {
            patience.Token.ThrowIfCancellationRequested();
            Time.Advance(step);
            await Task.Yield();
        }
    }

    /// <summary>Waits, on the real clock, until something has happened that tells nobody.</summary>
    protected static async Task EventuallyAsync(Func<bool> happened)
    {
        using var patience = new CancellationTokenSource(Limit);
        while (!happened())
        {
            await Task.Delay(1, patience.Token);
        }
    }

    protected static async Task<(string Slug, Problem Problem)> ProblemOf(Task task)
    {
        var exception = await Assert.ThrowsAsync<ProblemException>(() => task.WaitAsync(Limit));
        return (exception.Problem.Type["/problems/".Length..], exception.Problem);
    }

    /// <summary>The slug of the problem that a task has failed with.</summary>
    protected static string SlugOf(TaskResponse task) => task.Error!.Value.ToElement().GetProperty("type").GetString()!["/problems/".Length..];
}
