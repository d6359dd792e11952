using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Tests.Requests;

public sealed class RequestContextTests
{
    [Fact]
    public void Without_a_request_there_are_no_parts() => Assert.Null(RequestContext.Get<One>());

    [Fact]
    public void Each_part_is_found_by_its_type()
    {
        RequestContext.Set(new One(1), new Two(2));
        RequestContext.Set(new Three(3));

        Assert.Equal((1, 2, 3), (RequestContext.Get<One>()!.Value, RequestContext.Get<Two>()!.Value, RequestContext.Get<Three>()!.Value));
    }

    [Fact]
    public void A_part_replaces_the_part_of_its_type()
    {
        RequestContext.Set(new One(1), new Two(2));
        RequestContext.Set(new Two(3));
        RequestContext.Set(new One(4), new Three(5));

        Assert.Equal((4, 3, 5), (RequestContext.Get<One>()!.Value, RequestContext.Get<Two>()!.Value, RequestContext.Get<Three>()!.Value));
    }

    [Fact]
    public void Null_removes_a_part()
    {
        RequestContext.Set(new One(1), new Two(2));
        RequestContext.Remove<One>();

        Assert.Equal((null, 2), (RequestContext.Get<One>(), RequestContext.Get<Two>()!.Value));
    }

    [Fact]
    public async Task A_change_holds_for_the_method_that_makes_it_and_for_what_that_calls()
    {
        RequestContext.Set(new One(1));

        var within = await ChangeAsync();

        Assert.Equal((2, 1), (within, RequestContext.Get<One>()!.Value));

        static async Task<int> ChangeAsync()
        {
            RequestContext.Set(new One(2));
            return await Task.Run(static () => RequestContext.Get<One>()!.Value);
        }
    }

    private sealed record One(int Value);

    private sealed record Two(int Value);

    private sealed record Three(int Value);
}
