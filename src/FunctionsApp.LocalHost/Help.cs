using System.Reflection;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Settings;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.LocalHost;

/// <summary>What the host prints instead of a start: <c>--help</c> and <c>--version</c>.</summary>
internal static class Help
{
    private static readonly (string Name, string Text)[] Common =
    [
        ($"{TasksOptions.Section}:{nameof(TasksOptions.Directory)}", "where tasks are stored (data/tasks)"),
        ($"{TasksOptions.Section}:{nameof(TasksOptions.Engine)}", "embedded, or durable for many processes (embedded)"),
        ($"{LimitsOptions.Section}:{nameof(LimitsOptions.MaxTimeoutSeconds)}", "the maximum timeout of a request, in seconds (3600)"),
        ($"{LimitsOptions.Section}:{nameof(LimitsOptions.MaxRequestBytes)}", "the maximum bytes of a JSON body (10485760)"),
        ($"{CpuOptions.Section}:{nameof(CpuOptions.Threads)}", "CPU threads (one for each core)"),
        ($"{OutboundOptions.Section}:{nameof(OutboundOptions.AllowedHosts)}:0", "a private host that requests may go to (none)"),
        ($"{WebhookOptions.Section}:{nameof(WebhookOptions.SigningKeys)}:0", "the key that signs webhooks (generated)"),
        ($"{HostOptions.Section}:{nameof(HostOptions.FunctionKeys)}:0", "a key that every request must have (none)"),
        ("Logging:Console:FormatterName", "simple, json or systemd (simple)"),
    ];

    private static readonly (string Name, Type Options)[] Sections =
    [
        (LimitsOptions.Section, typeof(LimitsOptions)),
        (CpuOptions.Section, typeof(CpuOptions)),
        (OutboundOptions.Section, typeof(OutboundOptions)),
        (TasksOptions.Section, typeof(TasksOptions)),
        (WebhookOptions.Section, typeof(WebhookOptions)),
        (HostOptions.Section, typeof(HostOptions)),
    ];

    /// <summary>Returns the text that the arguments request; null if the host is to start.</summary>
    /// <param name="args">The arguments.</param>
    public static string? For(string[] args) =>
        args.Any(static arg => arg is "--help" or "-h" or "-?") ? Text
        : args.Contains("--version", StringComparer.Ordinal) ? Version
        : null;

    private static string Version
    {
        get
        {
            var assembly = (Assembly.GetEntryAssembly() ?? typeof(Help).Assembly).GetName();
            return $"{assembly.Name} {assembly.Version!.ToString(3)}";
        }
    }

    private static string Text => $"""
        asyncio over HTTP: serves the functions on this machine.

        Usage: dotnet run --project <project> [-- <options>]
               dotnet {Assembly.GetEntryAssembly()?.GetName().Name}.dll [<options>]

        Options:
          --{ListenAddresses.PortSetting} <port>         the port on 127.0.0.1 ({ListenAddresses.DefaultPort}); 0 for a free one
          --{ListenAddresses.UrlsSetting} <urls>         the addresses, separated by semicolons, such as http://0.0.0.0:7071
          --<setting> <value>   any setting, such as --Limits:MaxCalls 100
          --help                prints this text
          --version             prints the version

        Common settings, with their defaults. In the environment a colon is two underscores: Limits__MaxCalls=100
        {string.Join(Environment.NewLine, Common.Select(static setting => $"  {setting.Name,-31} {setting.Text}"))}

        All settings, by section:
        {string.Join(Environment.NewLine, Sections.Select(static section => $"  {section.Name}: {NamesIn(section.Name, section.Options)}"))}
        """;

    private static string NamesIn(string section, Type options) =>
        string.Join(", ", new SettingsSection(section, options).Names.Select(name => name[(section.Length + 1)..]));
}
