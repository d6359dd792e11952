namespace FunctionsApp.Core.Requests;

/// <summary>
/// What belongs to the current request or task wherever its work runs: its memory, its call chain, its share of the cores, the reporter
/// of its progress, the writer of its response. The folder of each part knows its type. One <see cref="AsyncLocal{T}"/> carries all of
/// them, because each costs every request time. It is immutable: a change holds for the rest of the async method that makes it, and for
/// what that calls.
/// </summary>
public sealed class RequestContext
{
    private static readonly AsyncLocal<RequestContext?> Ambient = new();

    private readonly object[] _parts;

    private RequestContext(object[] parts) => _parts = parts;

    /// <summary>Returns a part; null if the request has none of this type.</summary>
    /// <typeparam name="T">The type of the part; sealed.</typeparam>
    public static T? Get<T>()
        where T : class
    {
        foreach (var part in Ambient.Value?._parts ?? [])
        {
            if (part is T found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Sets parts; each replaces the one of its type.</summary>
    public static void Set(params object[] parts) => Ambient.Value = new RequestContext(Ambient.Value is { } before
        ? [.. before._parts.Where(other => !parts.Any(part => part.GetType() == other.GetType())), .. parts]
        : parts);

    /// <summary>Removes a part, if the request has one.</summary>
    /// <typeparam name="T">The type of the part; sealed.</typeparam>
    public static void Remove<T>()
        where T : class
    {
        if (Ambient.Value is { } before)
        {
            Ambient.Value = new RequestContext([.. before._parts.Where(static other => other is not T)]);
        }
    }
}
