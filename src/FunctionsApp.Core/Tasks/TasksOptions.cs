using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Core.Tasks;

/// <summary>The storage and the limits of tasks; configuration section <c>Tasks</c>.</summary>
public sealed record TasksOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Tasks";

    /// <summary>The setting of <see cref="Engine"/>.</summary>
    public const string EngineSetting = $"{Section}:{nameof(Engine)}";

    /// <summary>The maximum time that a task is kept after its end, in seconds: 30 days.</summary>
    public const int MaxTtlSeconds = 2_592_000;

    /// <summary>
    /// The engine: <c>embedded</c> for one process, <c>durable</c> for any number that share a storage account. Default <c>embedded</c>.
    /// </summary>
    [AllowedValues("embedded", "durable")]
    public string Engine { get; set; } = "embedded";

    /// <summary>
    /// The setting of the durable engine's storage account: a connection string, or a section with <c>accountName</c>, or with
    /// <c>blobServiceUri</c>, <c>queueServiceUri</c> and <c>tableServiceUri</c>, for a managed identity. Default
    /// <c>AzureWebJobsStorage</c>.
    /// </summary>
    [Required]
    public string Connection { get; set; } = "AzureWebJobsStorage";

    /// <summary>
    /// The task hub of the durable engine: processes with the same account and hub are one app. Default: that of host.json,
    /// <c>FunctionsApp</c>.
    /// </summary>
    [RegularExpression("^[A-Za-z][A-Za-z0-9]{2,44}$", ErrorMessage = "must be 3 to 45 letters and digits, the first a letter")]
    public string HubName { get; set; } = "FunctionsApp";

    /// <summary>
    /// How long the durable engine waits at most before it looks for work in an idle hub again, in seconds. While there is work it looks
    /// every 50 ms, and what a process sends to itself it sees at once. Default 0.8.
    /// </summary>
    [Range(0.05, 60)]
    public double MaxPollingSeconds { get; set; } = 0.8;

    /// <summary>
    /// The directory of the embedded engine's state; a relative path is below the content root. Default <c>data/tasks</c>.
    /// </summary>
    [Required]
    public string Directory { get; set; } = "data/tasks";

    /// <summary>The maximum number of running tasks, of this process. Default: cores × 4.</summary>
    [Range(1, 100_000)]
    public int MaxRunning { get; set; } = Environment.ProcessorCount * 4;

    /// <summary>
    /// The maximum number of queued tasks, including those between attempts. Above it a task is <c>saturated</c>. The durable
    /// engine knows approximately how many activities of all processes wait or run, and counts those. Default 10,000.
    /// </summary>
    [Range(1, 10_000_000)]
    public int MaxQueued { get; set; } = 10_000;

    /// <summary>How long a task is kept after its end if its request does not specify that, in seconds. Default 86,400.</summary>
    [Range(1, MaxTtlSeconds)]
    public int DefaultTtlSeconds { get; set; } = 86_400;

    /// <summary>
    /// The maximum bytes that all tasks take in the database, inputs and results included; with the durable engine those of the
    /// blobs, approximately. Above it a task is refused as <c>saturated</c>. Default 1 GiB.
    /// </summary>
    [Range(1_048_576, 1_099_511_627_776)]
    public long MaxStateBytes { get; set; } = 1_073_741_824;

    /// <summary>Returns whether the app settings name the durable engine.</summary>
    /// <param name="configuration">The app settings.</param>
    public static bool IsDurable(IConfiguration configuration) => configuration[EngineSetting] is "durable";

    /// <summary>Makes <see cref="Directory"/> absolute. An empty one stays empty, which the check at startup refuses.</summary>
    /// <param name="root">The absolute path of the folder that it is relative to.</param>
    public void ResolveDirectory(string root) => Directory = Directory.Length == 0 ? "" : Path.GetFullPath(Directory, root);
}
