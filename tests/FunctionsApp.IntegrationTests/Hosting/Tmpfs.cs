using System.Diagnostics;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A file system of 2 MiB in memory, to be filled up.</summary>
public sealed class Tmpfs : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tmpfs-");

    private Tmpfs()
    {
    }

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

/// <summary>A test that fills a file system of its own.</summary>
public sealed class TmpfsLocalHostFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> IsPermitted = new(static () =>
    {
        using var trial = Tmpfs.TryMount();
        return trial is not null;
    });

    public TmpfsLocalHostFactAttribute()
    {
        if (FunctionsAppFixture.ExternalBaseUrl is not null)
        {
            Skip = "Starts LocalHosts of its own, while FUNCTIONS_BASE_URL names another app to test.";
        }
        else if (!OperatingSystem.IsLinux() || !IsPermitted.Value)
        {
            Skip = "Mounts a tmpfs, which only root may, on Linux.";
        }
    }
}
