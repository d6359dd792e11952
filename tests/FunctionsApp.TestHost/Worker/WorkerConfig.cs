using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.TestHost.Worker;

/// <summary>The file <c>worker.config.json</c> of a package: how its worker is started.</summary>
/// <param name="Description">The one section that matters here.</param>
internal sealed record WorkerConfig(WorkerDescription Description)
{
    private const string FileName = "worker.config.json";

    /// <summary>Reads the file.</summary>
    /// <exception cref="WorkerException">There is none, or it is not JSON.</exception>
    public static WorkerConfig Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), WorkerConfigJson.Default.WorkerConfig)!;
        }
        catch (Exception exception) when (exception is IOException or JsonException)
        {
            throw new WorkerException($"{path} cannot be read: {exception.Message} Publish the app first (dotnet publish).", exception);
        }
    }
}

/// <summary>How a worker is started.</summary>
/// <param name="DefaultExecutablePath">The program, as <c>dotnet</c>.</param>
/// <param name="DefaultWorkerPath">Its first argument: the worker, below the package.</param>
internal sealed record WorkerDescription(string DefaultExecutablePath, string DefaultWorkerPath);

/// <summary>Metadata of the file.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(WorkerConfig))]
internal sealed partial class WorkerConfigJson : JsonSerializerContext;
