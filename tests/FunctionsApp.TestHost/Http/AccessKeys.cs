namespace FunctionsApp.TestHost.Http;

/// <summary>Who may run a function.</summary>
internal sealed class AccessKeys(TestHostOptions options)
{
    private readonly bool _areDemanded = options.FunctionKeys.Count > 0 || options.MasterKey is not null;

    /// <summary>Whether a request shows what a function demands, as <c>x-functions-key</c> or else as <c>?code=</c>.</summary>
    public bool Admit(HttpRequest request, AuthLevel level)
    {
        if (!_areDemanded || level == AuthLevel.Anonymous)
        {
            return true;
        }

        var key = (request.Headers.TryGetValue("x-functions-key", out var values) ? values : request.Query["code"]).ToString();
        return key.Length > 0 && (key == options.MasterKey || (level == AuthLevel.Function && options.FunctionKeys.Contains(key)));
    }
}
