using System.Security.Cryptography;
using System.Text;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.LocalHost;

/// <summary>
/// The keys of <c>Host:FunctionKeys</c>. Whoever listens beyond this machine must have one, and then every function that is
/// not anonymous demands one: as <c>x-functions-key</c> or <c>?code=</c>, as on Azure.
/// </summary>
internal sealed class FunctionKeys
{
    private const string Setting = "Host:FunctionKeys";

    // Digests, so that comparing takes the same time whatever the length of the key that was sent.
    private readonly byte[][] _digests;
    private readonly bool _areDemanded;

    private FunctionKeys(IEnumerable<string> keys, bool areDemanded)
    {
        _digests = [.. keys.Select(static key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];
        _areDemanded = areDemanded;
    }

    /// <summary>Reads the keys.</summary>
    /// <exception cref="InvalidOperationException">There is none, and the addresses are not loopback.</exception>
    public static FunctionKeys From(IConfiguration configuration, ListenAddresses addresses)
    {
        var keys = configuration.GetSection(Setting).Get<string[]>()?.Where(static key => !string.IsNullOrWhiteSpace(key)).ToArray() ?? [];
        return addresses.AreLoopback || keys.Length > 0
            ? new FunctionKeys(keys, areDemanded: !addresses.AreLoopback)
            : throw new InvalidOperationException(
                $"{string.Join(", ", addresses.Urls)} can be reached from outside this machine: set a function key ({Setting}, or the environment variable Host__FunctionKeys__0).");
    }

    /// <summary>Whether a request may run a function.</summary>
    public bool Admits(HttpRequest request, AuthorizationLevel level)
    {
        if (!_areDemanded || level == AuthorizationLevel.Anonymous)
        {
            return true;
        }

        var key = request.Headers["x-functions-key"].ToString();
        key = key.Length > 0 ? key : request.Query["code"].ToString();
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(key));

        // All are compared, so that the time does not tell which one came near.
        return _digests.Aggregate(false, (admits, known) => admits | CryptographicOperations.FixedTimeEquals(digest, known));
    }
}
