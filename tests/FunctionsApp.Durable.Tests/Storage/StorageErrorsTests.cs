using System.Net.Sockets;
using System.Text.Json;
using Azure;
using Azure.Identity;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable.Tests.Storage;

/// <summary>Which errors change whether the app is ready.</summary>
public sealed class StorageErrorsTests
{
    public static TheoryData<Exception, bool> Errors => new()
    {
        { new RequestFailedException(503, "Server busy."), true },
        { new AuthenticationFailedException("No identity."), true },
        { new HttpRequestException("Connection refused."), true },
        { new SocketException((int)SocketError.ConnectionReset), true },
        { new IOException("Connection reset."), true },
        { new TimeoutException(), true },
        { new TaskCanceledException(), true },
        { new AggregateException(new RequestFailedException("1"), new IOException("2")), true },
        { new InvalidOperationException("The framework wraps it.", new RequestFailedException(500, "No.")), true },
        { new JsonException("'x' is invalid."), false },
        { new UnreadableDataException("attempts.json", new JsonException("'x' is invalid.")), false },
        { new InvalidOperationException("A bug."), false },
        { new KeyNotFoundException(), false },
        { new AggregateException(new RequestFailedException("1"), new InvalidOperationException("A bug.")), false },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Only_errors_of_transport_and_storage_are_storage_errors(Exception error, bool expected) => Assert.Equal(expected, error.IsOfStorage());
}
