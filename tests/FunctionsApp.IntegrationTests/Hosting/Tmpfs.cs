using System.Diagnostics;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A file system of 2 MiB in memory, to be filled up.</summary>
public sealed class Tmpfs : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tmpfs-");

    private Tmpfs()
    {
    }

    private static readonly Lazy<bool> Permission = new(static () =>
    {
        using var trial = TryMount();
        return trial is not null;
    });

    /// <summary>Whether one may be mounted here.</summary>
    public static bool IsPermitted => OperatingSystem.IsLinux() && Permission.Value;

    public string Path => _directory.FullName;

    /// <summary>Mounts one; null where that is not permitted.</summary>
    public static Tmpfs? TryMount()
    {
        var made = new Tmpfs();
        if (Run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", made.Path) == 0)
        {
            return made;
        }

        made._directory.Delete();
        return null;
    }

    /// <summary>Writes a file until there is no room for a byte more.</summary>
    public void Fill(string name)
    {
        // Unbuffered: what is refused must not be tried again when the file is closed.
        using var file = new FileStream(System.IO.Path.Combine(Path, name), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var bytes = new byte[64 * 1024];
        for (var length = bytes.Length; length > 0;)
        {
            try
            {
                file.Write(bytes, 0, length);
            }
            catch (IOException)
            {
                length /= 2;
            }
        }
    }

    public void Free(string name) => File.Delete(System.IO.Path.Combine(Path, name));

    public void Dispose()
    {
        Assert.Equal(0, Run("umount", Path));
        _directory.Delete();
    }

    private static int Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
