namespace FunctionsApp.Durable.Records;

/// <summary>The task of an idempotency key.</summary>
/// <param name="Id">The task.</param>
/// <param name="CreatedAt">When the key was taken.</param>
/// <param name="Fingerprint">A digest of the request.</param>
internal sealed record KeyEntry(string Id, DateTimeOffset CreatedAt, string? Fingerprint = null);
