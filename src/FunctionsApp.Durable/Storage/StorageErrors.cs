using System.Net.Sockets;
using Azure;
using Azure.Identity;

namespace FunctionsApp.Durable.Storage;

/// <summary>Distinguishes errors of storage, which are retried, from errors of the app and of stored data.</summary>
internal static class StorageErrors
{
    /// <summary>
    /// Returns whether storage could not be reached, did not respond in time, or refused a request. The clients and the framework wrap
    /// such errors in each other.
    /// </summary>
    public static bool IsOfStorage(this Exception exception) => exception switch
    {
        // The clients, the identity, the network, and the time limits of all of them.
        RequestFailedException or AuthenticationFailedException or HttpRequestException or SocketException or IOException
            or TimeoutException or OperationCanceledException => true,
        AggregateException { InnerExceptions: [_, ..] errors } => errors.All(IsOfStorage),
        { InnerException: { } inner } => inner.IsOfStorage(),
        _ => false,
    };
}

/// <summary>Stored data that this version of the app cannot read: it is damaged, or another version has written it.</summary>
/// <param name="name">The name of the blob.</param>
/// <param name="inner">Why.</param>
internal sealed class UnreadableDataException(string name, Exception inner) : Exception($"{name} cannot be read: {inner.Message}", inner);
