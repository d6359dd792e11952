namespace FunctionsApp.Core.Requests;

/// <summary>
/// What belongs to the current request or task wherever its work runs: its memory, its call chain, its share of the cores, the reporter
/// of its progress. The folder of each part knows its type. One <see cref="AsyncLocal{T}"/> carries all of them, because each costs every
/// request time. It is immutable: a change holds for the rest of the async method that makes it, and for what that calls.
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

    /// <summary>Sets a part; null removes it.</summary>
    /// <typeparam name="T">The type of the part; sealed.</typeparam>
    public static void Set<T>(T? part)
        where T : class => Change(part is null ? [] : [part], static other => other is not T);

    /// <summary>Sets several parts at once.</summary>
    public static void Set(params object[] parts) => Change(parts, other => !parts.Any(part => part.GetType() == other.GetType()));

    private static void Change(object[] parts, Func<object, bool> stays) =>
        Ambient.Value = new RequestContext(Ambient.Value is { } before ? [.. before._parts.Where(stays), .. parts] : parts);
}
