using FunctionsApp.Core.Settings;
using Microsoft.Extensions.Configuration.CommandLine;

namespace FunctionsApp.LocalHost;

/// <summary>The settings of the command line. Those that the app never reads are mistakes.</summary>
/// <param name="args">The arguments.</param>
internal sealed class CommandLine(string[] args) : IConfigurationSource, ISettingNames
{
    /// <summary>These are read before there is a configuration.</summary>
    private static readonly string[] OfTheBuilder =
    [
        HostDefaults.ApplicationKey, HostDefaults.ContentRootKey, HostDefaults.EnvironmentKey, WebHostDefaults.WebRootKey,
        WebHostDefaults.DetailedErrorsKey, WebHostDefaults.CaptureStartupErrorsKey, WebHostDefaults.HostingStartupAssembliesKey,
        WebHostDefaults.HostingStartupExcludeAssembliesKey, WebHostDefaults.PreventHostingStartupKey, WebHostDefaults.ShutdownTimeoutKey,
        WebHostDefaults.StaticWebAssetsKey, WebHostDefaults.SuppressStatusMessagesKey,
    ];

    private readonly HashSet<string> _read = new(OfTheBuilder, StringComparer.OrdinalIgnoreCase);
    private Provider? _provider;

    /// <inheritdoc/>
    public IEnumerable<string> Names => [ListenAddresses.PortSetting, ListenAddresses.UrlsSetting];

    /// <inheritdoc/>
    public IConfigurationProvider Build(IConfigurationBuilder builder) => _provider = new Provider(args, _read);

    /// <summary>Returns the settings that nothing has read, and the invalid arguments.</summary>
    /// <param name="configuration">The app settings.</param>
    public IEnumerable<string> FindUnknown(IConfiguration configuration) => (_provider?.FindUnread() ?? []).Concat(FindIgnored());

    /// <summary>Returns the arguments that the configuration leaves out: with one hyphen or none, or without a value.</summary>
    private IEnumerable<string> FindIgnored()
    {
        for (var i = 0; i < args.Length; i++)
        {
            var option = args[i];
            if (option.Contains('=', StringComparison.Ordinal))
            {
                continue;
            }

            if (option is not ['-' or '/', ..])
            {
                yield return option;
                continue;
            }

            // The next argument is its value.
            if (++i == args.Length)
            {
                yield return $"{option} (without a value)";
            }
            else if (option is ['-', not '-', ..])
            {
                yield return option;
            }
        }
    }

    private sealed class Provider(string[] args, HashSet<string> read) : CommandLineConfigurationProvider(args)
    {
        private string[] _names = [];

        public override void Load()
        {
            base.Load();

            // A value that code sets later is set in each provider, in this one too.
            _names = [.. Data.Keys];
        }

        public override bool TryGet(string key, out string? value)
        {
            var isFound = base.TryGet(key, out value);
            if (isFound)
            {
                lock (read)
                {
                    read.Add(key);
                }
            }

            return isFound;
        }

        public IReadOnlyList<string> FindUnread()
        {
            lock (read)
            {
                return [.. _names.Except(read, StringComparer.OrdinalIgnoreCase)];
            }
        }
    }
}
