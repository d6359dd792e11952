namespace FunctionsApp.Core.Json;

/// <summary>Rules of an input that concern more than one of its properties.</summary>
public interface ICrossChecked
{
    /// <summary>
    /// Returns the errors: the property by its name in JSON, with slashes for a nested one (<c>"onError/url"</c>), empty for the
    /// whole input; and the message, as "must be …".
    /// </summary>
    IEnumerable<(string Property, string Message)> Check();
}
