using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using DurableTask.AzureStorage;
using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// Connects to the storage account that a setting names, as the Functions host does: by a connection string or by a managed identity.
/// The settings are checked at startup. Whether the account can be reached may change at any time.
/// </summary>
internal sealed class StorageConnection(IConfiguration configuration) : IValidateOptions<TasksOptions>
{
    /// <summary>
    /// How long one request to storage may take. The defaults of the clients, 100 s and three retries, would let callers wait for
    /// minutes.
    /// </summary>
    private static readonly TimeSpan NetworkTimeout = TimeSpan.FromSeconds(5);

    private const int MaxRetries = 2;

    public ValidateOptionsResult Validate(string? name, TasksOptions options)
    {
        try
        {
            _ = Open(options.Connection);
            return ValidateOptionsResult.Success;
        }
        catch (InvalidOperationException exception)
        {
            return ValidateOptionsResult.Fail(exception.Message);
        }
    }

    /// <summary>Returns what creates clients. It makes no request.</summary>
    /// <param name="name">The setting: a connection string, or a section with <c>accountName</c> or the three service URIs.</param>
    /// <exception cref="InvalidOperationException">The setting is missing or incomplete.</exception>
    public StorageAccountClientProvider Open(string name)
    {
        if (name.Contains('=', StringComparison.Ordinal))
        {
            // A connection string in place of its name has a key in it: no other message may quote it.
            throw new InvalidOperationException(
                $"{TasksOptions.Section}:{nameof(TasksOptions.Connection)} must be the name of a setting, not a connection string.");
        }

        var blobs = Bounded(new BlobClientOptions());
        var queues = Bounded(new QueueClientOptions { MessageEncoding = QueueMessageEncoding.None });
        var tables = Bounded(new TableClientOptions());

        // ConnectionStrings:Name is the other place where the platform looks.
        var section = configuration.GetSection(name);
        if ((section.Value ?? configuration.GetConnectionString(name)) is { Length: > 0 } text)
        {
            try
            {
                // The providers parse it at the first use.
                _ = new BlobServiceClient(text);
                return new(
                    StorageServiceClientProvider.ForBlob(text, blobs),
                    StorageServiceClientProvider.ForQueue(text, queues),
                    StorageServiceClientProvider.ForTable(text, tables));
            }
            catch (Exception exception) when (exception is FormatException or ArgumentException)
            {
                // The message must not contain the value, which has a key in it.
                throw new InvalidOperationException($"{name} is not a connection string of Azure Storage.", exception);
            }
        }

        // The identity of the platform; on a developer's machine that of its tools.
        var credential = new DefaultAzureCredential(new DefaultAzureCredentialOptions { ManagedIdentityClientId = section["clientId"] });
        return new(
            StorageServiceClientProvider.ForBlob(UriOf(section, "blob"), credential, blobs),
            StorageServiceClientProvider.ForQueue(UriOf(section, "queue"), credential, queues),
            StorageServiceClientProvider.ForTable(UriOf(section, "table"), credential, tables));
    }

    private static T Bounded<T>(T options)
        where T : ClientOptions
    {
        options.Retry.NetworkTimeout = NetworkTimeout;
        options.Retry.MaxRetries = MaxRetries;
        options.Retry.MaxDelay = TimeSpan.FromSeconds(2);

        // An idle process makes dozens of requests a second.
        options.Diagnostics.IsLoggingEnabled = false;
        return options;
    }

    private static Uri UriOf(IConfigurationSection section, string service) =>
        section["accountName"] is { Length: > 0 } account ? new Uri($"https://{account}.{service}.core.windows.net")
        : Uri.TryCreate(section[service + "ServiceUri"], UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" ? uri
        : throw new InvalidOperationException(
            $"The durable task engine needs a storage account: set {section.Path} to its connection string, "
            + $"or {section.Path}:accountName, or {section.Path}:{service}ServiceUri and its siblings.");
}
