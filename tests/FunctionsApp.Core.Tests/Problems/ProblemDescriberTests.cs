using System.Diagnostics;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tests.Problems;

public sealed class ProblemDescriberTests
{
    private readonly LogBook<ProblemDescriber> _log = new();
    private readonly ProblemDescriber _describer;

    public ProblemDescriberTests() => _describer = new ProblemDescriber(_log);

    [Fact]
    public void A_problem_is_described_as_itself()
    {
        var problem = Problem.TooLarge("It is.");

        Assert.Same(problem, _describer.Describe(new ProblemException(problem)));
    }

    [Fact]
    public void An_operations_own_error_reaches_the_caller()
    {
        var problem = _describer.Describe(new OperationException("No such colour.", new InvalidOperationException("secret")));

        Assert.Equal(("/problems/operation-failed", 500, "No such colour."), (problem.Type, problem.Status, problem.Detail));
    }

    [Fact]
    public void Expected_problems_are_not_logged()
    {
        _describer.Describe(new OperationException("No such colour."));
        _describer.Describe(new ProblemException(Problem.TooLarge("It is.")));

        Assert.Empty(_log.Entries);
    }

    public static TheoryData<Exception> Unexpected => new(
        new InvalidOperationException("secret"),
        new AggregateException("secret", new OperationException("secret")),
        new OperationCanceledException("secret"),
        new NotSupportedException("secret", new ProblemException(Problem.TooLarge("secret"))));

    [Theory]
    [MemberData(nameof(Unexpected))]
    public void An_unexpected_exception_is_described_without_internals(Exception exception)
    {
        var problem = _describer.Describe(exception);

        Assert.Equal(
            ("/problems/internal-error", 500, "The log has the details under this traceId."), (problem.Type, problem.Status, problem.Detail));
    }

    [Fact]
    public void An_unexpected_exception_is_logged_with_the_work_and_the_trace_id_of_the_problem()
    {
        var exception = new InvalidOperationException("secret");

        var problem = _describer.Describe(exception);
        var named = _describer.Describe(exception, "primes.count");
        RequestContext.Set(new CurrentTask("abc"));
        var inTask = _describer.Describe(exception, "primes.count");

        Assert.Equal(
            [
                (LogLevel.Error, (Exception?)exception, $"Unexpected failure of a request; the problem has trace id {problem.TraceId}"),
                (LogLevel.Error, exception, $"Unexpected failure of primes.count; the problem has trace id {named.TraceId}"),
                (LogLevel.Error, exception, $"Unexpected failure of primes.count in task abc; the problem has trace id {inTask.TraceId}"),
            ],
            _log.Entries);
    }

    [Fact]
    public void The_trace_id_is_that_of_the_request()
    {
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

        Assert.Equal(activity.TraceId.ToHexString(), _describer.Describe(new InvalidOperationException()).TraceId);
    }
}
