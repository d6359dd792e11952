using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FunctionsApp.LocalHost.Tests;

public sealed class FunctionKeysTests
{
    private static readonly ListenAddresses Loopback = new(["http://127.0.0.1:7071"], AreLoopback: true);
    private static readonly ListenAddresses Everywhere = new(["http://0.0.0.0:7071"], AreLoopback: false);

    [Theory]
    [InlineData(AuthorizationLevel.Anonymous, null, true)]
    [InlineData(AuthorizationLevel.Function, null, false)]
    [InlineData(AuthorizationLevel.Function, "wrong", false)]
    [InlineData(AuthorizationLevel.Function, "first", true)]
    [InlineData(AuthorizationLevel.Function, "second", true)]
    [InlineData(AuthorizationLevel.Function, "master", true)]
    [InlineData(AuthorizationLevel.Admin, null, false)]
    [InlineData(AuthorizationLevel.Admin, "wrong", false)]
    [InlineData(AuthorizationLevel.Admin, "first", false)]
    [InlineData(AuthorizationLevel.Admin, "second", false)]
    [InlineData(AuthorizationLevel.Admin, "master", true)]
    public void Beyond_loopback_the_master_key_opens_everything_and_a_function_key_all_but_Admin_functions(
        AuthorizationLevel level, string? key, bool opens)
    {
        var keys = Keys(Everywhere, ("Host:FunctionKeys:0", "first"), ("Host:FunctionKeys:1", "second"), ("Host:MasterKey", "master"));

        Assert.Equal((opens, opens), (keys.Refusal(WithHeader(key), level) is null, keys.Refusal(WithQuery(key), level) is null));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    public void Beyond_loopback_Admin_functions_are_closed_without_a_master_key(string? master)
    {
        var keys = Keys(Everywhere, ("Host:FunctionKeys:0", "first"), ("Host:MasterKey", master));

        foreach (var key in new[] { null, "", "first", master })
        {
            var refusal = keys.Refusal(WithHeader(key), AuthorizationLevel.Admin)!;
            Assert.Equal((401, "Only the master key opens this function, and the host has none: set Host:MasterKey."), (refusal.Status, refusal.Detail));
        }

        Assert.Null(keys.Refusal(WithHeader("first"), AuthorizationLevel.Function));
    }

    [Fact]
    public void A_refusal_names_the_required_key()
    {
        var keys = Keys(Everywhere, ("Host:FunctionKeys:0", "first"), ("Host:MasterKey", "master"));

        Assert.Contains("the host's master key (Host:MasterKey)", keys.Refusal(WithHeader("first"), AuthorizationLevel.Admin)!.Detail, StringComparison.Ordinal);
        Assert.Contains("one of the host's keys", keys.Refusal(WithHeader("wrong"), AuthorizationLevel.Function)!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_master_key_alone_is_sufficient()
    {
        var keys = Keys(Everywhere, ("Host:MasterKey", "master"));

        Assert.Null(keys.Refusal(WithHeader("master"), AuthorizationLevel.Function));
        Assert.NotNull(keys.Refusal(WithHeader(""), AuthorizationLevel.Function));
    }

    [Fact]
    public void Beyond_loopback_the_host_does_not_start_without_any_key() =>
        Assert.Contains("Host:FunctionKeys", Assert.Throws<InvalidOperationException>(() => Keys(Everywhere, ("Host:FunctionKeys:0", " "))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(AuthorizationLevel.Anonymous)]
    [InlineData(AuthorizationLevel.Function)]
    [InlineData(AuthorizationLevel.Admin)]
    public void On_loopback_no_key_is_required_if_none_is_configured(AuthorizationLevel level) =>
        Assert.Null(Keys(Loopback).Refusal(WithHeader(null), level));

    [Theory]
    [InlineData("Host:FunctionKeys:0")]
    [InlineData("Host:MasterKey")]
    public void On_loopback_too_a_configured_key_is_required(string setting)
    {
        var keys = Keys(Loopback, (setting, "key"));

        Assert.NotNull(keys.Refusal(WithHeader(null), AuthorizationLevel.Function));
        Assert.Null(keys.Refusal(WithHeader("key"), AuthorizationLevel.Function));
        Assert.Null(keys.Refusal(WithHeader(null), AuthorizationLevel.Anonymous));
    }

    private static FunctionKeys Keys(ListenAddresses addresses, params (string Key, string? Value)[] settings) => new(
        Options.Create(new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, setting.Value))).Build()
            .GetSection(HostOptions.Section).Get<HostOptions>() ?? new HostOptions()),
        addresses);

    private static HttpRequest WithHeader(string? key)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers["x-functions-key"] = key;
        return request;
    }

    private static HttpRequest WithQuery(string? key)
    {
        var request = new DefaultHttpContext().Request;
        request.QueryString = key is null ? default : QueryString.Create("code", key);
        return request;
    }
}
