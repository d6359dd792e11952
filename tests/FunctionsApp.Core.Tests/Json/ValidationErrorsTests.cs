using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Json;

public sealed class ValidationErrorsTests
{
    [Fact]
    public void A_problem_of_another_kind_is_found_behind_more_errors_than_are_listed()
    {
        var problem = Assert.Throws<ProblemException>(() => ValidationErrors.Collect(
            1_000,
            static index => throw new ProblemException(
                index == 999 ? Problem.TooLarge("It is too large.") : Problem.InvalidRequest("/x", "must be a number")),
            static (problem, index) => problem with { Index = index })).Problem;

        Assert.Equal((413, 999), (problem.Status, problem.Index));
    }
}
