using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Webhooks;

/// <summary>The keys that sign webhooks: the configured keys or, if there are none, a generated key.</summary>
public sealed class SigningKeys(IOptions<CallbacksOptions> options)
{
    private volatile IReadOnlyList<SigningKey> _current = [.. options.Value.SigningKeys.Select(SigningKey.Parse)];

    /// <summary>Whether to generate a key: none is configured and <see cref="CallbacksOptions.GenerateSigningKey"/> is true.</summary>
    public bool NeedsGenerated { get; } = options.Value is { SigningKeys.Count: 0, GenerateSigningKey: true };

    /// <summary>The keys; each of them signs.</summary>
    internal IReadOnlyList<SigningKey> Current => _current;

    /// <summary>Sets the generated key. The key's store calls this before the first webhook.</summary>
    /// <param name="generated">The key in text form; <see cref="SigningKey.FindError"/> returns null for it.</param>
    public void Provide(string generated) => _current = [SigningKey.Parse(generated)];
}
