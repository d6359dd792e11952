using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Callback;

public sealed class CallbackServiceTests : PatternTests
{
    private const string Probing = """{"input":{"name":"a"},"onSuccess":{"operation":"echo","input":{"value":{"$ref":"#/result"}}}}""";

    [Fact]
    public void Start_returns_while_the_work_runs_and_the_delegate_is_called_when_it_is_done()
    {
        CallbackResponse? response = null;
        Start(Probing, (outcome, _) => response = outcome.Response);
        Assert.Null(response);
        Probe.Succeed("a");

        Assert.Equal("\"a\"", response!.Result.ToString());
    }

    [Fact]
    public void The_delegate_gets_a_failure()
    {
        Exception? error = null;
        Start(Probing, (_, exception) => error = exception);
        Probe.Fail("a");

        Assert.Equal("a failed", Assert.IsType<ProblemException>(error).Problem.Detail);
    }

    [Fact]
    public void The_delegate_is_called_once_when_the_caller_cancels()
    {
        using var caller = new CancellationTokenSource();
        var errors = new List<Exception?>();
        Start(Probing, (_, exception) => errors.Add(exception), caller.Token);
        caller.Cancel();

        Assert.IsAssignableFrom<OperationCanceledException>(Assert.Single(errors));
        Assert.Equal(["a"], Probe.Cancelled);
    }

    [Fact]
    public void An_invalid_request_is_refused_at_once()
    {
        var exception = Assert.Throws<ProblemException>(() => Start(
            """{"input":{"name":"a"},"onSuccess":{"operation":"greet"}}""", (_, _) => Assert.Fail("Nothing has started.")));

        Assert.Equal("/problems/wrong-kind", exception.Problem.Type);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public void An_invalid_continuation_is_found_before_the_work_starts()
    {
        var exception = Assert.Throws<ProblemException>(() => Start(
            """{"input":{"name":"a"},"onSuccess":{"operation":"echo","input":{"valeu":1}}}""", (_, _) => Assert.Fail("Nothing has started.")));

        Assert.Equal(["/onSuccess/input/valeu", "/onSuccess/input/value"], exception.Problem.Errors!.Keys);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task The_bridge_does_not_run_the_request_on_the_thread_that_ends_the_work()
    {
        var response = Get<CallbackService>().RunAsync("probe", Read<CallbackRequest>(Probing), default);
        var worker = -1;
        var continuation = ContinueAsync();
        var thread = new Thread(() =>
        {
            worker = Environment.CurrentManagedThreadId;
            Probe.Succeed("a");
        });
        thread.Start();
        thread.Join();

        Assert.NotEqual(worker, await continuation.WaitAsync(Limit));

        async Task<int> ContinueAsync()
        {
            await response;
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public async Task The_timeout_applies_to_the_work_and_not_to_the_continuation()
    {
        var run = Get<CallbackService>().RunAsync("delay", Read<CallbackRequest>(
            """{"input":{"seconds":1},"timeoutSeconds":2,"onSuccess":{"operation":"delay","input":{"seconds":5,"result":"late"}}}"""), default);
        Time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(
            """{"continuation":"onSuccess","result":"late","timeline":[{"index":0,"operation":"delay","startedMs":0,"finishedMs":1000},{"index":1,"operation":"delay","startedMs":1000,"finishedMs":6000}],"elapsedMs":6000}""",
            Json((await run.WaitAsync(Limit)).Response!));
    }

    [Fact]
    public async Task OnSuccess_cannot_refer_to_the_error()
    {
        var run = Get<CallbackService>().RunAsync("echo", Read<CallbackRequest>(
            """{"input":{"value":1},"onSuccess":{"operation":"echo","input":{"value":{"$ref":"#/error"}}}}"""), default);

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal("invalid-request", slug);
        Assert.Equal(["/onSuccess/input/value/$ref"], problem.Errors!.Keys);
    }

    private void Start(string json, CallbackCompleted completed, CancellationToken cancellationToken = default) =>
        Get<CallbackService>().Start("probe", Read<CallbackRequest>(json), completed, cancellationToken);
}
