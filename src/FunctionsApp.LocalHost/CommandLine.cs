using FunctionsApp.Core.Settings;
using Microsoft.Extensions.Configuration.CommandLine;

namespace FunctionsApp.LocalHost;

/// <summary>The settings of the command line. It notes which of them the app reads: the others are mistakes.</summary>
/// <param name="args">The arguments.</param>
internal sealed class CommandLine(string[] args) : IConfigurationSource, ISettingNames
{
    /// <summary>These are read before there is a configuration.</summary>
    private static readonly string[] OfTheBuilder =
        [HostDefaults.ApplicationKey, HostDefaults.ContentRootKey, HostDefaults.EnvironmentKey];

    private readonly HashSet<string> _read = new(OfTheBuilder, StringComparer.OrdinalIgnoreCase);
    private Provider? _provider;

    /// <inheritdoc/>
    public IEnumerable<string> Names => [ListenAddresses.PortSetting, ListenAddresses.UrlsSetting];

    /// <inheritdoc/>
    public IConfigurationProvider Build(IConfigurationBuilder builder) => _provider = new Provider(args, _read);

    /// <summary>Returns the settings that nothing has read, and the options that are none.</summary>
    /// <param name="configuration">The app settings.</param>
    public IEnumerable<string> FindUnknown(IConfiguration configuration) => (_provider?.FindUnread() ?? []).Concat(FindIgnored());

    /// <summary>Returns the options that the configuration leaves out: with one hyphen, or without a value.</summary>
    private IEnumerable<string> FindIgnored()
    {
        for (var i = 0; i < args.Length; i++)
        {
            var option = args[i];
            if (option is not ['-' or '/', ..] || option.Contains('=', StringComparison.Ordinal))
            {
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

            // Whoever sets a value sets it in each provider.
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
