using System.Security.Cryptography;
using System.Text;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Options;

namespace FunctionsApp.LocalHost;

/// <summary>
/// The function keys and the master key of <see cref="HostOptions"/>. A host that listens beyond loopback must have a key. If it has one,
/// every function that is not anonymous requires a key, as <c>x-functions-key</c> or <c>?code=</c>, as on Azure. This holds on loopback
/// too, because a proxy may publish it. The master key opens every function; only it opens functions of level admin.
/// </summary>
internal sealed class FunctionKeys
{
    private const string MasterSetting = "Host:MasterKey";

    // Digests, so that a comparison takes the same time whatever the length of the key in the request.
    private readonly byte[][] _digests;
    private readonly byte[]? _masterDigest;

    /// <summary>Reads the keys.</summary>
    /// <exception cref="InvalidOperationException">There is no key, and an address is not loopback.</exception>
    public FunctionKeys(IOptions<HostOptions> options, ListenAddresses addresses)
    {
        _digests = [.. options.Value.FunctionKeys.Where(static key => !string.IsNullOrWhiteSpace(key)).Select(Digest)];
        _masterDigest = string.IsNullOrWhiteSpace(options.Value.MasterKey) ? null : Digest(options.Value.MasterKey);
        if (!addresses.AreLoopback && !AreDemanded)
        {
            throw new InvalidOperationException(
                $"{string.Join(", ", addresses.Urls)} can be reached from outside this machine: "
                + "set a function key (Host:FunctionKeys, or the environment variable Host__FunctionKeys__0).");
        }
    }

    private bool AreDemanded => _digests.Length > 0 || _masterDigest is not null;

    /// <summary>Serves a request, or refuses it if it lacks the key of its function.</summary>
    public Task AdmitAsync(HttpContext context, RequestDelegate next) =>
        context.GetEndpoint()?.Metadata.GetMetadata<HttpFunction>() is { } function
        && Refusal(context.Request, function.Trigger.AuthLevel) is { } refusal
            ? JsonResult.Problem(refusal).ExecuteAsync(context)
            : next(context);

    /// <summary>Returns why a request may not run a function; null if it may.</summary>
    public Problem? Refusal(HttpRequest request, AuthorizationLevel level)
    {
        if (!AreDemanded || level == AuthorizationLevel.Anonymous)
        {
            return null;
        }

        var key = request.Headers["x-functions-key"].ToString();
        var digest = Digest(key.Length > 0 ? key : request.Query["code"].ToString());

        // Compares with all keys, so that the time does not show which one matched.
        var isMaster = _masterDigest is not null && CryptographicOperations.FixedTimeEquals(digest, _masterDigest);
        var isFunction = _digests.Aggregate(false, (matches, known) => matches | CryptographicOperations.FixedTimeEquals(digest, known));
        return isMaster || (isFunction && level != AuthorizationLevel.Admin)
            ? null
            : HttpProblems.Unauthorized(level != AuthorizationLevel.Admin
                ? "Send one of the host's keys as x-functions-key, or as ?code= in the URL."
                : _masterDigest is not null
                    ? $"Send the host's master key ({MasterSetting}) as x-functions-key, or as ?code= in the URL."
                    : $"Only the master key opens this function, and the host has none: set {MasterSetting}.");
    }

    private static byte[] Digest(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
