using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Outbound;

public sealed class CallChainTests : OutboundTests
{
    private const string Other = "functionsapp-0123456789abcdef";

    private readonly AppIdentity _app = Identity(new OutboundOptions { OwnHosts = ["api.example.com"] });

    [Fact]
    public void A_request_without_a_mark_begins_a_chain()
    {
        Assert.Null(CallChain.Read(null, _app).Text);
        Assert.Null(CallChain.Read("", _app).Text);
    }

    [Fact]
    public void Other_deployments_stay_in_the_chain_and_other_software_does_not()
    {
        Assert.Equal($"{Other}, {Other};allowed=1", CallChain.Read($"cloudflare; loops=1, {Other} ;x=1,, google,{Other};allowed=1", _app).Text);
    }

    [Fact]
    public void A_request_of_the_app_itself_is_refused_unless_it_is_allowed_once()
    {
        Assert.Contains("The app itself sent the request", Refusal(_app.Id), StringComparison.Ordinal);
        Assert.Contains("The app itself sent the request", Refusal($"{_app.Id};allowed=1x"), StringComparison.Ordinal);
        Assert.Contains("The app itself sent the request", Refusal($"{Other};allowed=1, {_app.Id}, {Other}"), StringComparison.Ordinal);
        Assert.Equal($"{_app.Id};allowed=1", CallChain.Read($"{_app.Id};allowed=1", _app).Text);
        Assert.Contains("more than once", Refusal($"{_app.Id};allowed=1, {_app.Id};allowed=1"), StringComparison.Ordinal);
        Assert.Contains("more than once", Refusal($"{_app.Id};allowed=1, {Other}, {_app.Id}"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_chain_has_a_limit()
    {
        var longest = string.Join(", ", Enumerable.Repeat(Other, CallChain.MaxLength));

        Assert.Equal(longest, CallChain.Read(longest, _app).Text);
        Assert.Contains("more than 16 deployments", Refusal($"{longest}, {Other}"), StringComparison.Ordinal);
    }

    [Fact]
    public void Instances_that_share_their_names_share_an_id_and_those_without_a_name_have_one_each()
    {
        Assert.Equal(_app.Id, Identity(new OutboundOptions { OwnHosts = ["API.example.com"] }).Id);
        Assert.NotEqual(_app.Id, Identity(new OutboundOptions { OwnHosts = ["api.example.com"], OwnHost = "app.azurewebsites.net" }).Id);
        Assert.NotEqual(Identity().Id, Identity().Id);
        Assert.Matches("^functionsapp-[0-9a-f]{16}$", Identity().Id);
    }

    [Fact]
    public async Task Each_request_and_redirect_continues_the_chain()
    {
        using var server = new ScriptedServer();
        var options = new OutboundOptions { AllowedHosts = ["api.example.com", "10.0.0.0/8", "10.0.0.1"] };
        using var client = new OutboundClient(Guard(options, _app), Options.Create(options), TimeProvider.System, server);
        server.Redirect(307, "https://api.example.com/");
        server.Redirect(307, "https://10.0.0.1/");
        server.Redirect(307, "https://10.0.0.2/");
        server.Answer(200);
        RequestContext.Set(CallChain.Read(Other, _app));

        await client.SendAsync(new OutboundRequest("GET", new Uri("https://example.com/")), default);

        Assert.Equal(
            [$"{Other}, {_app.Id}", $"{Other}, {_app.Id};allowed=1", $"{Other}, {_app.Id};allowed=1", $"{Other}, {_app.Id}"],
            server.Requests.Select(static request => request.Headers["CDN-Loop"]));
    }

    private string Refusal(string header)
    {
        var problem = Assert.Throws<ProblemException>(() => CallChain.Read(header, _app)).Problem;
        Assert.Equal(("/problems/loop-detected", 508), (problem.Type, problem.Status));
        return problem.Detail;
    }
}
