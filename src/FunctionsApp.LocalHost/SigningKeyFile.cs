using System.Runtime.InteropServices;
using System.Text;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.LocalHost;

/// <summary>
/// The key that signs callbacks where <c>Callbacks:SigningKeys</c> has none: it is made when the host starts for the first
/// time, and lies in a file beside the tasks, so that receivers can verify what is sent after a restart.
/// </summary>
internal static class SigningKeyFile
{
    private const string FileName = "signing-key";
    private const string KeysSetting = CallbacksOptions.Section + ":" + nameof(CallbacksOptions.SigningKeys);
    private const string DirectorySetting = TasksOptions.Section + ":" + nameof(TasksOptions.Directory);
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Adds the file's key to the settings, unless they have one. Where no file can be, there is no key, and the host starts all the same.</summary>
    /// <param name="configuration">The app settings.</param>
    /// <param name="contentRoot">Where <c>Tasks:Directory</c> is relative to.</param>
    /// <param name="output">Is told where the key lies.</param>
    /// <param name="error">Is told why there is none.</param>
    /// <exception cref="InvalidOperationException">What the file holds is no key.</exception>
    public static void AddTo(IConfigurationManager configuration, string contentRoot, TextWriter output, TextWriter error)
    {
        if (configuration.GetSection(KeysSetting).GetChildren().Any())
        {
            return;
        }

        var path = Path.GetFullPath(Path.Combine(contentRoot, configuration[DirectorySetting] ?? new TasksOptions().Directory, FileName));
        string key;
        try
        {
            Create(path);
            Restrict(path, error);
            key = File.ReadAllText(path).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            error.WriteLine($"There is no key to sign callbacks with, so none is delivered to a URL: {exception.Message}");
            return;
        }

        // Not a word of what it holds: it may be nearly a key.
        if (SigningKey.Fault(key) is { } fault)
        {
            throw new InvalidOperationException($"{path} holds no signing key: what it holds {fault}. Delete it to have a new one made, or set {KeysSetting}.");
        }

        configuration.AddInMemoryCollection([KeyValuePair.Create(KeysSetting + ":0", (string?)key)]);
        output.WriteLine($"Callbacks are signed with the key in {path}.");
    }

    /// <summary>Makes the file, unless there is one. It has its name only when it is whole.</summary>
    private static void Create(string path)
    {
        if (File.Exists(path))
        {
            return;
        }

        MakeDirectory(Path.GetDirectoryName(path)!);
        var unfinished = $"{path}.{Guid.NewGuid():N}";
        try
        {
            using (var file = new FileStream(unfinished, OnlyForOwner(FileMode.CreateNew)))
            {
                file.Write(Encoding.ASCII.GetBytes(SigningKey.Generate() + "\n"));
                file.Flush(flushToDisk: true);
            }

            Publish(unfinished, path);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <summary>Gives a file its name; when another host was faster, that one's file has it.</summary>
    private static void Publish(string unfinished, string path)
    {
        // On Unix File.Move looks whether the name is free, and then takes it: of two hosts that start at once the second
        // would take it from the first, which already signs with its own key. A link is made or not made.
        if (!OperatingSystem.IsWindows() && Link(unfinished, path) == 0)
        {
            return;
        }

        // Windows moves as it should; and some file systems have no links.
        try
        {
            File.Move(unfinished, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            // The other host's.
        }
    }

    private static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        }
    }

    private static FileStreamOptions OnlyForOwner(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return options;
    }

    /// <summary>Takes from others what they may do with a file that was put there.</summary>
    private static void Restrict(string path, TextWriter error)
    {
        if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & ~OwnerOnly) == 0)
        {
            return;
        }

        try
        {
            File.SetUnixFileMode(path, OwnerOnly);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            error.WriteLine($"Others than its owner may read or change {path}, and the host cannot forbid it: {exception.Message}");
        }
    }

    [DllImport("libc", EntryPoint = "link")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}
