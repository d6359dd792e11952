using System.Diagnostics;
using System.Globalization;

namespace FunctionsApp.TestHost.Worker;

/// <summary>The process of a worker, started with the arguments and variables that the Functions host gives it.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private WorkerProcess(Process process) => _process = process;

    /// <summary>The process.</summary>
    public Process Process => _process;

    /// <summary>Starts the worker of a package.</summary>
    /// <param name="options">The package and its settings.</param>
    /// <param name="server">Where the host speaks the worker's protocol.</param>
    /// <param name="workerId">The id with which the worker is to connect.</param>
    /// <param name="maxMessageBytes">The longest message.</param>
    /// <param name="log">Receives what the process prints.</param>
    /// <exception cref="WorkerException">It cannot be started.</exception>
    public static WorkerProcess Start(TestHostOptions options, Uri server, string workerId, int maxMessageBytes, WorkerLog log)
    {
        var directory = Path.GetFullPath(options.PackageDirectory);
        var description = WorkerConfig.Read(directory).Description;
        var (requestId, length) = (Guid.NewGuid().ToString(), maxMessageBytes.ToString(CultureInfo.InvariantCulture));

        // Each is given by its old name and by its new one.
        var start = new ProcessStartInfo(
            description.DefaultExecutablePath,
            [
                Path.Combine(directory, description.DefaultWorkerPath),
                "--host", server.Host, "--port", server.Port.ToString(CultureInfo.InvariantCulture),
                "--workerId", workerId, "--requestId", requestId, "--grpcMaxMessageLength", length,
                "--functions-uri", server.AbsoluteUri, "--functions-worker-id", workerId,
                "--functions-request-id", requestId, "--functions-grpc-max-message-length", length,
            ])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated";
        start.Environment["FUNCTIONS_WORKER_DIRECTORY"] = directory;
        start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = directory;
        foreach (var (name, value) in options.Settings)
        {
            start.Environment[name] = value;
        }

        var worker = new WorkerProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        worker._process.OutputDataReceived += (_, line) => log.Add(line.Data);
        worker._process.ErrorDataReceived += (_, line) => log.Add(line.Data);
        try
        {
            worker._process.Start();
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new WorkerException($"The worker cannot be started: {exception.Message}", exception);
        }

        worker._process.BeginOutputReadLine();
        worker._process.BeginErrorReadLine();
        return worker;
    }

    /// <summary>Waits for the end of the process, and until all that it has printed is in the log.</summary>
    public Task WaitForExitAsync() => _process.WaitForExitAsync();

    /// <summary>Waits for the end of the process, which has been asked for; kills it when it takes too long.</summary>
    /// <returns>Whether it ended by itself.</returns>
    public async Task<bool> EndAsync(TimeSpan timeout)
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(timeout);
            return true;
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            return false;
        }
    }

    /// <summary>Kills the process if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}
