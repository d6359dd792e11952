using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Limits;

public sealed class ByteBudgetTests
{
    [Fact]
    public void All_of_it_can_be_spent()
    {
        var budget = new ByteBudget(10);
        budget.Spend(4);

        Assert.Null(Record.Exception(() => budget.Spend(6)));
    }

    [Fact]
    public void One_byte_more_is_too_large_and_the_limit_is_named()
    {
        var budget = new ByteBudget(10);
        budget.Spend(10);

        var problem = Assert.Throws<ProblemException>(() => budget.Spend(1)).Problem;

        Assert.Equal(
            ("/problems/too-large", "The results of the request come to more than 10 bytes (Limits:MaxResultBytes)."), (problem.Type, problem.Detail));
    }

    [Fact]
    public void What_is_overspent_stays_overspent()
    {
        var budget = new ByteBudget(10);
        Assert.Throws<ProblemException>(() => budget.Spend(11));

        Assert.Throws<ProblemException>(() => budget.Spend(0));
    }

    [Fact]
    public void More_than_two_gigabytes_do_not_wrap_around()
    {
        var budget = new ByteBudget(int.MaxValue);
        budget.Spend(int.MaxValue);

        Assert.Throws<ProblemException>(() => budget.Spend(int.MaxValue));
    }

    [Fact]
    public void Threads_that_spend_at_once_get_no_more_than_there_is()
    {
        var budget = new ByteBudget(1_000);
        var spent = 0;

        Parallel.For(0, 4_000, _ =>
        {
            try
            {
                budget.Spend(1);
                Interlocked.Increment(ref spent);
            }
            catch (ProblemException)
            {
                // Refused, as most are.
            }
        });

        Assert.Equal(1_000, spent);
    }
}
