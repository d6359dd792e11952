using System.Security.Cryptography;
using System.Text;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <content>Every host of this assembly keeps its tasks in one <see cref="Azurite"/>, which starts with the first of them and ends with the tests.</content>
public sealed partial class LocalHostProcess
{
    private static readonly Lazy<Azurite> Storage = new(static () =>
    {
        if (Azurite.Missing is { } reason)
        {
            throw new InvalidOperationException(reason);
        }

        var azurite = Task.Run(Azurite.StartNewAsync).GetAwaiter().GetResult();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => azurite.DisposeAsync().AsTask().Wait();
        return azurite;
    });

    static partial void AddEngine(IDictionary<string, string?> environment, (string Key, string Value)[] settings)
    {
        // Hosts share their tasks when they share the directory, as with the other engine.
        var directory = SHA256.HashData(Encoding.UTF8.GetBytes(environment["Tasks__Directory"]!));
        environment["Tasks__Engine"] = "durable";
        environment["Tasks__HubName"] = "t" + Convert.ToHexStringLower(directory)[..20];
        if (!settings.Any(static setting => setting.Key == "AzureWebJobsStorage"))
        {
            environment["AzureWebJobsStorage"] = Storage.Value.ConnectionString;
        }
    }
}
